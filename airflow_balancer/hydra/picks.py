"""What the resolvers pick over one composed config.

A composed config is taken as it stands at its first pick; a copy of it, or a merge into a new one,
starts afresh.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Self

from omegaconf import DictConfig, OmegaConf

from ..errors import BalancerError, ConfigurationError
from ..fleet.fleet import Fleet
from ..fleet.model import HostSpec
from ..picking.bounded import Ask
from ..picking.filters import HostFilter
from ..picking.rendezvous import Candidates
from ..picking.strategies import Strategy, assigns_together, build_strategy
from ..ports.asks import locked_ports, note_ask
from ..ports.lock import LockAsk
from ..ports.table import PortTable
from .nodes import Path, find_balancer, has_interpolation, walk

__all__ = ("Picked", "Picks", "PortAsk", "asking_key", "dotted", "place_of")

_CACHE = "airflow_balancer"
_HOST = "balancer."
_FREE_PORT = "balancer.free_port"
_NESTED = re.compile(r"\$\{balancer\.[^}]*\$\{")
_ROUNDS = 4
"""How often asks are gathered while the answer to one changes what another asks."""


def dotted(path: Path) -> str:
    """Return a path as OmegaConf writes it, such as `dags.etl.tasks[0]`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def place_of(node: Any) -> str:
    """Return the path of a node in its config, as OmegaConf writes it."""
    keys: list[str | int] = []
    while (parent := node._get_parent()) is not None:
        keys.append(node._key())
        node = parent
    return dotted(tuple(reversed(keys)))


def asking_key(node: Any) -> str:
    """Return who asks: the path of the nearest enclosing node with a `_target_`, else of the parent mapping.

    The root does not count as enclosing, or all that stands in it would be one asker.
    """
    mapping, parent = None, node._get_parent()
    while parent is not None and parent._get_parent() is not None:
        if isinstance(parent, DictConfig):
            mapping = mapping or parent
            if "_target_" in parent:
                return place_of(parent)
        parent = parent._get_parent()
    return "" if mapping is None else place_of(mapping)


class HostAsk(NamedTuple):
    """Who asks for a host: the balancer's path, the key, and the names of the candidates."""

    balancer: str
    key: str
    candidates: tuple[str, ...]


class Picked(NamedTuple):
    """A pick that a config makes: who asks for what, the candidates, and the name of the host."""

    key: str
    query: str
    candidates: tuple[HostSpec, ...]
    host: str


class PortAsk(NamedTuple):
    """A node that asks for a free port: its path, the balancer's, the host, the first and the last port."""

    node: str
    balancer: str
    host: str
    first: int
    last: int


