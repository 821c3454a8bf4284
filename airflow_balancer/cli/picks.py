"""The picks of a configuration, and of the DAG files that are run over it."""

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
StandIns = Mapping[Path, tuple[Path, tuple[str, ...]]]


class FilePick(NamedTuple):
    """A pick, and the DAG file that made it; an empty name where the configuration did."""

    file: str
    picked: Picked


class Place(NamedTuple):
    """A configuration, and where it and its DAG files are.

    Attributes:
        composed: The configuration.
        overrides: Those that it is composed with, which hold for the DAG files, too.
        source: The root file of the request's own configuration.
        folder: The folder with the files of this place.
        own_folder: The folder with the same files of the request's own place.
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
            ConfigurationError: It cannot be read, or is wrong.
        """
        from ..lock.file import lock_at

        return lock_at(Path(name)) if (name := self.composed.fleet.settings.lock) else None

    @property
    def stand_ins(self) -> StandIns:
        """What a DAG file gets that loads this configuration, or the request's own."""
        source = self.composed.source
        return {file.resolve(): (source, self.overrides) for file in (self.source, source)}

    def counterpart(self, path: Path) -> Path:
        """Return the path in this place that a path in the request's own place stands for."""
        path = path.absolute()
        return self.folder / path.relative_to(self.own_folder) if path.is_relative_to(self.own_folder) else path

    def name(self, file: Path) -> str:
        """Return what a file is called: as the one in the request's own place is."""
        return shown_path(self.own_folder / file.relative_to(self.folder) if file.is_relative_to(self.folder) else file)


@dataclass(frozen=True)
class Survey:
    """The picks of a place.

    Attributes:
        place: The place.
        picks: The configuration's picks, then those of each DAG file.
        files: How many picks each DAG file makes over the configuration, and how many over others.
        nodes: A row for each node of the configuration that requests a host or a port.
        ports: The requests for free ports of these nodes, and what they got.
        noted: All that the configuration and the DAG files request.
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
        """A row for each node that requests a host or a port and, where DAG files were run, for each pick of theirs."""
        if not self.files:
            return list(self.nodes)
        picks = [{"requester": pick.key, "file": file, "request": pick.query, "gets": pick.host} for file, pick in self.of_files]
        return [*({"requester": row["requester"], "file": None, **row} for row in self.nodes), *picks]

    @property
    def assigned(self) -> Mapping[Asked, str]:
        """The hosts of the DAG files' picks, by key and names of the candidates."""
        return {(pick.key, Candidates.of(pick.candidates).names): pick.host for _, pick in reversed(self.of_files)}


def shown_path(path: Path) -> str:
    """Return a path from the working directory, or from the root, whichever is shorter."""
    return min(os.path.relpath(path), str(path), key=len)


def here(request: Request) -> Place:
    """Return the place of a request's own configuration."""
    return Place(request.composed, request.overrides, request.composed.source, Path.cwd(), Path.cwd())


def survey(place: Place, paths: Iterable[Path], lock: Lock | None = None) -> Survey:
    """Return the picks of a configuration, and of the DAG files that are given as paths, which are run.

    A lock is used in place of the lock file that the configuration names.

    Raises:
        ConfigurationError: The configuration cannot be resolved, its lock file is wrong, or a DAG file cannot be run.
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
    """Return the picks of a request's configuration and of its `dag_files`; raises as `survey`, and where these are none."""
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
    """Return whether a pick is one of a place's hosts; a balancer that comes from no file tells by its hosts."""
    if pick.source:
        return Path(pick.source).resolve() == place.composed.source.resolve()
    sizes = {host.name: host.size for host in place.composed.fleet.hosts}
    return all(sizes.get(host.name) == host.size for host in pick.candidates)
