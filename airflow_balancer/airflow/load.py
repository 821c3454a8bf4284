"""The current load of a task's candidates: the slots held on each host, else the slots taken in its pool."""

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
    """Return the taken slots by host, without those of the attempt's own task.

    Hosts with `hold_slots` report their held slots. All others, and those that do not answer in time, count by their
    pools, or as full if the pools cannot be read.

    Args:
        attempt: The attempt, which holds no slot yet.
        hosts: The candidates, in the order to ask them.
        fleet: The fleet of the hosts.
        seconds: How long to wait for the hosts' answers.
        **hook_args: Arguments of the hosts' hooks.

    Raises:
        BalancerError: No host's load can be read.
    """
    held, silent = _held_slots(hosts, seconds, hook_args)
    if silent:
        _log.warning("%s: these hosts did not report their held slots, and count by their pools: %s", attempt, listing(silent))
    if len(held) == len(hosts):
        return held
    try:
        pools = load_of_others(attempt, host_load(fleet), {host.name: host.pool_name for host in fleet.hosts})
    except BalancerError as error:
        if not held:
            raise
        _log.warning("%s: hosts without a report count as full: %s", attempt, error)
        pools = {host.name: host.size or 1 for host in hosts}
    return pools | held


def _held_slots(hosts: Sequence[Host], seconds: float, hook_args: Mapping[str, Any]) -> tuple[dict[str, int], list[str]]:
    """Return the held slots of each host that reports them, and why the others do not."""
    asked = {host.name: host for host in hosts if host.hold_slots}
    answers = ask_all({name: _question(host, seconds, hook_args) for name, host in asked.items()}, seconds)
    held = {name: answer for name, answer in answers.items() if isinstance(answer, int)}
    errors = {name: answer for name, answer in answers.items() if isinstance(answer, Exception)}
    return held, [f"{called(asked[name])} ({reason_of(error).splitlines()[0]})" for name, error in errors.items()]


def _question(host: Host, seconds: float, hook_args: Mapping[str, Any]) -> Callable[[], int]:
    """Return a function that asks a host. Create its hook here: only the task's own thread may read connections and Variables."""
    try:
        question: Callable[[], int] = partial(host.hook(**hook_args).held, seconds)
    except Exception as error:
        return partial(_fail, error)
    return question


def _fail(error: Exception) -> int:
    raise error