class Picks:
    """The fleets of one composed config, the hosts that its askers got, and the free ports that its nodes did."""

    def __init__(self) -> None:
        self._raw: Any = None
        self._fleets: dict[str, Fleet | None] = {}
        self._strategies: dict[str, Strategy] = {}
        self._hosts: dict[HostAsk, str] = {}
        self._candidates: dict[tuple[str, tuple[str, ...]], Candidates[HostSpec]] = {}
        self._made: dict[tuple[str, str], Picked] = {}
        self._ports: dict[PortAsk, int] = {}
        self._tables: dict[tuple[str, str], PortTable] = {}
        self._asked_hosts: set[HostAsk] | None = None
        self._asked_ports: set[PortAsk] | None = None
        self._gathered: set[str] = set()

    @classmethod
    def of(cls, root: DictConfig) -> Picks:
        """Return the picks of a config, kept with it."""
        kept = OmegaConf.get_cache(root)[_CACHE].setdefault("picks", cls())
        assert isinstance(kept, Picks)
        return kept

    def __deepcopy__(self, memo: object) -> Self:
        return type(self)()

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()

    def locate(self, root: DictConfig) -> str:
        """Return the path of the config's balancer; see `find_balancer`."""
        return dotted(find_balancer(self._written(root)))

    def fleet(self, root: DictConfig, balancer: str) -> Fleet:
        """Return the fleet at a path of the config.

        Raises:
            ConfigurationError: There is none, it is wrong, or it asks for its own hosts or ports.
        """
        if balancer not in self._fleets:
            self._fleets[balancer] = None
            try:
                self._fleets[balancer] = Fleet.from_data(_plain_balancer(root, balancer))
            finally:
                if self._fleets[balancer] is None:
                    del self._fleets[balancer]
        if (fleet := self._fleets[balancer]) is None:
            raise ConfigurationError("a balancer's own node cannot ask for its hosts or ports")
        return fleet

    def strategy(self, root: DictConfig, balancer: str) -> Strategy:
        """Return the strategy of the balancer at a path of the config."""
        if balancer not in self._strategies:
            self._strategies[balancer] = build_strategy(self.fleet(root, balancer).settings.strategy)
        return self._strategies[balancer]

    @property
    def made(self) -> list[Picked]:
        """The picks that were made so far, by who asks and for what."""
        return [pick for _, pick in sorted(self._made.items())]

    def host(self, root: DictConfig, balancer: str, key: str, query: HostFilter) -> HostSpec:
        """Return the host that an asker gets.

        Raises:
            NoMatch: No host answers the query.
        """
        candidates = self.fleet(root, balancer).index.candidates(query)
        chosen = self._choose(root, balancer, key, candidates)
        if self._asked_hosts is None:
            self._hosts[HostAsk(balancer, key, candidates.names)] = chosen.name
            if self._asked_ports is None:
                self._made[key, str(query)] = Picked(key, str(query), tuple(candidates), chosen.name)
        return chosen

    def would_get(self, root: DictConfig, balancer: str, key: str, query: HostFilter) -> HostSpec:
        """Return the host that an asker gets or would get; it takes nothing from those that ask after it.

        Raises:
            NoMatch: No host answers the query.
        """
        return self._choose(root, balancer, key, self.fleet(root, balancer).index.candidates(query))

    def _choose(self, root: DictConfig, balancer: str, key: str, candidates: Candidates[HostSpec]) -> HostSpec:
        """Choose one of the candidates.

        For a strategy that assigns all asks at once, they are gathered from the config as written, so
        that the order in which nodes are resolved plays no part.
        """
        strategy = self.strategy(root, balancer)
        if not assigns_together(strategy):
            return strategy.choose(key, candidates, {})
        ask = HostAsk(balancer, key, candidates.names)
        self._candidates.setdefault((balancer, candidates.names), candidates)
        if self._asked_hosts is not None:
            self._asked_hosts.add(ask)
        elif "hosts" not in self._gathered:
            self._gathered.add("hosts")
            self._gather_hosts(root)
        if ask in self._hosts:
            return self.fleet(root, balancer).by_name[self._hosts[ask]]
        load = Counter(name for other, name in self._hosts.items() if other.balancer == balancer)
        return strategy.choose(key, candidates, load)

    def free_port(self, root: DictConfig, ask: PortAsk) -> int:
        """Return the port of an asking node, the same whichever node is resolved first.

        At the first ask, all nodes that ask are found in the config as written, and served in the
        order of their paths; who has a port in the lock file of the balancer gets that one.

        Raises:
            NoFreePort: All ports of the range are taken.
            ConfigurationError: The lock file is wrong, or keeps a port that is in use.
        """
        if self._asked_ports is not None:
            self._asked_ports.add(ask)
        if self._asked_ports is not None or self._asked_hosts is not None:
            return ask.first
        if "ports" not in self._gathered:
            self._gathered.add("ports")
            self._gather_ports(root)
        port = self._ports[ask] if ask in self._ports else self._allocate(root, ask)
        lock, table = self.fleet(root, ask.balancer).settings.port_lock, self._tables[ask.balancer, ask.host]
        note_ask(lock, LockAsk(ask.host, ask.node, ask.first, ask.last), port, table, by_file=False)
        return port

    def _written(self, root: DictConfig) -> Any:
        if self._raw is None:
            self._raw = OmegaConf.to_container(root, resolve=False)
        return self._raw

    def _gather_hosts(self, root: DictConfig) -> None:
        known: set[HostAsk] = set()
        for _ in range(_ROUNDS):
            self._asked_hosts = asks = set[HostAsk]()
            try:
                touched = self._touch(root, lambda text: _HOST in text)
            finally:
                self._asked_hosts = None
            if asks == known:
                return
            known = asks
            self._hosts = self._assigned(root, asks)
            if not any(map(_NESTED.search, touched)):
                return

    def _assigned(self, root: DictConfig, asks: set[HostAsk]) -> dict[HostAsk, str]:
        assigned: dict[HostAsk, str] = {}
        for balancer in sorted({ask.balancer for ask in asks}):
            strategy = self.strategy(root, balancer)
            if assigns_together(strategy):
                batch: dict[Ask, Candidates[HostSpec]] = {
                    (ask.key, ask.candidates): self._candidates[balancer, ask.candidates] for ask in asks if ask.balancer == balancer
                }
                assigned |= {HostAsk(balancer, key, names): host.name for (key, names), host in strategy.assign(batch).items()}
        return assigned

    def _gather_ports(self, root: DictConfig) -> None:
        self._asked_ports = asks = set[PortAsk]()
        try:
            self._touch(root, lambda text: _FREE_PORT in text)
        finally:
            self._asked_ports = None
        for ask in sorted(asks):
            with suppress(BalancerError):
                self._allocate(root, ask)

    def _allocate(self, root: DictConfig, ask: PortAsk) -> int:
        place = (ask.balancer, ask.host)
        if place not in self._tables:
            fleet = self.fleet(root, ask.balancer)
            in_use = [port.port for port in fleet.ports if port.host == ask.host]
            self._tables[place] = PortTable(ask.host, in_use, locked_ports(fleet.settings.port_lock, ask.host))
        self._ports[ask] = self._tables[place].take(ask.node, ask.first, ask.last)
        return self._ports[ask]

    def _touch(self, root: DictConfig, asks: Callable[[str], bool]) -> list[str]:
        """Resolve every node that asks, to learn for what, and return their texts; one that fails here fails when it is used."""
        asking = [(path, value) for path, value in walk(self._written(root)) if isinstance(value, str) and asks(value)]
        for path, _ in asking:
            with suppress(Exception):
                _resolve(root, path)
        return [value for _, value in asking]


def _resolve(node: Any, path: Path) -> None:
    for key in path:
        node = node[key]


def _plain_balancer(root: DictConfig, balancer: str) -> Mapping[str, Any]:
    node = OmegaConf.select(root, balancer) if balancer else root
    if not isinstance(node, DictConfig):
        raise ConfigurationError(f"there is no balancer at {balancer!r}")
    plain = OmegaConf.to_container(node, resolve=False)
    if has_interpolation(plain):
        plain = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
