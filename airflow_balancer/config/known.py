"""What a balancer object knows of its hosts and ports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from ..fleet.fleet import Fleet
from ..picking.choice import Assigned
from ..picking.filters import HostIndex
from ..picking.strategies import Strategy, strategy_data
from ..ports.table import PortTable
from .models import Host


@dataclass
class Known:
    """What a balancer knows; all but the free ports that were given is forgotten when a watched object changes."""

    fleet: Fleet | None = None
    hosts: tuple[HostIndex[Host], Assigned] | None = None
    in_use: dict[str, list[int]] | None = None
    source: str | None = None
    tables: dict[tuple[str, str | None], PortTable] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what follows from hosts and ports."""
        self.fleet = self.hosts = self.in_use = self.source = None


def digest_of(strategy: Strategy, hosts: Iterable[Host]) -> str:
    """Return a digest of all that picks depend on."""
    values = sorted((host.name, host.size, bool(host.drain), host.os, host.queues, host.tags) for host in hosts)
    return blake2b(repr((strategy_data(strategy), values)).encode()).hexdigest()
