"""The host of each attempt of a task, and the messages about unreachable hosts; pure, without Airflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from ..picking.rendezvous import Candidate
from ..ssh.task import Attempt

T = TypeVar("T")
H = TypeVar("H", bound=Candidate)


def starting_with(ranked: Sequence[H], first: str | None) -> list[H]:
    """Return the hosts with the one named `first` in front, if there is one.

    >>> from ..fleet.model import HostSpec
    >>> hosts = [HostSpec(name=name, size=8) for name in ("host1", "host2", "host3")]
    >>> [host.name for host in starting_with(hosts, "host3")]
    ['host3', 'host1', 'host2']
    """
    return sorted(ranked, key=lambda host: bool(first) and host.name != first)


def in_turn(ranked: Sequence[T], number: int) -> list[T]:
    """Return the ranking as a circle that starts with the host of attempt `number`.

    >>> in_turn(["host1", "host2", "host3"], 2)
    ['host2', 'host3', 'host1']
    """
    first = (number - 1) % len(ranked)
    return [*ranked[first:], *ranked[:first]]


def load_of_others(attempt: Attempt, load: Mapping[str, int], pools: Mapping[str, str]) -> dict[str, int]:
    """Return the taken slots by host, without those of the attempt's own task.

    Args:
        attempt: The attempt.
        load: The taken slots by host.
        pools: The name of each host's pool, by host.

    >>> load_of_others(Attempt("key", pool="host1"), {"host1": 1, "host2": 0}, {"host1": "host1", "host2": "host2"})
    {'host1': 0, 'host2': 0}
    """
    return {name: max(0, taken - attempt.slots * (pools[name] == attempt.pool)) for name, taken in load.items()}


def unreachable_message(attempt: Attempt, ranked: Sequence[str], failures: Mapping[str, Exception]) -> str:
    """Return the message of an attempt that fails because its hosts are unreachable.

    Args:
        attempt: The attempt.
        ranked: All candidates as messages call them, in the order of the attempts.
        failures: The error of each host that was tried.
    """
    reasons = "; ".join(f"{host} cannot be reached: {reason_of(error)}" for host, error in failures.items())
    if len(ranked) == 1:
        return f"{reasons}; it is the only candidate of {attempt}"
    following = in_turn(ranked, attempt.number + 1)[0]
    return f"{reasons}; {attempt} fails here, a next one goes to {following}"


def reason_of(error: Exception) -> str:
    """Return an error's text, or the name of its class if the text is empty.

    >>> reason_of(EOFError())
    'EOFError'
    """
    return str(error) or type(error).__name__
