"""Attempts: which host each attempt of a task goes to, and its messages; pure, Airflow is not loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import ConfigurationError
from ..fleet.model import HostSpec
from ..picking.choice import index_key
from ..picking.rendezvous import Candidate

if TYPE_CHECKING:
    from ..config import Host


T = TypeVar("T")
H = TypeVar("H", bound=Candidate)


@dataclass(frozen=True)
class Attempt:
    """One attempt of a task.

    Attributes:
        key: Identifies the task; it decides the ranking of the hosts.
        index: The index of a mapped task whose indices rank the hosts each for itself; -1 of any other task.
        number: Which attempt this is, from 1.
        task: The task as it is named in messages; empty outside of a task.
        pool: The pool of the task.
        slots: How many slots the task takes in it.
    """

    key: str
    number: int = 1
    task: str = ""
    pool: str = ""
    slots: int = 1
    index: int = -1

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.task or self.key}"


def attempt_of(context: Mapping[str, Any] | None, key: str | None) -> Attempt:
    """Return the attempt of a task's context.

    Args:
        context: The context of the task that runs; None outside of a task, which is attempt 1.
        key: Identifies the task, and is the same for all indices of a mapped one; default: `<dag_id>.<task_id>` and the index.

    Raises:
        ConfigurationError: There is neither a task nor a key.
    """
    if context is None:
        if not key:
            raise ConfigurationError("outside of a task a BalancedSSHHook needs key=..., which decides the ranking of its hosts")
        return Attempt(key)
    ti, task = context["ti"], f"{context['ti'].dag_id}.{context['ti'].task_id}"
    index: int = -1 if (given := getattr(ti, "map_index", None)) is None else given
    named = task if index < 0 else index_key(task, index)
    counted = context["task"].pool, context["task"].pool_slots
    return Attempt(key or task, max(ti.try_number, 1), named, *counted, index=-1 if key else index)


def starting_with(ranked: Sequence[H], first: str | None) -> list[H]:
    """Return the hosts with the one of this name in front, where there is one.

    >>> hosts = [HostSpec(name=name, size=8) for name in ("host1", "host2", "host3")]
    >>> [host.name for host in starting_with(hosts, "host3")]
    ['host3', 'host1', 'host2']
    """
    return sorted(ranked, key=lambda host: bool(first) and host.name != first)


def in_turn(ranked: Sequence[T], number: int) -> list[T]:
    """Return the hosts from that of an attempt on, the ranking being a circle.

    >>> in_turn(["host1", "host2", "host3"], 2)
    ['host2', 'host3', 'host1']
    """
    first = (number - 1) % len(ranked)
    return [*ranked[first:], *ranked[:first]]


def load_of_others(attempt: Attempt, load: Mapping[str, int], pools: Mapping[str, str]) -> dict[str, int]:
    """Return how many slots are taken on each host, without those of the attempt's own task.

    Args:
        attempt: The attempt.
        load: How many slots are taken on each host, by name.
        pools: The name of each host's pool, by the host's name.

    >>> load_of_others(Attempt("key", pool="host1"), {"host1": 1, "host2": 0}, {"host1": "host1", "host2": "host2"})
    {'host1': 0, 'host2': 0}
    """
    return {name: max(0, taken - attempt.slots * (pools[name] == attempt.pool)) for name, taken in load.items()}


def called(host: HostSpec | Host) -> str:
    """Return how messages call a host: by its name, and its address where that is another.

    >>> called(HostSpec(name="host1", address="10.0.0.5", size=8))
    "host 'host1' at 10.0.0.5"
    """
    return f"host {host.name!r}" + (f" at {host.address}" if host.address not in (None, host.name) else "")


def unreachable_message(attempt: Attempt, ranked: Sequence[str], failures: Mapping[str, Exception]) -> str:
    """Return the message of an attempt that fails because its hosts cannot be reached.

    Args:
        attempt: The attempt.
        ranked: All candidates as they are called, in the order of the attempts.
        failures: The hosts that were tried, and why each cannot be reached.
    """
    reasons = "; ".join(f"{host} cannot be reached: {reason_of(error)}" for host, error in failures.items())
    if len(ranked) == 1:
        return f"{reasons}; it is the only candidate of {attempt}"
    following = in_turn(ranked, attempt.number + 1)[0]
    return f"{reasons}; {attempt} fails here, a next one goes to {following}"


def reason_of(error: Exception) -> str:
    """Return an error's text, or its class where it has none.

    >>> reason_of(EOFError())
    'EOFError'
    """
    return str(error) or type(error).__name__
