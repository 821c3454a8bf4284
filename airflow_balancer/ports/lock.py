"""The lock file: the free port of each request, so that files that are parsed apart get different ones."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from ..caching import cached
from ..errors import ConfigurationError, Problem
from ..files.locate import Stamp, find_file, stamp_of
from ..files.reading import calling_file, calling_frame, current_reading
from ..files.yaml import read_checked, yaml_line
from ..fleet.entries import problems_of
from ..fleet.model import LockEntry
from .table import LockedPorts, PortTable


@dataclass
class Recorder:
    """The requests of one lock file; `reading(recorder=...)` records them.

    Attributes:
        lock: The entries of the file.
        given: Each request, and the port that it got.
        composed: Those of the composed config itself.
        in_use: The ports in use on each host, by any balancer that got a request.
        requesters: The requesting files, by host and key.
    """

    lock: PortLock
    given: dict[PortRequest, int] = field(default_factory=dict)
    composed: dict[PortRequest, int] = field(default_factory=dict)
    in_use: dict[str, set[int]] = field(default_factory=dict)
    requesters: dict[tuple[str, str], set[Path]] = field(default_factory=dict)

    def add(self, other: Recorder) -> None:
        """Add the requests of a recorder that began as a copy of this one."""
        self.given |= other.given
        for host, ports in other.in_use.items():
            self.in_use.setdefault(host, set()).update(ports)
        for requester, files in other.requesters.items():
            self.requesters.setdefault(requester, set()).update(files)


def locked_ports(port_lock: str | None, host: str) -> LockedPorts:
    """Return the ports of a host that the lock file of a balancer keeps.

    Raises:
        ConfigurationError: The file cannot be read, or is wrong.
    """
    if not port_lock:
        return LockedPorts("", {})
    if recorder := _recorder_of(port_lock):
        return recorder.lock.of(host)
    file = lock_file(port_lock)
    return lock_at(file).of(host) if file else LockedPorts("", {})


def record_request(port_lock: str | None, request: PortRequest, port: int, table: PortTable, *, by_file: bool) -> None:
    """Record a request where the current reading has a recorder; `by_file` where the calling file is the requester."""
    recorder = _recorder_of(port_lock) if port_lock else None
    if recorder is None:
        return
    recorder.given[request] = port
    recorder.in_use.setdefault(request.host, set()).update(table.in_use)
    if by_file and (requester := calling_file(calling_frame())):
        recorder.requesters.setdefault((request.host, request.requester), set()).add(requester.resolve())


def _recorder_of(port_lock: str) -> Recorder | None:
    """Return the recorder if it is of the lock file that a balancer names; by its name alone while there is no such file."""
    recorder: Recorder | None = current_reading().recorder
    if recorder is None:
        return None
    file = lock_file(port_lock)
    same = file.resolve() == recorder.lock.file.resolve() if file else Path(port_lock).name == recorder.lock.file.name
    return recorder if same else None


_HEADER = """\
# One line for each request for a free port, and the port that is kept for it. Commit this file.
# Written by `airflow-balancer port lock`: run it again for a new request; it keeps these lines.
"""
_FORM = "a mapping such as {host: host1, port: 9000, requester: etl, min: 9000, max: 9999}"


class PortRequest(NamedTuple):
    """A request for a free port: the host, the requester's key, the first and the last port."""

    host: str
    requester: str
    first: int
    last: int

    @classmethod
    def of(cls, entry: LockEntry) -> PortRequest:
        """Return the request that an entry answers."""
        return cls(entry.host, entry.requester, entry.min, entry.max)

    def entry(self, port: int) -> LockEntry:
        """Return the entry that keeps a port for this request."""
        return LockEntry(host=self.host, port=port, requester=self.requester, min=self.first, max=self.last)


@dataclass(frozen=True)
class PortLock:
    """A lock file, and its entries sorted by host and port."""

    file: Path
    entries: tuple[LockEntry, ...] = ()

    @classmethod
    def sorted(cls, file: Path, entries: Iterable[LockEntry]) -> PortLock:
        """Return the lock of entries in any order."""
        return cls(file, tuple(sorted(entries, key=lambda entry: (entry.host, entry.port))))

    @cached
    def ports(self) -> dict[PortRequest, int]:
        """The port of each request."""
        return {PortRequest.of(entry): entry.port for entry in self.entries}

    @cached
    def _by_host(self) -> dict[str, LockedPorts]:
        found: dict[str, dict[tuple[str, int, int], int]] = {}
        for request, port in self.ports.items():
            found.setdefault(request.host, {})[request[1:]] = port
        return {host: LockedPorts(str(self.file), ports) for host, ports in found.items()}

    def of(self, host: str) -> LockedPorts:
        """Return the locked ports of one host."""
        return self._by_host.get(host) or LockedPorts(str(self.file), {})

    @property
    def text(self) -> str:
        """The file's content: equal for equal entries."""
        lines = [f"\n  - {yaml_line(entry.model_dump())}" for entry in self.entries]
        return f"{_HEADER}ports:{''.join(lines) or ' []'}\n"


