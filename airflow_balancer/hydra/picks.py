"""Answers the resolvers of one composed config.

All requests of the config are gathered before the first one is answered, so the order in which nodes are resolved
does not matter. Requests are gathered in rounds. A round resolves the nodes as written, notes each new request, and
answers it with `PENDING`. It then assigns the new requests. The next round resolves the nodes that depend on them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import reduce
from operator import getitem
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ..errors import BalancerError, ConfigurationError, listing
from ..fleet.fleet import Fleet
from ..fleet.model import MAX_PORT, HostSpec
from ..fleet.problems import unknown_key
from ..lock.hosts import note_pick
from ..picking.choice import Asked, choose_host, choose_port
from ..picking.filters import HOST_KEYS, HostFilter, PortFilter, matching_ports
from ..picking.rendezvous import Candidates
from ..picking.strategies import Ranking
from ..ports.table import DEFAULT_MIN, port_number
from .balancers import PENDING, Balancers, NodePort, NotedError, PendingError
from .nodes import Path, find_requests, place_of, requester_of, written_at

_CACHE = "airflow_balancer"
_NESTED = re.compile(r"\$\{balancer\.[^}]*\$\{")


class _Round:
    """The new requests of one round, and the state of the node that is being resolved."""

    def __init__(self) -> None:
        self.hosts: defaultdict[str, dict[Asked, Candidates[HostSpec]]] = defaultdict(dict)
        self.ports: set[NodePort] = set()
        self.pending = False
        self.again = False


class Picks:
    """The picks of one composed config, as its nodes are at the first pick. A copy or a merge of the config starts afresh."""

    def __init__(self, root: DictConfig) -> None:
        self.root = root
        self.round: _Round | None = None
        written = OmegaConf.to_container(root, resolve=False)
        self.balancers = Balancers(root, written)
        self._open = [path for path, _ in find_requests(written)]

    @classmethod
    def of(cls, root: DictConfig) -> Picks:
        """Return the picks of a config, which its cache keeps."""
        cache = OmegaConf.get_cache(root)[_CACHE]
        kept: Picks | None = cache.get("picks")
        if kept is None or kept.root is not root:
            cache["picks"] = kept = cls(root)
        return kept

    def __deepcopy__(self, memo: object) -> None:
        """Copy nothing: the copy of a config starts afresh."""

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()

    def put_off(self, error: PendingError) -> str:
        """Return what a pending request resolves to in this round."""
        assert self.round is not None
        self.round.pending = True
        self.round.again |= not isinstance(error, NotedError)
        return PENDING

    def gather(self) -> None:
        """Assign all requests of the config that can be served. A node that fails is tried again at the next call."""
        while self._open:
            self.round = found = _Round()
            try:
                self._open = [path for path in self._open if self._resolve(path, found)]
            finally:
                self.round = None
            for path, requests in sorted(found.hosts.items()):
                self.balancers[path].assign(requests)
            # Narrow ranges first: a wide range around a narrow one has other ports.
            for request in sorted(found.ports, key=lambda port: (port.last - port.first, port)):
                with suppress(BalancerError):  # raised again when the node is used
                    self.balancers[request.balancer].take(request)
            if not found.hosts and not found.ports:
                return

    def _resolve(self, path: Path, found: _Round) -> bool:
        """Resolve a node to learn its requests, and return whether the next round has to resolve it again."""
        found.pending = found.again = False
        try:
            reduce(getitem, path, self.root)
        except Exception:  # raised again when the node is used
            return True
        return found.again


class _Request:
    """One call of a resolver: the query, the node that holds it, and the balancer that serves it."""

    def __init__(self, picks: Picks, query: Any, keys: tuple[str, ...], node: Any) -> None:
        # A request may depend on another one of its node.
        if picks.round is not None and picks.round.pending and (PENDING in str(query) or _NESTED.search(written_at(node))):
            raise PendingError
        self.picks, self.node = picks, node
        self.query: dict[str, Any] = dict(query) if isinstance(query, Mapping) else {"name": query}
        for key in self.query:
            if key not in keys:
                raise ConfigurationError(unknown_key(str(key), keys))
        self.key = str(self.query.pop("key", None) or requester_of(node))
        self.path = str(self.query.pop("balancer", None) or picks.balancers.default)
        self.balancer = picks.balancers[self.path]

    def host(self) -> HostSpec:
        """Return the host that the request gets.

        Raises:
            PendingError: The host is not assigned yet.
        """
        balancer, picks = self.balancer, self.picks
        query = HostFilter.of(**{key: value for key, value in self.query.items() if key in HOST_KEYS})
        self.candidates = candidates = balancer.index.candidates(query)
        asked = (self.key, candidates.names)
        if balancer.assigns_together and asked not in balancer.hosts:
            if picks.round is not None:
                picks.round.hosts[self.path][asked] = candidates
                raise NotedError
            picks.gather()
        chosen = choose_host(balancer.strategy, self.key, candidates, assigned=balancer.answers)
        if picks.round is None:
            note_pick(balancer.answers, self.key, query, candidates, chosen.name)
        return chosen

    def free_port(self, host: str, first: int, last: int) -> int:
        """Return a port of a host that nothing else has.

        Raises:
            NoFreePort: All ports of the range are taken.
            ConfigurationError: The lock file is wrong, or keeps a port that is in use.
            PendingError: The port is not assigned yet.
        """
        balancer, picks = self.balancer, self.picks
        request = NodePort(place_of(self.node), self.path, host, first, last)
        if request not in balancer.ports:
            if picks.round is not None:
                picks.round.ports.add(request)
                raise NotedError
            picks.gather()
        return balancer.port(request)


def _host(request: _Request) -> DictConfig:
    host = request.host()
    data = host.model_dump(exclude_none=True, exclude_unset=True)
    return OmegaConf.create({"_target_": "airflow_balancer.Host", "_convert_": "all", **data, "pool": host.pool_values})


def _hosts(request: _Request) -> Ranking:
    name = request.host().name
    settings = request.balancer.fleet.settings.model_copy(update={"lock": None})  # the first host is known already
    return Ranking(Fleet(tuple(request.candidates), (), settings), request.key, name)


def _pool(request: _Request) -> str:
    if (name := request.query.pop("pool", None)) is None:
        return request.host().pool_name
    if request.query:
        raise ConfigurationError(f"key 'pool' names the pool; leave out {listing(request.query)}")
    return request.balancer.fleet.pool(str(name))


def _port(request: _Request) -> int:
    ports = matching_ports(PortFilter.of(**request.query), request.balancer.fleet.ports)
    return choose_port(request.balancer.strategy, request.key, ports).port


def _free_port(request: _Request) -> int:
    query = request.query
    if host := query.pop("host", None):
        query["name"] = host["name"] if isinstance(host, Mapping) else host
    first, last = port_number("min", query.get("min", DEFAULT_MIN)), port_number("max", query.get("max", MAX_PORT))
    try:
        name = request.host().name
    except PendingError:
        raise PendingError from None  # the port is requested once the host is known
    return request.free_port(name, first, last)


_RESOLVERS: dict[str, tuple[Callable[[_Request], Any], tuple[str, ...]]] = {
    "host": (_host, HOST_KEYS),
    "name": (lambda request: request.host().name, HOST_KEYS),
    "address": (lambda request: request.host().remote_host, HOST_KEYS),
    "hosts": (_hosts, HOST_KEYS),
    "pool": (_pool, ("pool", *HOST_KEYS)),
    "port": (_port, ("name", "tag")),
    "free_port": (_free_port, ("host", "min", "max", *HOST_KEYS)),
}
"""The function that answers each resolver, and the keys of its query except `key` and `balancer`."""


def answer(name: str, query: Any, node: Any, root: DictConfig) -> Any:
    """Answer one call of a resolver: its name, its query, the node that holds the call, and the config."""
    give, keys = _RESOLVERS[name]
    picks = Picks.of(root)
    plain = OmegaConf.to_container(query, resolve=True) if OmegaConf.is_config(query) else query
    try:
        return give(_Request(picks, {} if plain is None else plain, (*keys, "key", "balancer"), node))
    except PendingError as error:
        return picks.put_off(error)
    except BalancerError as error:
        place = f"{place_of(node)}: ${{balancer.{name}:{_short(plain)}}}"
        raise type(error)(f"{place}: {error}") from error


def _short(query: Any) -> str:
    return "{" + ",".join(f"{key}:{value}" for key, value in query.items()) + "}" if isinstance(query, Mapping) else str(query)
