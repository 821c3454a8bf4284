"""What the resolvers pick over one composed config.

The requests are gathered from the config as written, in rounds, so that the order in which nodes are resolved
plays no part: while they are gathered, a request that is not assigned yet is noted and answered by `PENDING`.
After a round the new requests are assigned, and nodes that still wait for an answer are resolved again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from omegaconf import DictConfig, OmegaConf

from ..errors import BalancerError
from ..fleet.model import HostSpec
from ..lock.hosts import note_pick
from ..picking.choice import Asked, choose_host
from ..picking.filters import HostFilter
from ..picking.rendezvous import Candidates
from .balancers import PENDING, Balancers, NodePort, NotedError, PendingError
from .nodes import Path, walk

_CACHE = "airflow_balancer"
_RESOLVER = "balancer."


class _Round:
    """The new requests of one round, and what the node that is being resolved met."""

    def __init__(self) -> None:
        self.hosts: defaultdict[str, dict[Asked, Candidates[HostSpec]]] = defaultdict(dict)
        self.ports: set[NodePort] = set()
        self.pending = False
        self.again = False


class Picks:
    """The picks of one composed config, taken as it is at the first of them; a copy or a merge starts afresh."""

    def __init__(self, root: DictConfig | None) -> None:
        self.root = root
        self._round: _Round | None = None
        if root is not None:
            written = OmegaConf.to_container(root, resolve=False)
            self.balancers = Balancers(root, written)
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

    def host(self, path: str, key: str, query: HostFilter, candidates: Candidates[HostSpec]) -> HostSpec:
        """Return which of the `candidates` of a query a key gets in the balancer at a path.

        Raises:
            PendingError: It is not assigned yet.
        """
        balancer = self.balancers[path]
        request = (key, candidates.names)
        if balancer.assigns_together and request not in balancer.hosts:
            if self._round is not None:
                self._round.hosts[path][request] = candidates
                raise NotedError
            self.gather()
        chosen = choose_host(balancer.strategy, key, candidates, assigned=balancer.answers)
        if self._round is None:
            note_pick(balancer.answers, key, query, candidates, chosen.name)
        return chosen

    def free_port(self, request: NodePort) -> int:
        """Return the port of a node.

        Raises:
            NoFreePort: All ports of the range are taken.
            ConfigurationError: The lock file is wrong, or keeps a port that is in use.
            PendingError: It is not assigned yet.
        """
        balancer = self.balancers[request.balancer]
        if request not in balancer.ports:
            if self._round is not None:
                self._round.ports.add(request)
                raise NotedError
            self.gather()
        return balancer.port(request)

    def put_off(self, error: PendingError) -> str:
        """Return what a pending request resolves to for now."""
        assert self._round is not None
        self._round.pending = True
        self._round.again |= not isinstance(error, NotedError)
        return PENDING

    @property
    def is_pending(self) -> bool:
        """Whether a request in the node that is being resolved is pending, on which others in it may depend."""
        return self._round is not None and self._round.pending

    def gather(self) -> None:
        """Assign all requests of the config that can be; a node that fails is tried again at the next call."""
        while self._open:
            with self._gathering() as found:
                self._open = [path for path in self._open if self._resolve(path, found)]
            for path, requests in sorted(found.hosts.items()):
                self.balancers[path].assign(requests)
            # Narrow ranges first: a wide one has other ports where a narrow one lies within it.
            for request in sorted(found.ports, key=lambda port: (port.last - port.first, port)):
                with suppress(BalancerError):  # it is raised where the node is used
                    self.balancers[request.balancer].take(request)
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
