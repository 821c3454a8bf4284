"""Resolvers that pick hosts and ports while a configuration is composed.

    ${balancer.host:{queue:workers,os:ubuntu}}     a host, instantiated where the config is
    ${balancer.name:{queue:workers}}               its name
    ${balancer.address:{queue:workers}}            where it is reached: its address, else its name as its hook has it
    ${balancer.hosts:{queue:workers}}              all that match: for `hosts` of a BalancedSSHTask
    ${balancer.pool:{queue:workers}}               the name of its pool
    ${balancer.port:web}                           the number of a tracked port
    ${balancer.free_port:{host:host1,min:9000}}    a port of that host which nothing else has
    ${balancer.inventory:hosts.yaml}               a table from a file of its own

A query is a name or a mapping: patterns under `name`, `queue`, `os` and `tag` (ports: `name`, `tag`),
further `min_size`, `exclude` and `prefer` as in `HostFilter`, `key` for who asks, `balancer` for the
path of the balancer where it is not found by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from ..fleet.model import HostSpec
    from ..picking.filters import HostFilter
    from ..picking.ranking import Ranking

__all__ = ("register_resolvers",)

_COMMON = ("key", "balancer")
_HOST_KEYS = ("name", "queue", "os", "tag", "min_size", "exclude", "prefer", *_COMMON)
_PORT_KEYS = ("name", "tag", *_COMMON)
_FREE_PORT_KEYS = ("host", "min", "max", *_HOST_KEYS)


class _Ask:
    """One use of a resolver: what is asked, by which node, over which config."""

    def __init__(self, query: Any, keys: tuple[str, ...], node: Any, root: DictConfig) -> None:
        from ..errors import ConfigurationError
        from ..fleet.messages import unknown_key
        from .picks import Picks, asking_key

        self.query: dict[str, Any] = dict(query) if isinstance(query, Mapping) else {"name": query}
        for key in self.query:
            if key not in keys:
                raise ConfigurationError(unknown_key(str(key), keys))
        self.node, self.root, self.picks = node, root, Picks.of(root)
        self.key = str(self.query.pop("key", None) or asking_key(node))
        self.balancer = str(self.query.pop("balancer", None) or self.picks.locate(root))
        self.fleet = self.picks.fleet(root, self.balancer)

    def host(self) -> HostSpec:
        return self.picks.host(self.root, self.balancer, self.key, self._host_query)

    def ranking(self) -> Ranking:
        from ..fleet.fleet import Fleet
        from ..picking.ranking import Ranking

        candidates = self.fleet.index.candidates(self._host_query)
        return Ranking(Fleet(tuple(candidates), (), self.fleet.settings), self.key, self.host().name)

    @property
    def _host_query(self) -> HostFilter:
        from ..picking.filters import HostFilter

        return HostFilter.of(**{key: value for key, value in self.query.items() if key in _HOST_KEYS})


def _short(query: Any) -> str:
    return "{" + ",".join(f"{key}:{value}" for key, value in query.items()) + "}" if isinstance(query, Mapping) else str(query)


def _resolver(name: str, keys: tuple[str, ...], answer: Callable[[_Ask], Any]) -> None:
    def resolve(query: Any = None, *, _node_: Any, _root_: DictConfig) -> Any:
        from ..errors import BalancerError
        from .picks import place_of

        plain = OmegaConf.to_container(query, resolve=True) if OmegaConf.is_config(query) else query
        try:
            return answer(_Ask({} if plain is None else plain, keys, _node_, _root_))
        except BalancerError as error:
            asker = f"{place_of(_node_)}: ${{balancer.{name}:{_short(plain)}}}"
            raise type(error)(f"{asker}: {error}") from error

    _register(name, resolve)


def _register(name: str, resolve: Callable[..., Any]) -> None:
    if not OmegaConf.has_resolver(f"balancer.{name}"):
        OmegaConf.register_new_resolver(f"balancer.{name}", resolve)


def _host(ask: _Ask) -> DictConfig:
    host = ask.host()
    data = host.model_dump(exclude_none=True, exclude_unset=True)
    return OmegaConf.create({"_target_": "airflow_balancer.Host", "_convert_": "all", **data, "pool": host.effective_pool.model_dump()})


def _port(ask: _Ask) -> int:
    from ..picking.filters import PortFilter, matching_ports
    from ..picking.strategies import choose_port

    ports = matching_ports(PortFilter.of(**ask.query), ask.fleet.ports)
    return choose_port(ask.picks.strategy(ask.root, ask.balancer), ask.key, ports).port


def _free_port(ask: _Ask) -> int:
    from ..fleet.model import MAX_PORT
    from ..ports.table import DEFAULT_MIN, port_number
    from .picks import PortAsk, place_of

    if host := ask.query.pop("host", None):
        ask.query["name"] = host["name"] if isinstance(host, Mapping) else host
    first, last = port_number("min", ask.query.get("min", DEFAULT_MIN)), port_number("max", ask.query.get("max", MAX_PORT))
    node = place_of(ask.node)
    return ask.picks.free_port(ask.root, PortAsk(node, ask.balancer, ask.host().name, first, last))


def _inventory(name: str) -> list[Any]:
    from ..files.inventory import read_inventory

    return read_inventory(name)


def register_resolvers() -> None:
    """Make the `balancer.*` resolvers known to OmegaConf; doing it again changes nothing."""
    _resolver("host", _HOST_KEYS, _host)
    _resolver("name", _HOST_KEYS, lambda ask: ask.host().name)
    _resolver("address", _HOST_KEYS, lambda ask: ask.host().remote_host)
    _resolver("hosts", _HOST_KEYS, _Ask.ranking)
    _resolver("pool", _HOST_KEYS, lambda ask: ask.host().pool_name)
    _resolver("port", _PORT_KEYS, _port)
    _resolver("free_port", _FREE_PORT_KEYS, _free_port)
    _register("inventory", _inventory)
