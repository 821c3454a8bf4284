"""Resolvers that pick hosts and ports while a configuration is composed.

    ${balancer.host:{queue:workers,os:ubuntu}}     a host, instantiated where the config is
    ${balancer.name:{queue:workers}}               its name
    ${balancer.address:{queue:workers}}            where it is reached: its address, else its name as its hook has it
    ${balancer.hosts:{queue:workers}}              all that match: for `hosts` of a BalancedSSHTask
    ${balancer.pool:{queue:workers}}               the name of its pool
    ${balancer.pool:{pool:warehouse}}              the name of a pool under `pools:`, which must exist
    ${balancer.port:web}                           the number of a tracked port
    ${balancer.free_port:{host:host1,min:9000}}    a port of that host which nothing else has
    ${balancer.inventory:hosts.yaml}               a table from a file of its own

A query is a name or a mapping: the keys of `HostFilter` (ports: `PortFilter`), further `key` for the
requester, and `balancer` for the path of the balancer where it is not found by itself. A list means any
of its patterns, under `all_tags` every one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from ..fleet.model import HostSpec
    from ..picking.strategies import Ranking


_COMMON = ("key", "balancer")
OWN_KEYS = {
    "key": "the requester; default: the path of the nearest node around it that has a `_target_`, else of its parent",
    "balancer": "the path of the balancer; default: `extensions.balancer`, else `balancer`",
    "pool": "the name of a pool, in place of a query",
    "host": "the host's name, or the host itself, in place of a query",
    "min": "the first port that may be given; default: 1000",
    "max": "the last port that may be given; default: 65535",
}
"""The keys of a resolver's mapping beside those of the query."""
_NESTED = re.compile(r"\$\{balancer\.[^}]*\$\{")


class _Request:
    """One use of a resolver: the query, the node that holds it, and the config around that."""

    def __init__(self, query: Any, keys: tuple[str, ...], node: Any, root: DictConfig) -> None:
        from ..errors import ConfigurationError
        from ..fleet.problems import unknown_key
        from .balancers import PENDING, PendingError
        from .nodes import requester_of, written_at
        from .picks import Picks

        self.picks, self.node = Picks.of(root), node
        if self.picks.is_pending and (PENDING in str(query) or _NESTED.search(written_at(node))):
            raise PendingError
        self.query: dict[str, Any] = dict(query) if isinstance(query, Mapping) else {"name": query}
        for key in self.query:
            if key not in keys and key not in _COMMON:
                raise ConfigurationError(unknown_key(str(key), (*keys, *_COMMON)))
        self.key = str(self.query.pop("key", None) or requester_of(node))
        self.path = str(self.query.pop("balancer", None) or self.picks.balancers.default)
        self.balancer = self.picks.balancers[self.path]

    def host(self) -> HostSpec:
        from ..picking.filters import HOST_KEYS, HostFilter

        query = HostFilter.of(**{key: value for key, value in self.query.items() if key in HOST_KEYS})
        self.candidates = self.balancer.index.candidates(query)
        return self.picks.host(self.path, self.key, query, self.candidates)

    def ranking(self) -> Ranking:
        from ..fleet.fleet import Fleet
        from ..picking.strategies import Ranking

        name = self.host().name
        settings = self.balancer.fleet.settings.model_copy(update={"lock": None})  # the first host is known
        return Ranking(Fleet(tuple(self.candidates), (), settings), self.key, name)


def _short(query: Any) -> str:
    return "{" + ",".join(f"{key}:{value}" for key, value in query.items()) + "}" if isinstance(query, Mapping) else str(query)


def _resolver(name: str, answer: Callable[[_Request], Any], keys: tuple[str, ...] = (), *, of_host: bool = True) -> None:
    """Register a resolver whose query has these `keys` and, if it is `of_host`, those of a host query."""

    def resolve(query: Any = None, *, _node_: Any, _root_: DictConfig) -> Any:
        from ..errors import BalancerError
        from ..picking.filters import HOST_KEYS
        from .balancers import PendingError
        from .nodes import place_of
        from .picks import Picks

        plain = OmegaConf.to_container(query, resolve=True) if OmegaConf.is_config(query) else query
        known = (*keys, *HOST_KEYS) if of_host else keys
        try:
            return answer(_Request({} if plain is None else plain, known, _node_, _root_))
        except PendingError as error:
            return Picks.of(_root_).put_off(error)
        except BalancerError as error:
            place = f"{place_of(_node_)}: ${{balancer.{name}:{_short(plain)}}}"
            raise type(error)(f"{place}: {error}") from error

    _register(name, resolve)


def _register(name: str, resolve: Callable[..., Any]) -> None:
    if not OmegaConf.has_resolver(f"balancer.{name}"):
        OmegaConf.register_new_resolver(f"balancer.{name}", resolve)


def _host(request: _Request) -> DictConfig:
    host = request.host()
    data = host.model_dump(exclude_none=True, exclude_unset=True)
    return OmegaConf.create({"_target_": "airflow_balancer.Host", "_convert_": "all", **data, "pool": host.pool_values})


def _pool(request: _Request) -> str:
    from ..errors import ConfigurationError, listing

    if (name := request.query.pop("pool", None)) is None:
        return request.host().pool_name
    if request.query:
        raise ConfigurationError(f"key 'pool' names the pool; leave out {listing(request.query)}")
    return request.balancer.fleet.pool(str(name))


def _port(request: _Request) -> int:
    from ..picking.choice import choose_port
    from ..picking.filters import PortFilter, matching_ports

    ports = matching_ports(PortFilter.of(**request.query), request.balancer.fleet.ports)
    return choose_port(request.balancer.strategy, request.key, ports).port


def _free_port(request: _Request) -> int:
    from ..fleet.model import MAX_PORT
    from ..ports.table import DEFAULT_MIN, port_number
    from .balancers import NodePort, PendingError
    from .nodes import place_of

    query = request.query
    if host := query.pop("host", None):
        query["name"] = host["name"] if isinstance(host, Mapping) else host
    first, last = port_number("min", query.get("min", DEFAULT_MIN)), port_number("max", query.get("max", MAX_PORT))
    try:
        name = request.host().name
    except PendingError:
        raise PendingError from None  # the port is requested once the host is known
    return request.picks.free_port(NodePort(place_of(request.node), request.path, name, first, last))


def _inventory(name: str) -> list[Any]:
    from ..files.locate import read_inventory

    return read_inventory(name)


def register_resolvers() -> None:
    """Make the `balancer.*` resolvers known to OmegaConf; doing it again changes nothing."""
    _resolver("host", _host)
    _resolver("name", lambda request: request.host().name)
    _resolver("address", lambda request: request.host().remote_host)
    _resolver("hosts", _Request.ranking)
    _resolver("pool", _pool, ("pool",))
    _resolver("port", _port, ("name", "tag"), of_host=False)
    _resolver("free_port", _free_port, ("host", "min", "max"))
    _register("inventory", _inventory)
