"""A composed configuration: its balancer, what its nodes request, and what each of them gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import getitem
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..caching import cached
from ..errors import ConfigurationError, Problem
from ..files.reading import reading
from ..fleet.fleet import Fleet
from ..fleet.masking import mask_error, masking, secrets_of, word_secrets
from ..fleet.model import HostSpec
from ..lock.file import lock_path
from ..lock.hosts import locked_hosts
from ..picking.choice import Asked, Assigned, choose_host
from ..picking.filters import HostFilter, HostIndex
from ..picking.strategies import Ranking, Strategy, build_strategy
from .nodes import Path, dotted, find_requests, judge_targets, node_at
from .origins import Origins
from .secrets import resolved_secrets

if TYPE_CHECKING:
    from .picks import Picks


@dataclass(frozen=True)
class Composed:
    """A composed config and its balancer's node.

    Attributes:
        source: The file that was loaded.
        root: The whole composed config; plain data if nothing had to be composed.
        path: The path of the balancer's node in it.
        data: The balancer's node as plain, resolved data.
        origins: Finds the file or override that a value comes from.
        folders: Where to look for the files that it names.
    """

    source: FilePath
    root: Mapping[Any, Any] = field(repr=False)
    path: Path
    data: Mapping[str, Any] = field(repr=False)
    origins: Origins = field(repr=False)
    folders: tuple[FilePath, ...]

    @property
    def node(self) -> Mapping[str, Any]:
        """The balancer's node, with the full path of its lock file."""
        lock = self.data.get("lock")
        if not isinstance(lock, str):
            return self.data
        with reading(folders=self.folders):
            return {**self.data, "lock": str(lock_path(lock))}

    @cached
    def fleet(self) -> Fleet:
        """The fleet of the balancer's node.

        Raises:
            ConfigurationError: It is invalid. Each problem names the file or override that it comes from.
        """
        with masking(self.own_secrets):
            try:
                return Fleet.from_data(self.node)
            except ConfigurationError as error:
                raise self.located(error) from None

    def located(self, error: ConfigurationError) -> ConfigurationError:
        """Add to each problem of the balancer's node the file or override that the value comes from."""
        return error.with_origin({problem: self._origin(problem) for problem in error.problems})

    def check(self) -> Fleet:
        """Check the fleet and every `_target_` in it, and return the fleet.

        Raises:
            ConfigurationError: With all problems at once.
        """
        targets = [Problem(text, path=path) for path, text in judge_targets(self.data) if text]
        problems = [*self._stray_hosts(), *(replace(problem, origin=self._origin(problem)) for problem in targets)]
        try:
            fleet = self.fleet
        except ConfigurationError as error:
            raise ConfigurationError([*problems, *error.problems]) from None
        if problems:
            raise ConfigurationError(problems)
        return fleet

    def _stray_hosts(self) -> list[Problem]:
        """Return a problem if a file without `# @package` puts its hosts beside a balancer that has none."""
        if not self.path or self.data.get("hosts") or not node_at(self.written, ("hosts",)):
            return []
        node = dotted(self.path)
        text = f"key 'hosts' is outside of the balancer, which has none; they stand at {node}.hosts: a file of a group begins with"
        return [Problem(f"{text} # @package {node}.hosts", origin=self.origins.of(("hosts",)) or str(self.source))]

    def foreign_targets(self) -> list[str]:
        """Return the `_target_`s of balancer, hosts and ports that are classes of other packages."""
        return sorted({str(node_at(self.data, path)) for path, text in judge_targets(self.data) if not text})

    def own_secrets(self) -> set[str]:
        """Return the secrets that are known without resolving anything."""
        plain = isinstance(self.root, dict)  # nothing to resolve
        return secrets_of(*(() if plain else (self.data,)), self.written) | word_secrets(self.origins.overrides)

    @cached
    def secrets(self) -> frozenset[str]:
        """The secrets that no output may hold; see `fleet/masking.py`."""
        return frozenset(self.own_secrets() | resolved_secrets(self.written, self.resolved, self.data, self.written))

    def resolved(self, path: Path) -> Any:
        """Return the resolved value at a path of the config.

        Raises:
            ConfigurationError: It cannot be resolved.
        """
        if isinstance(self.root, dict):
            return node_at(self.root, path)
        with self._resolving():
            return reduce(getitem, path, self.root)

    @cached
    def index(self) -> HostIndex[HostSpec]:
        """The fleet's hosts, indexed for queries."""
        return HostIndex(self.fleet.hosts)

    @cached
    def assigned(self) -> Mapping[Asked, str]:
        """The hosts that the config's own requests were assigned, by key and names of the candidates.

        Raises:
            ConfigurationError: The config cannot be resolved.
        """
        if isinstance(self.root, dict):
            return {}
        with self._resolving() as picks:
            picks.gather()
            return picks.balancers[dotted(self.path)].hosts

    def pick(self, key: str, query: HostFilter, assigned: Mapping[Asked, str] = MappingProxyType({})) -> HostSpec:
        """Return the host of a key: from the lock file, else as the config or a DAG file assigned it, else by the strategy.

        Raises:
            NoMatch: No host matches the query.
            ConfigurationError: The config cannot be resolved.
        """
        answers = self._locked({**assigned, **self.assigned}) if assigned else self._answers
        return choose_host(self.strategy, key, self.index.candidates(query), assigned=answers)

    @cached
    def strategy(self) -> Strategy:
        """The balancer's strategy. A class of another package is imported.

        Raises:
            ConfigurationError: It cannot be built. The error names the file or override that it comes from.
        """
        written = self.fleet.settings.strategy
        try:
            return build_strategy(written)
        except ConfigurationError as error:
            path = ("strategy", "_target_") if isinstance(written, Mapping) else ("strategy",)
            raise self.located(ConfigurationError(replace(problem, path=path) for problem in error.problems)) from error

    @cached
    def _answers(self) -> Assigned:
        return self._locked(self.assigned)

    def _locked(self, others: Mapping[Asked, str]) -> Assigned:
        return locked_hosts(self.fleet.settings.lock, self.index, self.strategy, others)

    def outcomes(self) -> list[dict[str, Any]]:
        """Return a row for each node outside the balancer that requests a host or a port.

        A row has the node's path, its value as written, and the host, port or error that it gets.
        """
        found = find_requests(self.written)
        requests = [(path, value) for path, value in found if "balancer.inventory" not in value and not self._is_inside(path)]
        if not requests:
            return []
        with self._resolving():
            return [{"requester": dotted(path), "request": value, "gets": self._outcome(path)} for path, value in requests]

    def _is_inside(self, path: Path) -> bool:
        return bool(self.path) and path[: len(self.path)] == self.path

    def _outcome(self, path: Path) -> Any:
        from .explain import CAUSES, explained

        try:
            answer: Any = reduce(getitem, path, self.root)
        except CAUSES as error:
            return mask_error(explained(error, str(self.source)), self.own_secrets())
        if isinstance(answer, Ranking):
            return answer.first
        if isinstance(answer, Mapping):
            return answer.get("name")
        return answer if isinstance(answer, str | int | float | None) else str(answer)

    def requests(self) -> list[dict[str, Any]]:
        """Return the `outcomes`.

        Raises:
            ConfigurationError: The first error among them.
        """
        rows = self.outcomes()
        if error := next((row["gets"] for row in rows if isinstance(row["gets"], ConfigurationError)), None):
            raise error
        return rows

    @cached
    def written(self) -> Any:
        """The whole config as plain data, interpolations as written."""
        if isinstance(self.root, dict):
            return self.root
        from omegaconf import OmegaConf

        return OmegaConf.to_container(self.root, resolve=False)

    @contextmanager
    def _resolving(self) -> Iterator[Picks]:
        """Let nodes of the config be resolved over the validated fleet, and yield the config's picks."""
        from .balancers import Balancer
        from .explain import CAUSES, explained
        from .hydra_internals import bounded_effort
        from .picks import Picks

        root: Any = self.root
        with masking(self.own_secrets):
            try:
                with reading(folders=self.folders), bounded_effort():
                    picks, path = Picks.of(root), dotted(self.path)
                    if path not in picks.balancers:
                        picks.balancers[path] = Balancer(self.fleet, self.index, self.strategy)
                    yield picks
            except CAUSES as error:
                raise explained(error, str(self.source)) from None

    def _origin(self, problem: Problem) -> str:
        origin = self.origins.of((*self.path, *problem.path)) or str(self.source)
        return f"{self.source}: {origin}" if origin.startswith("override ") else origin
