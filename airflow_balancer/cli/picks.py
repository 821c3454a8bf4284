"""Surveys the picks of a configuration and of the DAG files that are run over it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ConfigurationError, Problem
from ..files.reading import reading
from ..fleet.masking import masking
from ..picking.picked import Picked
from ..picking.rendezvous import Candidates
from .command import Request
from .dag_files import find_dag_files, paths_of, run_dag_file

if TYPE_CHECKING:
    from ..hydra.composed import Composed
    from ..lock.entries import PortRequest
    from ..lock.file import Lock
    from ..lock.recorder import Recorder
    from ..picking.choice import Asked

_NO_DAG_FILE = "there is no DAG file in it, a Python file that holds the words dag and airflow, or free_port, select_host or assign_hosts"


class FilePick(NamedTuple):
    """A pick, and the DAG file that made it; an empty name for a pick of the configuration."""

    file: str
    picked: Picked


class Place(NamedTuple):
    """A configuration, and the folder that holds it and its DAG files.

    Attributes:
        composed: The configuration.
        overrides: Its overrides, which its DAG files get as well.
        source: The root file of the request's own configuration.
        folder: The folder of this place.
        own_folder: The folder of the request's own place, with the same files.
    """

    composed: Composed
    overrides: tuple[str, ...]
    source: Path
    folder: Path
    own_folder: Path

    @property
    def lock(self) -> Lock | None:
        """The lock file that the configuration names.

        Raises:
            ConfigurationError: It cannot be read, or is invalid.
        """
        from ..lock.file import lock_at

        return lock_at(Path(name)) if (name := self.composed.fleet.settings.lock) else None

    @property
    def stand_ins(self) -> Mapping[Path, tuple[Path, tuple[str, ...]]]:
        """What a DAG file loads in place of this configuration, or of the request's own."""
        source = self.composed.source
        return {file.resolve(): (source, self.overrides) for file in (self.source, source)}

    def counterpart(self, path: Path) -> Path:
        """Translate a path in the request's own place to this place."""
        path = path.absolute()
        return self.folder / path.relative_to(self.own_folder) if path.is_relative_to(self.own_folder) else path

    def name(self, file: Path) -> str:
        """Return a file's name, that of its counterpart in the request's own place."""
        return short_path(self.own_folder / file.relative_to(self.folder) if file.is_relative_to(self.folder) else file)


@dataclass(frozen=True)
class Survey:
    """The picks of a place.

    Attributes:
        place: The place.
        picks: The configuration's picks, then those of each DAG file.
        files: The number of picks that each DAG file makes from the configuration, and from others.
        nodes: A row for each node of the configuration that requests a host or a port.
        ports: The requests of these nodes for free ports, and the ports that they got.
        noted: All requests of the configuration and the DAG files.
    """

    place: Place
    picks: Sequence[FilePick]
    files: Mapping[str, tuple[int, int]]
    nodes: Sequence[Mapping[str, Any]]
    ports: Mapping[PortRequest, int]
    noted: Recorder

    @property
    def of_files(self) -> list[FilePick]:
        """The picks of the DAG files."""
        return [pick for pick in self.picks if pick.file]

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """A row for each node that requests a host or a port, and for each pick of DAG files that were run."""
        if not self.files:
            return list(self.nodes)
        picks = [{"requester": pick.key, "file": file, "request": pick.query, "gets": pick.host} for file, pick in self.of_files]
        return [*({"requester": row["requester"], "file": None, **row} for row in self.nodes), *picks]

    @property
    def assigned(self) -> Mapping[Asked, str]:
        """The hosts of the DAG files' picks, by key and names of the candidates."""
        return {(pick.key, Candidates.of(pick.candidates).names): pick.host for _, pick in reversed(self.of_files)}


def short_path(path: Path) -> str:
    """Return a path relative to the working directory, or unchanged if that is shorter."""
    return min(os.path.relpath(path), str(path), key=len)


def here(request: Request) -> Place:
    """Return the place of a request's own configuration."""
    return Place(request.composed, request.overrides, request.composed.source, Path.cwd(), Path.cwd())


def survey(place: Place, paths: Iterable[Path], lock: Lock | None = None) -> Survey:
    """Resolve a configuration, run the DAG files at the paths, and return all picks.

    A lock replaces the lock file that the configuration names.

    Raises:
        ConfigurationError: The configuration cannot be resolved, its lock file is invalid, or a DAG file cannot be run.
        NoMatch: A query of the configuration matches no host.
    """
    from ..lock.recorder import Recorder

    noted = Recorder(lock or place.lock)
    with reading(recorder=noted):
        nodes = place.composed.requests()
    made, ports = noted.in_order, dict(noted.ports)
    picks, of_tree = [FilePick("", pick) for pick in made], {(pick.key, pick.query, pick.host) for pick in made}
    files: dict[str, tuple[int, int]] = {}
    for file, of_file in _run(place, find_dag_files(paths), noted.lock):
        every = of_file.in_order
        own = [pick for pick in every if _is_of(pick, place)]
        new = [pick for pick in own if pick.source or (pick.key, pick.query, pick.host) not in of_tree]
        picks += [FilePick(place.name(file), pick) for pick in new]
        files[place.name(file)] = len(new), len(every) - len(own)
        noted.add(of_file)
    return Survey(place, picks, files, nodes, ports, noted)


def survey_of(request: Request, lock: Lock | None = None) -> Survey:
    """Return the picks of a request's configuration and its `dag_files`. Raises as `survey` does, and if a path has no DAG file."""
    paths = [Path(path) for path in paths_of(request)]
    for path in paths:
        if not find_dag_files([path]):
            raise ConfigurationError(f"dag_files: {path}: {_NO_DAG_FILE}")
    return survey(here(request), paths, lock)


def _run(place: Place, found: Sequence[tuple[Path, Path]], lock: Lock | None) -> Iterator[tuple[Path, Recorder]]:
    from ..lock.recorder import Recorder

    problems = list[Problem]()
    folder = place.counterpart(Path.cwd())
    for file, imported_from in found:
        recorder = Recorder(lock)
        try:
            with masking(lambda: place.composed.secrets), chdir(folder), reading(recorder=recorder, stand_ins=place.stand_ins):
                noted = run_dag_file(file, imported_from, recorder)
        except ConfigurationError as error:
            problems += error.problems
        else:
            yield file, noted
    if problems:
        raise ConfigurationError(problems)


def _is_of(pick: Picked, place: Place) -> bool:
    """Return whether a pick is from a place's configuration. A balancer without a source file is compared by its hosts."""
    if pick.source:
        return Path(pick.source).resolve() == place.composed.source.resolve()
    sizes = {host.name: host.size for host in place.composed.fleet.hosts}
    return all(sizes.get(host.name) == host.size for host in pick.candidates)
