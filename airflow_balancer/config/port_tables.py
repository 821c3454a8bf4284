"""The free ports that a balancer object gives, host by host."""

from __future__ import annotations

from collections.abc import Sequence

from ..ports.recorder import locked_ports
from ..ports.table import PortTable
from .host import Host
from .port import Port

__all__ = ("PortTables",)


class PortTables:
    """A port table for each host that was asked of; what was given so far is no part of a balancer's value."""

    def __init__(self) -> None:
        self._tables: dict[str, PortTable] = {}
        self._tracked: list[Port] = []
        self._in_use: dict[str, list[int]] = {}
        self._places: dict[str, int] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PortTables)

    __hash__ = None  # type: ignore[assignment]

    def host(self, name: str, hosts: Sequence[Host]) -> Host | None:
        """Return the host of a name, found at once where the hosts stand as they did the last time."""
        place = self._places.get(name, -1)
        if not 0 <= place < len(hosts) or hosts[place].name != name:
            self._places = {host.name: index for index, host in enumerate(hosts)}
            place = self._places.get(name, -1)
        return hosts[place] if place >= 0 else None

    def of(self, host: str, tracked: Sequence[Port], port_lock: str | None) -> PortTable:
        """Return the table of a host, in which the tracked ports are in use, also those that were added since.

        Raises:
            ConfigurationError: The lock file is wrong.
        """
        # Equal lists are compared item by item by identity: a few microseconds for thousands of ports.
        if self._tracked != tracked:
            self._track(tracked)
        if host not in self._tables:
            self._tables[host] = PortTable(host, self._in_use.get(host, ()), locked_ports(port_lock, host))
        return self._tables[host]

    def _track(self, ports: Sequence[Port]) -> None:
        self._in_use = {}
        for port in ports:
            self._in_use.setdefault(port.host.name if port.host else port.host_name, []).append(port.port or 0)
        for name, table in self._tables.items():
            table.reserve(self._in_use.get(name, ()))
        self._tracked = list(ports)
