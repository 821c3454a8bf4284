"""The balancers of one composed config: their fleets, and the hosts and ports assigned so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from ..caching import cached
from ..errors import ConfigurationError
from ..fleet.fleet import Fleet
from ..fleet.model import HostSpec
from ..lock.entries import PortRequest
from ..lock.hosts import locked_hosts
from ..lock.recorder import locked_ports, record_port
from ..picking.choice import Asked
from ..picking.filters import HostIndex
from ..picking.rendezvous import Candidates
from ..picking.strategies import Strategy, assigns_together, build_strategy
from ..ports.table import PortTable
from .nodes import dotted, find_balancer, has_interpolation

PENDING = "<not assigned yet>"
"""What a request resolves to until it is assigned."""


class PendingError(Exception):
    """A request depends on one that is not assigned yet, so the next round resolves its node again."""


class NotedError(PendingError):
    """A request is noted, and assigned at the end of the round."""


class NodePort(NamedTuple):
    """A node's request for a free port: the paths of the node and the balancer, the host, and the range."""

    node: str
    balancer: str
    host: str
    first: int
    last: int


class Balancer:
    """A fleet, its strategy, and the hosts and ports assigned so far. Assignments never change.

    Attributes:
        hosts: The name of each request's host.
        answers: The hosts that the lock file keeps, then `hosts`.
        ports: The port of each request.
    """

    def __init__(self, fleet: Fleet, index: HostIndex[HostSpec], strategy: Strategy) -> None:
        self.fleet = fleet
        self.index = index
        self.strategy = strategy
        self.assigns_together = assigns_together(self.strategy)
        self.hosts: dict[Asked, str] = {}
        self.answers = locked_hosts(fleet.settings.lock, self.index, self.strategy, self.hosts)
        self.ports: dict[NodePort, int] = {}
        self._requests: dict[Asked, Candidates[HostSpec]] = {}
        self._tables: dict[str, PortTable] = {}

    def assign(self, requests: Mapping[Asked, Candidates[HostSpec]]) -> None:
        """Assign hosts to new requests: from the lock file, else by the strategy, which keeps the hosts of earlier rounds."""
        assert assigns_together(self.strategy)
        self._requests.update(requests)
        self.hosts.update({request: host for request in requests if (host := self.answers.get(request))})
        self.hosts.update({request: host.name for request, host in self.strategy.assign(self._requests, self.hosts).items()})

    def take(self, request: NodePort) -> int:
        """Assign a port to a request.

        Raises:
            NoFreePort: All ports of the range are taken.
            ConfigurationError: The lock file is wrong, or keeps a port that is in use.
        """
        host = request.host
        if host not in self._tables:
            in_use = [port.port for port in self.fleet.ports if port.host == host]
            self._tables[host] = PortTable(host, in_use, locked_ports(self.fleet.settings.lock, host))
        self.ports[request] = self._tables[host].take(request.node, request.first, request.last)
        return self.ports[request]

    def port(self, request: NodePort) -> int:
        """Return the port of a request, and record it for the lock file. Raises as `take` does."""
        port = self.ports[request] if request in self.ports else self.take(request)
        wanted = PortRequest(request.host, request.node, request.first, request.last)
        record_port(self.fleet.settings.lock, wanted, port, self._tables[request.host], by_file=False)
        return port


class Balancers(dict[str, Balancer]):
    """The balancers of a config by path. Each is built at its first use, from what the config holds at that moment."""

    def __init__(self, root: DictConfig, written: Any) -> None:
        super().__init__()
        self._root = root
        self._written = written
        self._building: set[str] = set()

    @cached
    def default(self) -> str:
        """The path of the config's balancer; see `find_balancer`."""
        return dotted(find_balancer(self._written))

    def __missing__(self, path: str) -> Balancer:
        """Build the balancer at a path of the config.

        Raises:
            ConfigurationError: No balancer is there, it is invalid, or it requests its own hosts or ports.
        """
        if path in self._building:
            raise ConfigurationError("a balancer's own node cannot ask for its hosts or ports")
        self._building.add(path)
        try:
            fleet = Fleet.from_data(_plain_balancer(self._root, path))
            return self.setdefault(path, Balancer(fleet, HostIndex(fleet.hosts), build_strategy(fleet.settings.strategy)))
        finally:
            self._building.discard(path)


def _plain_balancer(root: DictConfig, path: str) -> Mapping[str, Any]:
    node = OmegaConf.select(root, path) if path else root
    if not isinstance(node, DictConfig):
        raise ConfigurationError(f"there is no balancer at {path!r}")
    plain = OmegaConf.to_container(node, resolve=False)
    if has_interpolation(plain):
        plain = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
        if PENDING in str(plain):
            raise PendingError
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
