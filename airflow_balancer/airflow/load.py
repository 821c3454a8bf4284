"""How many slots are taken on a task's candidates now: on the hosts where they are held there, else in their pools."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..config import Host
from ..errors import BalancerError, listing
from ..fleet.fleet import Fleet
from ..fleet.model import called
from ..ssh.asking import ask_all
from ..ssh.task import Attempt
from .failover import load_of_others, reason_of
from .occupancy import host_load

_log = logging.getLogger("airflow_balancer")


def taken_slots(attempt: Attempt, hosts: Sequence[Host], fleet: Fleet, *, seconds: float, **hook_args: Any) -> dict[str, int]:
    """Return how many slots are taken on each host now, by name, without those of the attempt's own task.

    A host with `hold_slots` is asked. One that does not say so in time counts by its pool, as do all others;
    where the pools are unknown, it counts as full.

    Args:
        attempt: The attempt, which holds no slot yet.
        hosts: The candidates, in the order in which they are asked.
        fleet: The fleet that they are in.
        seconds: How long the hosts have to answer.
        **hook_args: Arguments of the hosts' hooks.

    Raises:
        BalancerError: Nothing is known of any of them.
    """
    held, silent = _held_slots(hosts, seconds, hook_args)
    if silent:
        _log.warning("%s: these hosts count by their pools, as they do not say how many slots are held: %s", attempt, listing(silent))
    if len(held) == len(hosts):
        return held
    try:
        pools = load_of_others(attempt, host_load(fleet), {host.name: host.pool_name for host in fleet.hosts})
    except BalancerError as error:
        if not held:
            raise
        _log.warning("%s: hosts that hold no slots, or do not say so, count as full: %s", attempt, error)
        pools = {host.name: host.size or 1 for host in hosts}
    return pools | held


def _held_slots(hosts: Sequence[Host], seconds: float, hook_args: Mapping[str, Any]) -> tuple[dict[str, int], list[str]]:
    """Return how many slots are held on each host that says so, and why the others do not."""
    asked = {host.name: host for host in hosts if host.hold_slots}
    answers = ask_all({name: _question(host, seconds, hook_args) for name, host in asked.items()}, seconds)
    held = {name: answer for name, answer in answers.items() if isinstance(answer, int)}
    errors = {name: answer for name, answer in answers.items() if isinstance(answer, Exception)}
    return held, [f"{called(asked[name])} ({reason_of(error).splitlines()[0]})" for name, error in errors.items()]


def _question(host: Host, seconds: float, hook_args: Mapping[str, Any]) -> Callable[[], int]:
    """Return what asks a host; its hook is made now: only the task's own thread reads connections and Variables."""
    try:
        question: Callable[[], int] = partial(host.hook(**hook_args).held, seconds)
    except Exception as error:
        return partial(_fail, error)
    return question


def _fail(error: Exception) -> int:
    raise error