def lock_file(name: str) -> Path | None:
    """Return where the lock file is that a configuration names, or would be; None where it cannot be known yet.

    A relative name is one in the configuration's own folder, else in the others of its tree. Where they
    are not known, it is looked for as `find_file` does.
    """
    path = Path(name).expanduser()
    if path.is_absolute():
        return path
    if folders := current_reading().folders:
        return next((folder / path for folder in folders if (folder / path).is_file()), folders[0] / path)
    with suppress(ConfigurationError):
        return find_file(name)
    return None


def lock_at(file: Path) -> PortLock:
    """Return the lock in a file; one without entries where there is no file yet. It is read again only when it changed.

    Raises:
        ConfigurationError: It cannot be read, or is wrong; one problem for each entry that is.
    """
    current_reading().admit(file, f"the lock file {file.name!r}")
    try:
        file.stat()
    except FileNotFoundError:
        return PortLock(file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {getattr(error, 'strerror', error)}") from None
    return _read(file, stamp_of(file))


@lru_cache(maxsize=32)
def _read(file: Path, stamp: Stamp) -> PortLock:  # noqa: ARG001 (the file's state is the cache's key)
    data = read_checked(file)
    items = data.get("ports") if isinstance(data, Mapping) and len(data) == 1 else None
    if not isinstance(items, list):
        raise ConfigurationError(f"{file}: must hold the key 'ports' alone, with a list; `airflow-balancer port lock` writes it")
    try:
        entries = _entries(items)
    except ConfigurationError as error:
        raise error.with_origin({problem: str(file) for problem in error.problems}) from None
    return PortLock.sorted(file, entries)


def _entries(items: list[Any]) -> list[LockEntry]:
    if wrong := {index: item for index, item in enumerate(items) if not isinstance(item, Mapping)}:
        raise ConfigurationError(Problem(f"must be {_FORM}, not {item!r}", f"ports[{index}]") for index, item in wrong.items())
    try:
        entries = TypeAdapter(list[LockEntry]).validate_python(items)
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, LockEntry, lambda at: (f"ports[{at}]", ("ports", at)))) from None
    if problems := [*_range_rules(entries), *_unique_rules(entries)]:
        raise ConfigurationError(problems)
    return entries


def _range_rules(entries: list[LockEntry]) -> Iterator[Problem]:
    for index, entry in enumerate(entries):
        if not entry.min <= entry.port <= entry.max:
            yield Problem(f"key 'port' must be from {entry.min} to {entry.max}, as min and max say, not {entry.port}", f"ports[{index}]")


def _unique_rules(entries: list[LockEntry]) -> Iterator[Problem]:
    places, requests = dict[tuple[str, int], int](), dict[PortRequest, int]()
    advice = "remove one of them, and run `airflow-balancer port lock`"
    for index, entry in enumerate(entries):
        if (other := places.setdefault((entry.host, entry.port), index)) != index:
            yield Problem(f"port {entry.port} on host {entry.host!r} is kept twice, also at ports[{other}]; {advice}", f"ports[{index}]")
        elif (other := requests.setdefault(PortRequest.of(entry), index)) != index:
            text = f"{entry.requester!r} on host {entry.host!r} is there twice for {entry.min} to {entry.max}, also at ports[{other}]"
            yield Problem(f"{text}; {advice}", f"ports[{index}]")


@contextmanager
def changing(file: Path) -> Iterator[None]:
    """Let the commands that change a lock file take turns: its folder is locked, so that nothing stays behind.

    Raises:
        ConfigurationError: There is no such folder.
    """
    try:
        folder = os.open(file.resolve().parent, os.O_RDONLY)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written: {error.strerror}") from None
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def write_lock(lock: PortLock) -> None:
    """Write a lock to its file, at once or not at all; a file that says the same is left alone.

    Raises:
        ConfigurationError: It cannot be written.
    """
    file = lock.file.resolve()
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.unlink(missing_ok=True)  # a killed command's
        if file.is_file() and file.read_text(encoding="utf-8") == lock.text:
            return
        beside.write_text(lock.text, encoding="utf-8")
        if file.is_file():
            shutil.copymode(file, beside)
        beside.replace(file)
    except OSError as error:
        raise ConfigurationError(f"{lock.file}: cannot be written: {error.strerror}") from None
