"""The pools that a fleet wants in Airflow: one for each host, each port and, if set, each queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .fleet import Fleet

__all__ = ("DEFAULT_POOL", "PoolSlots", "queue_pool_name", "queue_slots", "requested_pools")

DEFAULT_POOL = "default_pool"
"""The pool that Airflow makes itself, and that tasks use when they name no other."""


class PoolSlots(NamedTuple):
    """A pool as Airflow's `slot_pool` table has it."""

    name: str
    slots: int
    description: str
    include_deferred: bool


def requested_pools(fleet: Fleet) -> Iterator[tuple[str, PoolSlots]]:
    """Yield the pool that each host, port and queue requests, after its subject.

    A host that names a pool without slots requests nothing if another host gives them.
    """
    given = {host.pool.pool for host in fleet.hosts if host.pool and host.pool.slots}
    for host in fleet.hosts:
        if host.pool is None or host.pool.slots or host.pool.pool not in given:
            yield f"host {host.name!r}", PoolSlots(*host.pool_values.values())
    for port in fleet.ports:
        text = f"Balancer pool for host({port.host}) port({port.port})"
        yield f"port {port.name or port.port!r}", PoolSlots(port.pool, 1, text, include_deferred=True)
    for queue, slots in queue_slots(fleet).items():
        yield f"queue {queue!r}", PoolSlots(queue_pool_name(queue), slots, f"Balancer pool for queue({queue})", include_deferred=False)


def queue_pool_name(queue: str) -> str:
    """Return the name of a queue's pool."""
    return f"queue-{queue}"


def queue_slots(fleet: Fleet) -> dict[str, int]:
    """Return the slots of each queue's pool, if queues have pools: the sizes of its hosts, without drained ones."""
    slots: dict[str, int] = {}
    for host in fleet.hosts if fleet.settings.queue_pools else ():
        for queue in dict.fromkeys(host.queues):
            slots[queue] = slots.get(queue, 0) + (0 if host.drain else host.size)
    return dict(sorted(slots.items()))
