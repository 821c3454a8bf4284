"""The rules between the entries of a fleet: unique names, ports on known hosts, one size for each pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import Problem, listing, suggestion
from .entries import Entries
from .pools import DEFAULT_POOL, PoolSlots, queue_pool_name, queue_slots, requested_pools

if TYPE_CHECKING:
    from .fleet import Fleet

__all__ = ("host_problems", "pool_problems", "port_problems")


def host_problems(hosts: Entries) -> list[Problem]:
    """Return a problem for each host whose name an earlier one has."""
    return _repeated(hosts, [host["name"] for host in hosts.data], "host names must differ")


def port_problems(ports: Entries, hosts: set[str]) -> list[Problem]:
    """Return a problem for each port on an unknown host, or with the number or the name of an earlier one."""
    unknown = [
        Problem(f"unknown host {name!r}{suggestion(name, hosts)} (hosts: {listing(hosts)})", ports.subject(at), (*ports.path(at), "host"))
        for at, port in enumerate(ports.data)
        if (name := port["host"]) not in hosts
    ]
    numbers = [(port["host"], int(port["port"])) for port in ports.data]
    names = [port.get("name", at) for at, port in enumerate(ports.data)]
    repeated = _repeated(ports, numbers, "a host has each port once") + _repeated(ports, names, "port names must differ")
    return unknown + repeated


def _repeated(entries: Entries, identities: Sequence[str | int | tuple[str, int]], rule: str) -> list[Problem]:
    """Return a problem for each entry whose identity an earlier one has; an empty identity may repeat."""
    if len(set(identities)) == len(identities):
        return []
    first: dict[str | int | tuple[str, int], int] = {}
    problems = []
    for at, identity in enumerate(identities):
        if identity and (before := first.setdefault(identity, at)) != at:
            places = f"{_shown(entries.path(before))} and {_shown(entries.path(at))}"
            problems.append(Problem(f"is defined twice, at {places}; {rule}", entries.subject(at), entries.path(at)))
    return problems


def _shown(path: tuple[str | int, ...]) -> str:
    group, index = path
    return f"{group}[{index}]" if isinstance(index, int) else f"{group}.{index}"


def pool_problems(fleet: Fleet) -> list[Problem]:
    """Return a problem for each request of a pool that is Airflow's own, another's queue's, or of another size elsewhere."""
    names = [host.pool_name for host in fleet.hosts] + [port.pool for port in fleet.ports] + [*map(queue_pool_name, queue_slots(fleet))]
    if len({*names, DEFAULT_POOL}) > len(names):
        return []  # all names differ, also from Airflow's own
    first: dict[str, tuple[str, PoolSlots]] = {}
    problems = []
    for subject, pool in requested_pools(fleet):
        if text := _pool_problem(subject, pool, *first.setdefault(pool.name, (subject, pool))):
            problems.append(Problem(text, subject))
    return problems


def _pool_problem(subject: str, pool: PoolSlots, other: str, same: PoolSlots) -> str:
    """Return what is wrong with a request of a pool, which the subject `other` was the first to request."""
    if pool.name == DEFAULT_POOL:
        return f"its pool would be Airflow's own {DEFAULT_POOL!r}; give it another with key 'pool'"
    if subject != other and subject.startswith("queue "):
        return f"its pool {pool.name!r} is also that of {other}; rename that one"
    if same.slots != pool.slots:
        text = f"pool {pool.name!r} is requested with {pool.slots} slots, but with {same.slots} by {other}"
        return f"{text}; give both the same, as in pool: {{pool: {pool.name}, slots: {same.slots}}}"
    return ""
