"""What a balancer object knows of its hosts and ports."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..fleet.fleet import Fleet
from ..picking.choice import Assigned
from ..picking.filters import HostIndex
from ..ports.table import PortTable
from .models import Host


@dataclass
class Known:
    """What a balancer knows; all but the free ports that were given is forgotten when a watched object changes."""

    fleet: Fleet | None = None
    hosts: tuple[HostIndex[Host], Assigned] | None = None
    in_use: dict[str, list[int]] | None = None
    tables: dict[tuple[str, str | None], PortTable] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what follows from hosts and ports."""
        self.fleet = self.hosts = self.in_use = None
