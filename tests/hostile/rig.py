"""Writes hostile inputs, and has them read by children that were forked warm and may be lost."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

SECONDS = 2.0
"""The CPU time that a path may take for one input."""
PATIENCE = 60.0
"""After how many seconds without an answer a child is lost; others may use this machine, too."""


PATHS = ("load", "load_fleet", "command", "other commands", "scheduler", "page")
"""The names of the paths; the scheduler's is read in the child itself."""
EVERY_PATH = (*PATHS, "scheduler's process")
"""The same, with the process that the scheduler starts, which takes a second."""

ALL = "HOSTILE_ALL" in os.environ
"""Whether everything is read by every path, as for `make fuzz`; else samples are."""
Hosts = dict[str, int]
Item = TypeVar("Item")


def sample(items: Iterable[Item], step: int) -> list[Item]:
    """Return every so many-th item, or all."""
    return list(items)[:: 1 if ALL else step]


class Job(NamedTuple):
    """One configuration to read by some paths."""

    file: Path
    overrides: tuple[str, ...]
    paths: tuple[str, ...]


class Outcome(NamedTuple):
    """What one path made of a configuration.

    Attributes:
        path: The path's name.
        hosts: The sizes of the hosts by name; None where it was refused.
        text: The error; empty where there is none.
        ours: Whether the error is one of ours, in lines that can be printed.
        seconds: The CPU time.
    """

    path: str
    hosts: Hosts | None
    text: str
    ours: bool
    seconds: float


class Fifo:
    """A pipe in place of a file."""

    def write(self, path: Path) -> None:
        os.mkfifo(path)


@dataclass(frozen=True)
class Link:
    """A link to a file outside."""

    to: str

    def write(self, path: Path) -> None:
        path.symlink_to(self.to)


@dataclass(frozen=True)
class Sparse:
    """A file of that many zeros."""

    size: int

    def write(self, path: Path) -> None:
        path.touch()
        os.truncate(path, self.size)


Content = str | bytes | Fifo | Link | Sparse


@dataclass(frozen=True)
class Input:
    """A folder of files, of which one is read with some overrides."""

    files: Mapping[str, Content]
    main: str = "balancer.yaml"
    overrides: tuple[str, ...] = ()
    note: str = ""

    def write(self, folder: Path) -> Path:
        """Write the files and return the main one."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str | bytes):
                path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
            else:
                content.write(path)
        return folder / self.main


def _serve(connection: Connection) -> None:
    from .paths import serve

    serve(connection)


def _warm_context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.hostile.warm"])
    return context


@dataclass
class Reader:
    """One child at a time, in a folder; a lost one is replaced.

    Attributes:
        folder: Where inputs are written.
        lost: How many children were lost.
    """

    folder: Path
    lost: int = 0
    _context: Any = field(default_factory=_warm_context, repr=False)
    _child: tuple[Any, Connection] | None = field(default=None, repr=False)
    _count: int = 0

    def read(self, given: Input, paths: tuple[str, ...] = PATHS) -> list[Outcome]:
        """Return what each path makes of an input."""
        self._count += 1
        folder = self.folder / f"input{os.getpid()}-{self._count}"
        folder.mkdir(parents=True)
        try:
            return list(self._outcomes(given.write(folder), given.overrides, paths))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _outcomes(self, file: Path, overrides: tuple[str, ...], paths: tuple[str, ...]) -> Iterator[Outcome]:
        waiting = list(paths)
        while waiting:
            _, connection = self._child = self._child or self._start()
            connection.send(Job(file, overrides, tuple(waiting)))
            while waiting:
                outcome = self._next(connection)
                if outcome is None:
                    self._end()
                    yield Outcome(waiting.pop(0), None, "the process was lost", ours=False, seconds=PATIENCE)
                    break
                assert isinstance(outcome, Outcome)
                waiting.pop(0)
                yield outcome
            else:
                connection.recv()

    @staticmethod
    def _next(connection: Connection) -> Any:
        try:
            return connection.recv() if connection.poll(PATIENCE) else None
        except (EOFError, ConnectionError):
            return None

    def _start(self) -> tuple[Any, Connection]:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(there,), daemon=True)
        process.start()
        there.close()
        return process, here

    def _end(self) -> None:
        assert self._child is not None
        process, connection = self._child
        process.kill()
        process.join()
        connection.close()
        self._child, self.lost = None, self.lost + 1

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child[1].send(None)
            self._child[0].join(5)
            self._child = None


def wrong(outcomes: list[Outcome]) -> list[str]:
    """Return what must not be: another error than ours, too much time, a lost process, paths that disagree."""
    found = [f"{outcome.path}: {outcome.text}" for outcome in outcomes if not outcome.ours]
    limits = {"other commands": 3 * SECONDS, "page": 5 * SECONDS}  # so many commands, and requests
    late = [outcome for outcome in outcomes if outcome.ours and outcome.seconds > limits.get(outcome.path, SECONDS)]
    found += [f"{outcome.path}: took {outcome.seconds:.1f} s" for outcome in late]
    fleets = {str(sorted(outcome.hosts.items())): outcome.path for outcome in outcomes if outcome.hosts is not None}
    if len(fleets) > 1:
        found.append(f"these disagree: {fleets}")
    return found
