"""The pools that a fleet requests: those of hosts, ports and queues, and those under `pools:`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..errors import Problem

if TYPE_CHECKING:
    from .model import HostSpec, NamedPoolSpec, PortSpec, Settings

DEFAULT_POOL = "default_pool"
"""The pool that Airflow creates itself, and that tasks use by default."""


class PoolSlots(NamedTuple):
    """A row of Airflow's `slot_pool` table. Without a `team`, tasks of all teams may use the pool."""

    name: str
    slots: int
    description: str
    include_deferred: bool
    team: str | None = None


def mark(description: str, slots: int) -> str:
    """Return a pool's description with the balancer's mark: the `slots` that the balancer gave it.

    >>> mark("Balancer pool for host(host1)", 8)
    'Balancer pool for host(host1) [airflow-balancer: 8 slots]'
    """
    return f"{description} [airflow-balancer: {slots} {'slot' if slots == 1 else 'slots'}]".lstrip()


class _Requesting(Protocol):
    """The part of a fleet that its pools follow from."""

    @property
    def hosts(self) -> Sequence[HostSpec]: ...
    @property
    def ports(self) -> Sequence[PortSpec]: ...
    @property
    def named_pools(self) -> Sequence[NamedPoolSpec]: ...
    @property
    def settings(self) -> Settings: ...


class Requested(NamedTuple):
    """A pool, the subject that requests it, and the path of one under `pools` below the balancer's node."""

    subject: str
    pool: PoolSlots
    path: tuple[str, ...] = ()


def requested_pools(fleet: _Requesting) -> list[Requested]:
    """Return the pool that each host, port and queue requests, then those under `pools:`.

    A host that names a pool without slots requests nothing if another host gives them.
    """
    given, team = {host.pool.pool for host in fleet.hosts if host.pool and host.pool.slots}, fleet.settings.team
    hosts = [host for host in fleet.hosts if host.pool is None or host.pool.slots or host.pool.pool not in given]
    pools = [Requested(f"host {host.name!r}", PoolSlots(*host.pool_values.values())._replace(team=team)) for host in hosts]
    for port in fleet.ports:
        text = f"Balancer pool for host({port.host}) port({port.port})"
        pools.append(Requested(f"port {port.name or port.port!r}", PoolSlots(port.pool, 1, text, include_deferred=True, team=team)))
    for queue, slots in queue_slots(fleet).items():
        text = f"Balancer pool for queue({queue})"
        pools.append(Requested(f"queue {queue!r}", PoolSlots(queue_pool_name(queue), slots, text, include_deferred=True, team=team)))
    for own in fleet.named_pools:
        pool = PoolSlots(own.name, own.slots, own.description, own.include_deferred, team)
        pools.append(Requested(f"pool {own.name!r}", pool, ("pools", own.name)))
    return pools


def queue_pool_name(queue: str) -> str:
    """Return the name of a queue's pool."""
    return f"queue-{queue}"


def queue_slots(fleet: _Requesting) -> dict[str, int]:
    """Return the slots of each queue's pool if `queue_pools` is set: the sum of its hosts' sizes, without drained hosts."""
    slots: dict[str, int] = {}
    for host in fleet.hosts if fleet.settings.queue_pools else ():
        for queue in dict.fromkeys(host.queues):
            slots[queue] = slots.get(queue, 0) + (0 if host.drain else host.size)
    return dict(sorted(slots.items()))


def pool_problems(fleet: _Requesting) -> list[Problem]:
    """Return a problem for each pool that is Airflow's own, another subject's, or requested elsewhere with another size."""
    names = [host.pool_name for host in fleet.hosts] + [port.pool for port in fleet.ports]
    names += [*map(queue_pool_name, queue_slots(fleet)), *(pool.name for pool in fleet.named_pools)]
    if len({*names, DEFAULT_POOL}) > len(names):
        return []  # all names differ, also from Airflow's own
    first: dict[str, Requested] = {}
    texts = [(request, _pool_problem(request, first.setdefault(request.pool.name, request))) for request in requested_pools(fleet)]
    return [Problem(text, request.subject, request.path) for request, text in texts if text]


def _pool_problem(request: Requested, first: Requested) -> str:
    """Return what is wrong with a request, given the first request of the same pool, or an empty string."""
    pool, kind = request.pool, request.subject.partition(" ")[0]
    if pool.name == DEFAULT_POOL and kind == "pool":
        return "is Airflow's own; give it another name"
    if pool.name == DEFAULT_POOL:
        return f"its pool would be Airflow's own {DEFAULT_POOL!r}; give it another with key 'pool'"
    if request is not first and kind == "pool":
        return f"is also the pool of {first.subject}; rename one of them"
    if request is not first and kind == "queue":
        return f"its pool {pool.name!r} is also that of {first.subject}; rename that one"
    if first.pool.slots != pool.slots:
        text = f"pool {pool.name!r} is requested with {pool.slots} slots, but with {first.pool.slots} by {first.subject}"
        return f"{text}; give both the same, as in pool: {{pool: {pool.name}, slots: {first.pool.slots}}}"
    return ""
