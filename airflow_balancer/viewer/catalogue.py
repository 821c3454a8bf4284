"""Which configurations may be opened, and what they hold; files that did not change are not parsed again."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from ..airflow.sources import find_sources
from ..errors import ConfigurationError, Problem
from ..files.locate import tree_above
from ..files.scan import Snapshot, take_snapshot
from ..files.yaml import read_root
from .guard import is_inside
from .opened import Opened, open_configuration

__all__ = ("Catalogue", "Configuration", "Listing", "Places", "UnknownError")

_MOST_OPEN = 64
_OPTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_COMPOSES = re.compile(rb"defaults|\$\{|_target_|hydra")
_PREFIXES = re.compile(r"^(?:(?:optional|override)\s+)*/?")
Files = dict[str, tuple[int, ...]]


class UnknownError(LookupError):
    """There is no such configuration, or no such environment of it."""


class Places(NamedTuple):
    """Where configurations are looked for.

    Attributes:
        roots: The folders.
        named: The one configuration in them that is meant; None for all that are found.
        overrides: The overrides that it is composed with.
        hint: What to do where there is none.
    """

    roots: tuple[Path, ...]
    named: Path | None = None
    overrides: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class Configuration:
    """A configuration that may be opened.

    Attributes:
        id: What a request calls it.
        name: Its path below its root.
        path: Its file.
        roots: The folders that all of its files are in; the name is relative to the first.
        overrides: The overrides that it is composed with.
        group: The config group of its environments; empty where it has none.
        environments: The options of that group.
        environment: The default one.
    """

    id: str
    name: str
    path: Path
    roots: tuple[Path, ...]
    overrides: tuple[str, ...]
    group: str = ""
    environments: tuple[str, ...] = ()
    environment: str | None = None

    def overrides_for(self, environment: str | None) -> tuple[str, ...]:
        """Return the overrides that compose it in one of its environments."""
        if environment is None or environment == self.environment:
            return self.overrides
        others = (text for text in self.overrides if text.lstrip("+").partition("=")[0] != self.group)
        return (*others, f"{self.group}={environment}")


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
            raise _told(outcome, configuration.roots)
        return outcome

    def _open(self, configuration: Configuration, environment: str | None) -> Opened | ConfigurationError:
        key = (configuration.id, environment)
        files = self._files(configuration)
        kept = self._kept.get(key)
        if kept is None or any(files.get(path, stamp_of(path)) != stamp for path, stamp in kept.files.items()) or files.keys() - kept.files:
            with self._around():
                outcome, others = open_configuration(configuration, environment)
            kept = self._kept[key] = _Kept({**stamps(others), **files}, outcome)
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
        sources, problems = ([(places.named, places.overrides)], []) if places.named else _found(snapshot)
        roots = tuple(root.resolve() for root in places.roots)
        configurations = {}
        for path, overrides in sources:
            try:
                found = _configuration(path, overrides, places, roots)
                configurations[found.id] = found
            except ConfigurationError as error:
                problems += error.problems
        return Listing(configurations, tuple(relative(str(problem), places.roots) for problem in problems), snapshot)


def relative(text: str, roots: Iterable[Path]) -> str:
    """Return a message with the files that it names relative to the `roots`."""
    for root in dict.fromkeys(path for given in roots for path in (given, given.resolve())):
        text = text.replace(f"{root}/", "")
    return text


def _told(error: ConfigurationError, roots: Sequence[Path]) -> ConfigurationError:
    def told(problem: Problem) -> Problem:
        return replace(problem, message=relative(problem.message, roots), origin=relative(problem.origin, roots))

    return ConfigurationError(told(problem) for problem in error.problems)


def stamps(paths: Iterable[Path]) -> Files:
    """Return what tells whether each of the files changed."""
    return {str(path): stamp_of(str(path)) for path in paths}


def stamp_of(path: str) -> tuple[int, ...]:
    """Return what tells whether a file changed; empty where there is none."""
    return next(iter(take_snapshot([Path(path)]).files.values()), ())


def _found(snapshot: Snapshot) -> tuple[list[tuple[Path, tuple[str, ...]]], list[Problem]]:
    sources, problems = find_sources(snapshot)
    if snapshot.limit:
        problems.append(Problem(f"looking for configurations ended after {snapshot.limit}; name yours in [balancer] config_path"))
    return [(source.path, source.overrides) for source in sources], problems


def _configuration(path: Path, overrides: tuple[str, ...], places: Places, roots: tuple[Path, ...]) -> Configuration:
    root = next((root for root in places.roots if path.is_relative_to(root)), path.parent)
    if not is_inside(path, roots):
        raise ConfigurationError([Problem("is a symbolic link to a file outside of the configured folders; not opened", origin=str(path))])
    identity = blake2b(str(path).encode(), digest_size=12).hexdigest()
    allowed = [root, *(other for other in places.roots if other != root)]
    above, group, default = _tree(path)
    if places.named:
        allowed += above
    default = next((text.partition("=")[2] for text in overrides if text.lstrip("+").partition("=")[0] == group), default)
    options = tuple(_options(group, (path.parent, *above))) if group else ()
    name = str(path.relative_to(root))
    return Configuration(identity, name, path, tuple(allowed), overrides, group, options, default if default in options else None)


def _tree(path: Path) -> tuple[list[Path], str, str]:
    """Return the folders that a primary config composes from beside its own, and its `env` group; a large plain file is not parsed."""
    try:
        if not _COMPOSES.search(path.read_bytes()):
            return [], "", ""
        return tree_above(path), *_environment_group(read_root(path))
    except (OSError, ConfigurationError):  # said when it is opened
        return [], "", ""


def _environment_group(root: dict[str, Any]) -> tuple[str, str]:
    """Return the config group whose last part is `env`, with its package, and the option in the defaults list."""
    defaults = root.get("defaults")
    for entry in defaults if isinstance(defaults, list) else ():
        for text, option in entry.items() if isinstance(entry, dict) else ():
            group = _PREFIXES.sub("", str(text).strip())
            if group.partition("@")[0].rpartition("/")[2] == "env":
                return group, str(option)
    return "", ""


def _options(group: str, folders: Sequence[Path]) -> Iterator[str]:
    folder = next((found for above in folders if (found := above / group.partition("@")[0]).is_dir()), None)
    names = sorted(file.stem for file in folder.glob("*.yaml")) if folder else []
    yield from (name for name in names if _OPTION.fullmatch(name))
