"""Which configurations may be opened, and what they hold; files that did not change are not parsed again."""

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
    """There is no such configuration, or no such environment of it."""


class Listing(NamedTuple):
    """What there is, and what is wrong with the rest."""

    configurations: dict[str, Configuration]
    problems: tuple[str, ...]
    snapshot: Snapshot


class _Kept(NamedTuple):
    files: Files
    outcome: Opened | ConfigurationError


class Catalogue:
    """The configurations of some places, by opaque ids; safe for several threads.

    Args:
        places: Where they are looked for.
        around: The context in which they are composed.
    """

    def __init__(self, places: Callable[[], Places], around: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._places = places
        self._around = around
        self._listing: Listing | None = None
        self._kept: OrderedDict[tuple[str, str | None], _Kept] = OrderedDict()
        self._lock = RLock()
        self.hint = ""

    def look(self) -> Listing:
        """Return what there is now; where no file changed, only their states are looked at."""
        with self._lock:
            # Where the places themselves could not be found, they are looked for again.
            if self._listing is None or not self._listing.snapshot.roots or not self._listing.snapshot.still_true():
                self._listing = self._listed()
            return self._listing

    def open(self, identity: str, environment: str = "") -> Opened:
        """Return a configuration in an environment, composed again only where a file of it changed.

        Raises:
            UnknownError: There is none with that id, or it has no such environment.
            ConfigurationError: It is wrong.
        """
        configuration = self.look().configurations.get(identity)
        if configuration is None:
            raise UnknownError("there is no such configuration; it may have been moved or removed")
        if environment and environment not in configuration.environments:
            known = ", ".join(configuration.environments) or "it has none"
            raise UnknownError(f"there is no environment {environment!r} (environments: {known})")
        with self._lock:
            outcome = self._open(configuration, environment or configuration.environment)
        if isinstance(outcome, ConfigurationError):
            raise outcome.rewritten(lambda text: relative(text, configuration.roots))
        return outcome

    def _open(self, configuration: Configuration, environment: str | None) -> Opened | ConfigurationError:
        key = (configuration.id, environment)
        files = self._files(configuration)
        kept = self._kept.get(key)
        if kept is None or kept.files != {**_stamps(kept.files.keys() - files), **files}:
            with self._around():
                outcome, others = open_configuration(configuration, environment)
            kept = self._kept[key] = _Kept({**_stamps(map(str, others)), **files}, outcome)
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST_OPEN:
            self._kept.popitem(last=False)
        return kept.outcome

    def _files(self, configuration: Configuration) -> Files:
        folder = f"{configuration.path.parent}/"
        return {path: stamp for path, stamp in self.look().snapshot.files.items() if path.startswith(folder)}

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
        configurations = {}
        for path, overrides in sources:
            try:
                found = describe_configuration(path, overrides, places, roots)
                configurations[found.id] = found
            except ConfigurationError as error:
                problems += error.problems
        return Listing(configurations, tuple(relative(str(problem), places.roots) for problem in problems), snapshot)


def relative(text: str, roots: Iterable[Path]) -> str:
    """Return a message with the files that it names relative to the `roots`."""
    for root in dict.fromkeys(path for given in roots for path in (given, given.resolve())):
        text = text.replace(f"{root}/", "")
    return text


def _stamps(paths: Iterable[str]) -> Files:
    """Return what tells whether each of the files changed; empty for a file that does not exist."""
    snapshot = take_snapshot(map(Path, paths))
    return {str(path): snapshot.files.get(str(path), ()) for path in snapshot.roots}
