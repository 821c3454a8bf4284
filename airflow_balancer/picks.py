"""What the resolvers pick over one composed config.

A composed config is taken as it stands at its first pick; a copy of it, or a merge into a new one,
starts afresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Self

from omegaconf import DictConfig, OmegaConf

from .errors import ConfigurationError, NoFreePort
from .fleet import Fleet
from .nodes import Path, find_balancer, has_interpolation, walk
from .ports import PortTable

__all__ = ("Picks", "PortAsk", "asking_key", "dotted")

_CACHE = "airflow_balancer"
_FREE_PORT = "balancer.free_port"


def dotted(path: Path) -> str:
    """Return a path as OmegaConf writes it, such as `dags.etl.tasks[0]`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def asking_key(node: Any) -> str:
    """Return who asks: the path of the nearest enclosing node with a `_target_`, else of the parent mapping.

    The root does not count as enclosing, or all that stands in it would be one asker.
    """
    mapping, parent = None, node._get_parent()
    while parent is not None and parent._get_parent() is not None:
        if isinstance(parent, DictConfig):
            mapping = mapping or parent
            if "_target_" in parent:
                return str(parent._get_full_key(None))
        parent = parent._get_parent()
    return "" if mapping is None else str(mapping._get_full_key(None))


class PortAsk(NamedTuple):
    """A node that asks for a free port: its path, the balancer's, the host, the first and the last port."""

    node: str
    balancer: str
    host: str
    first: int
    last: int


class Picks:
    """The fleets of one composed config, and the free ports that its nodes were given."""

    def __init__(self) -> None:
        self._raw: Any = None
        self._fleets: dict[str, Fleet | None] = {}
        self._tables: dict[tuple[str, str], PortTable] = {}
        self._ports: dict[PortAsk, int] = {}
        self._collected = False
        self._collecting: set[PortAsk] | None = None

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
        if self._raw is None:
            self._raw = OmegaConf.to_container(root, resolve=False)
        return dotted(find_balancer(self._raw))

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

    def free_port(self, root: DictConfig, ask: PortAsk) -> int:
        """Return the port of an asking node, the same whichever node is resolved first.

        At the first ask, all nodes that ask are found in the config as written, and served in the
        order of their paths.

        Raises:
            NoFreePort: All ports of the range are taken.
        """
        if self._collecting is not None:
            self._collecting.add(ask)
            return ask.first
        if not self._collected:
            self._collected = True
            for other in sorted(self._collect(root)):
                with suppress(NoFreePort):
                    self._allocate(root, other)
        return self._ports[ask] if ask in self._ports else self._allocate(root, ask)

    def _allocate(self, root: DictConfig, ask: PortAsk) -> int:
        place = (ask.balancer, ask.host)
        if place not in self._tables:
            tracked = [port.port for port in self.fleet(root, ask.balancer).ports if port.host == ask.host]
            self._tables[place] = PortTable(ask.host, tracked)
        self._ports[ask] = self._tables[place].take(ask.node, ask.first, ask.last)
        return self._ports[ask]

    def _collect(self, root: DictConfig) -> set[PortAsk]:
        """Resolve every node that asks for a free port, to learn for which; a failing one fails when it is used."""
        asks: set[PortAsk] = set()
        self._collecting = asks
        try:
            for path, value in walk(self._raw):
                if isinstance(value, str) and _FREE_PORT in value:
                    with suppress(Exception):
                        _resolve(root, path)
        finally:
            self._collecting = None
        return asks


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
