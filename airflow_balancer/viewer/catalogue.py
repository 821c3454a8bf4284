"""The configurations that the viewer may open. Unchanged files are not parsed again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import RLock
from typing import NamedTuple

from ..airflow.sources import Source, find_sources
from ..errors import ConfigurationError, Problem
from ..files.locate import Snapshot, take_snapshot
from .configuration import Configuration, Places, describe_configuration
from .opened import Opened, open_configuration

_MOST_OPEN = 64
Files = dict[str, tuple[int, ...]]


class UnknownError(LookupError):
    """The configuration, or its environment, does not exist."""


class Listing(NamedTuple):
    """The configurations found, by id and in the order of their names, and the problems of files that cannot be opened."""

    configurations: dict[str, Configuration]
    problems: tuple[str, ...]
    snapshot: Snapshot


class _Kept(NamedTuple):
    files: Files
    outcome: Opened | ConfigurationError


class Catalogue:
    """The configurations of some places, by opaque ids; thread-safe.

    Args:
        places: Returns where to look for configurations.
        around: Returns the context in which to compose them.
    """

    def __init__(self, places: Callable[[], Places], around: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._places = places
        self._around = around
        self._listing: Listing | None = None
        self._kept: OrderedDict[tuple[str, str | None], _Kept] = OrderedDict()
        self._lock = RLock()
        self.hint = ""

    def look(self) -> Listing:
        """Return the current configurations. If no file changed, this costs one `stat` a file."""
        with self._lock:
            # Without roots, the last call could not find the places: try again.
            if self._listing is None or not self._listing.snapshot.roots or not self._listing.snapshot.still_true():
                self._listing = self._listed()
            return self._listing

    def open(self, identity: str, environment: str = "") -> Opened:
        """Return a configuration in an environment; compose it again only if one of its files changed.

        Raises:
            UnknownError: No configuration has that id, or it has no such environment.
            ConfigurationError: The configuration is invalid.
        """
        listing = self.look()
        configuration = listing.configurations.get(identity)
        if configuration is None:
            raise UnknownError("there is no such configuration; it may have been moved or removed")
        if environment and environment not in configuration.environments:
            known = ", ".join(configuration.environments) or "it has none"
            raise UnknownError(f"there is no environment {environment!r} (environments: {known})")
        with self._lock:
            outcome = self._open(configuration, environment or configuration.environment, listing.snapshot)
        if isinstance(outcome, ConfigurationError):
            raise outcome.rewritten(lambda text: relative(text, configuration.roots))
        return outcome

    def _open(self, configuration: Configuration, environment: str | None, snapshot: Snapshot) -> Opened | ConfigurationError:
        key = (configuration.id, environment)
        folder = f"{configuration.path.parent}/"
        files = {path: stamp for path, stamp in snapshot.files.items() if path.startswith(folder)}
        kept = self._kept.get(key)
        if kept is None or kept.files != {**_stamps(kept.files.keys() - files), **files}:
            with self._around():
                outcome, others = open_configuration(configuration, environment)
            kept = self._kept[key] = _Kept({**_stamps(map(str, others)), **files}, outcome)
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST_OPEN:
            self._kept.popitem(last=False)
        return kept.outcome

    def _listed(self) -> Listing:
        try:
            places = self._places()
        except ConfigurationError as error:
            return Listing({}, tuple(map(str, error.problems)), Snapshot(()))
        self.hint = places.hint
        snapshot = take_snapshot(places.roots)
        sources, problems = ([Source(*named) for named in places.named], []) if places.named else find_sources(snapshot)
        if snapshot.limit and not places.named:
            problems.append(Problem(f"looking for configurations ended after {snapshot.limit}; name yours in [balancer] config_path"))
        roots = tuple(root.resolve() for root in places.roots)
        found = []
        for path, overrides in sources:
            try:
                found.append(describe_configuration(path, overrides, places, roots))
            except ConfigurationError as error:
                problems += error.problems
        configurations = {configuration.id: configuration for configuration in sorted(found, key=lambda each: each.name)}
        return Listing(configurations, tuple(relative(str(problem), places.roots) for problem in problems), snapshot)


def relative(text: str, roots: Iterable[Path]) -> str:
    """Return a message with its file names relative to the `roots`."""
    for root in dict.fromkeys(path for given in roots for path in (given, given.resolve())):
        text = text.replace(f"{root}/", "")
    return text


def _stamps(paths: Iterable[str]) -> Files:
    """Return the stamp of each file, which changes with the file; a missing file has an empty stamp."""
    snapshot = take_snapshot(map(Path, paths))
    return {str(path): snapshot.files.get(str(path), ()) for path in snapshot.roots}
