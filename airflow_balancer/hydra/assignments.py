"""What the requests of one composed config are assigned: a host for each key, a port for each node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from operator import itemgetter
from typing import NamedTuple

from ..errors import BalancerError
from ..fleet.model import HostSpec
from ..picking.rendezvous import Candidates
from ..picking.strategies import assigns_together
from ..ports.lock import PortRequest
from ..ports.recorder import locked_ports, record_request
from ..ports.table import PortTable
from .fleets import Fleets

__all__ = ("Assignments", "HostRequest", "NodePort")


class HostRequest(NamedTuple):
    """A request for a host: the balancer's path, the key, and the names of the candidates."""

    balancer: str
    key: str
    candidates: tuple[str, ...]


class NodePort(NamedTuple):
    """A node's request for a free port: its path, the balancer's, the host, the first and the last port."""

    node: str
    balancer: str
    host: str
    first: int
    last: int


class Assignments:
    """The hosts and ports that were assigned so far; none of them changes afterwards."""

    def __init__(self, fleets: Fleets) -> None:
        self._fleets = fleets
        self._hosts: dict[str, dict[tuple[str, tuple[str, ...]], str]] = {}
        self.ports: dict[NodePort, int] = {}
        self._tables: dict[tuple[str, str], PortTable] = {}

    def of_balancer(self, balancer: str) -> Mapping[tuple[str, tuple[str, ...]], str]:
        """Return the hosts of one balancer, by key and names of the candidates, as `choose_host` takes them."""
        return self._hosts.get(balancer, {})

    def assign_hosts(self, requests: Mapping[HostRequest, Candidates[HostSpec]]) -> None:
        """Assign a host to each new request: a balancer's first ones together, later ones in order, beside those."""
        for balancer in sorted({request.balancer for request in requests}):
            strategy = self._fleets.strategy(balancer)
            new = {
                (key, names): candidates
                for (path, key, names), candidates in sorted(requests.items(), key=itemgetter(0))
                if path == balancer
            }
            load = Counter(self.of_balancer(balancer).values())
            if assigns_together(strategy) and not load:
                chosen = {request: host.name for request, host in strategy.assign(new).items()}
            else:
                chosen = {}
                for (key, names), candidates in new.items():
                    chosen[key, names] = strategy.choose(key, candidates, load).name
                    load[chosen[key, names]] += 1
            self._hosts.setdefault(balancer, {}).update(chosen)

    def assign_ports(self, requests: set[NodePort]) -> None:
        """Assign a port to each request, in their order; one that gets none fails when its node is resolved."""
        for request in sorted(requests):
            with suppress(BalancerError):
                self._take(request)

    def port(self, request: NodePort) -> int:
        """Return the port of a request, and record it for the lock file.

        Raises:
            NoFreePort: All ports of the range are taken.
            ConfigurationError: The lock file is wrong, or keeps a port that is in use.
        """
        port = self.ports[request] if request in self.ports else self._take(request)
        lock, table = self._fleets[request.balancer].settings.port_lock, self._tables[request.balancer, request.host]
        record_request(lock, PortRequest(request.host, request.node, request.first, request.last), port, table, by_file=False)
        return port

    def _take(self, request: NodePort) -> int:
        place = (request.balancer, request.host)
        if place not in self._tables:
            fleet = self._fleets[request.balancer]
            in_use = [port.port for port in fleet.ports if port.host == request.host]
            self._tables[place] = PortTable(request.host, in_use, locked_ports(fleet.settings.port_lock, request.host))
        self.ports[request] = self._tables[place].take(request.node, request.first, request.last)
        return self.ports[request]
