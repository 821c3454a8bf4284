"""A composed configuration: its balancer, what its nodes request, and what each of them gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, Problem
from ..files.reading import reading
from ..fleet.fleet import Fleet
from ..fleet.model import HostSpec
from ..picking.choice import Assigned, choose_host
from ..picking.filters import HostFilter, HostIndex
from ..picking.strategies import build_strategy
from ..ports.lock import lock_file
from .origins import Origins, Path, dotted, node_at, walk

if TYPE_CHECKING:
    from .picks import Picks


_RESOLVER = "${balancer."


@dataclass(frozen=True)
class Composed:
    """A composed config, and where its balancer stands.

    Attributes:
        source: The file that was loaded.
        root: The whole composed config; plain data where there was nothing to compose.
        path: The path of the balancer's node in it.
        data: The balancer's node as plain data, everything resolved.
        origins: Where the values come from.
        folders: Where the files are that it may name.
    """

    source: FilePath
    root: Mapping[Any, Any]
    path: tuple[str | int, ...]
    data: Mapping[str, Any]
    origins: Origins
    folders: tuple[FilePath, ...]

    @property
    def node(self) -> Mapping[str, Any]:
        """The balancer's node, with the lock file as a path that holds wherever it is used."""
        lock = self.data.get("port_lock")
        if not isinstance(lock, str):
            return self.data
        with reading(folders=self.folders):
            return {**self.data, "port_lock": str(lock_file(lock))}

    @cached_property
    def fleet(self) -> Fleet:
        """The fleet of the balancer's node.

        Raises:
            ConfigurationError: It is wrong; each problem names the file or override it comes from.
        """
        try:
            return Fleet.from_data(self.node)
        except ConfigurationError as error:
            raise error.with_origin({p: self._origin(p) for p in error.problems}) from None

    def resolved(self, path: tuple[str | int, ...]) -> Any:
        """Return the resolved value at a path of the config.

        Raises:
            ConfigurationError: It cannot be resolved.
        """
        if isinstance(self.root, dict):
            return node_at(self.root, path)
        node: Any = self.root
        with self._resolving():
            for key in path:
                node = node[key]
        return node

    @cached_property
    def index(self) -> HostIndex[HostSpec]:
        """The fleet's hosts, indexed for queries."""
        return HostIndex(self.fleet.hosts)

    @cached_property
    def assigned(self) -> Assigned:
        """The hosts that the config's own requests were assigned, by key and names of the candidates.

        Raises:
            ConfigurationError: The config cannot be resolved.
        """
        if isinstance(self.root, dict):
            return {}
        with self._resolving() as picks:
            picks.gather()
            return picks.assignments.of_balancer(dotted(self.path))

    def pick(self, key: str, query: HostFilter) -> HostSpec:
        """Return the host that a key gets: what the config assigned to it, else what the strategy chooses for it alone.

        Raises:
            NoMatch: No host matches the query.
            ConfigurationError: The config cannot be resolved.
        """
        strategy = build_strategy(self.fleet.settings.strategy)
        return choose_host(strategy, key, self.index.candidates(query), assigned=self.assigned)

    def requesting_nodes(self) -> Iterator[tuple[Path, str]]:
        """Yield the path and the written value of each node outside the balancer that requests a host or a port."""
        for path, value in walk(self.written):
            below = self.path and path[: len(self.path)] == self.path
            if isinstance(value, str) and _RESOLVER in value and not below and "balancer.inventory" not in value:
                yield path, value

    def requests(self) -> list[dict[str, Any]]:
        """Return each requesting node as a row: its path, its written value, and what it gets.

        Raises:
            ConfigurationError: One of them cannot be served.
        """
        return [{"requester": dotted(path), "request": value, "gets": self.gets(path)} for path, value in self.requesting_nodes()]

    def gets(self, path: Path) -> Any:
        """Return what a requesting node gets: the name of a host, or a port.

        Raises:
            ConfigurationError: It cannot be served.
        """
        answer = self.resolved(path)
        return answer.get("name") if isinstance(answer, Mapping) else answer

    @property
    def written(self) -> Any:
        """The whole config as plain data, interpolations as written."""
        if isinstance(self.root, dict):
            return self.root
        from omegaconf import OmegaConf

        return OmegaConf.to_container(self.root, resolve=False)

    @contextmanager
    def _resolving(self) -> Iterator[Picks]:
        """Resolve nodes of the config, with the fleet that is validated already; give its picks."""
        from .explain import CAUSES, explained
        from .picks import Picks

        root: Any = self.root
        fleet, index = self.fleet, self.index
        try:
            with reading(folders=self.folders):
                picks = Picks.of(root)
                picks.fleets.keep(dotted(self.path), fleet, index)
                yield picks
        except CAUSES as error:
            raise explained(error, str(self.source)) from error

    def _origin(self, problem: Problem) -> str:
        origin = self.origins.of((*self.path, *problem.path)) or str(self.source)
        return f"{self.source}: {origin}" if origin.startswith("override ") else origin
