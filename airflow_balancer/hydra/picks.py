"""What the resolvers pick over one composed config.

The requests are gathered from the config as written, in rounds, so that the order in which nodes are resolved
plays no part: while they are gathered, a request that is not assigned yet is noted and answered by `PENDING`.
After a round the new requests are assigned, and nodes that still wait for an answer are resolved again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import Any, NamedTuple, Self

from omegaconf import DictConfig, OmegaConf

from ..errors import BalancerError
from ..fleet.model import HostSpec
from ..picking.choice import choose_host
from ..picking.filters import HostFilter
from ..picking.rendezvous import Candidates
from ..picking.strategies import assigns_together
from ..ports.lock import PortRequest, locked_ports, record_request
from ..ports.table import PortTable
from .fleets import PENDING, Fleets, PendingError
from .origins import Path, walk


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


_CACHE = "airflow_balancer"
_RESOLVER = "balancer."


class Picked(NamedTuple):
    """A pick of a config: the key, the query, the candidates, and the name of the host."""

    key: str
    query: str
    candidates: tuple[HostSpec, ...]
    host: str


class _Round:
    """The new requests of one round, and what the node that is being resolved met."""

    def __init__(self) -> None:
        self.hosts: dict[HostRequest, Candidates[HostSpec]] = {}
        self.ports: set[NodePort] = set()
        self.pending = False
        self.again = False


class Picks:
    """The picks of one composed config, taken as it is at the first of them; a copy or a merge starts afresh."""

    def __init__(self, root: DictConfig | None) -> None:
        self.root = root
        self._made: dict[tuple[str, str], Picked] = {}
        self._round: _Round | None = None
        if root is not None:
            written = OmegaConf.to_container(root, resolve=False)
            self.fleets = Fleets(root, written)
            self.assignments = Assignments(self.fleets)
            self._open = [path for path, value in walk(written) if isinstance(value, str) and _RESOLVER in value]

    @classmethod
    def of(cls, root: DictConfig) -> Picks:
        """Return the picks of a config, kept with it."""
        cache = OmegaConf.get_cache(root)[_CACHE]
        if cache.get("picks") is None or cache["picks"].root is not root:
            cache["picks"] = cls(root)
        kept = cache["picks"]
        assert isinstance(kept, Picks)
        return kept

    def __deepcopy__(self, memo: object) -> Self:
        return type(self)(None)

    def __reduce__(self) -> tuple[type[Self], tuple[None]]:
        return type(self), (None,)

    @property
    def made(self) -> list[Picked]:
        """The picks that were made so far, by key and query."""
        return [pick for _, pick in sorted(self._made.items())]

    def host(self, balancer: str, key: str, query: HostFilter) -> HostSpec:
        """Return the host of a request.

        Raises:
            NoMatch: No host matches the query.
            PendingError: It is not assigned yet.
        """
        candidates = self.fleets.candidates(balancer, query)
        strategy = self.fleets.strategy(balancer)
        assigned = self.assignments.of_balancer(balancer)
        if (key, candidates.names) not in assigned and assigns_together(strategy):
            if self._round is not None:
                self._round.hosts[HostRequest(balancer, key, candidates.names)] = candidates
                raise PendingError(again=False)
            self.gather()
        chosen = choose_host(strategy, key, candidates, assigned=self.assignments.of_balancer(balancer))
        if self._round is None:
            self._made[key, str(query)] = Picked(key, str(query), tuple(candidates), chosen.name)
        return chosen

    def free_port(self, request: NodePort) -> int:
        """Return the port of a node.

        Raises:
            NoFreePort: All ports of the range are taken.
            ConfigurationError: The lock file is wrong, or keeps a port that is in use.
            PendingError: It is not assigned yet.
        """
        if request not in self.assignments.ports:
            if self._round is not None:
                self._round.ports.add(request)
                raise PendingError(again=False)
            self.gather()
        return self.assignments.port(request)

    def put_off(self, error: PendingError) -> str:
        """Return what a pending request resolves to for now."""
        assert self._round is not None
        self._round.pending = True
        self._round.again |= error.again
        return PENDING

    @property
    def is_pending(self) -> bool:
        """Whether a request in the node that is being resolved is pending, on which others in it may depend."""
        return self._round is not None and self._round.pending

    def gather(self) -> None:
        """Assign all requests of the config that can be; a node that fails is tried again at the next call."""
        while self._open and self._round is None:
            with self._gathering() as found:
                self._open = [path for path in self._open if self._resolve(path, found)]
            self.assignments.assign_hosts(found.hosts)
            self.assignments.assign_ports(found.ports)
            if not found.hosts and not found.ports:
                return

    @contextmanager
    def _gathering(self) -> Iterator[_Round]:
        self._round = found = _Round()
        try:
            yield found
        finally:
            self._round = None

    def _resolve(self, path: Path, found: _Round) -> bool:
        """Resolve a node, to learn its requests; return whether it has to be resolved again."""
        found.pending = found.again = False
        node: Any = self.root
        try:
            for key in path:
                node = node[key]
        except Exception:  # it fails again where it is used
            return True
        return found.again
