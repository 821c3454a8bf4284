"""Records which hosts and free ports are requested, for the command that writes the lock file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import NamedTuple

from ..files.reading import calling_file, calling_frame, current_reading
from ..picking.choice import Asked
from ..picking.filters import HostFilter
from ..picking.rendezvous import Candidate
from ..ports.table import LockedPorts, PortTable
from .entries import PortRequest
from .file import Lock, lock_at, lock_path


class Weighed(NamedTuple):
    """A candidate as strategies see it."""

    name: str
    size: int


class KeyedQuery(NamedTuple):
    """A request for a host: the requester's key, the query without a function of its own, and the candidates."""

    requester: str
    query: HostFilter
    candidates: tuple[Weighed, ...]

    @property
    def asked(self) -> Asked:
        """What decides the host: the key and the names of the candidates."""
        return self.requester, tuple(sorted(host.name for host in self.candidates))


class Answer(NamedTuple):
    """The host that a request got, and those that the lock file lists for it."""

    host: str
    kept: tuple[str, ...]


@dataclass
class Recorder:
    """The requests of one lock file; `reading(recorder=...)` records them.

    Attributes:
        lock: The entries of the file.
        hosts: Each request for a host, and what it got.
        ports: Each request for a free port, and the port that it got.
        composed: Those of the composed config itself.
        in_use: The ports in use on each host, by any balancer that got a request.
        requesters: The requesting files, by host and key; an empty host for requests for a host.
    """

    lock: Lock
    hosts: dict[KeyedQuery, Answer] = field(default_factory=dict)
    ports: dict[PortRequest, int] = field(default_factory=dict)
    composed: dict[PortRequest, int] = field(default_factory=dict)
    in_use: dict[str, set[int]] = field(default_factory=dict)
    requesters: dict[tuple[str, str], set[Path]] = field(default_factory=dict)

    @property
    def in_order(self) -> list[KeyedQuery]:
        """The requests for hosts, sorted by requester and query."""
        return sorted(self.hosts, key=lambda request: (request.requester, repr(request.query), request.candidates))

    def add(self, other: Recorder) -> None:
        """Add the requests of a recorder that began as a copy of this one."""
        self.hosts |= other.hosts
        self.ports |= other.ports
        for host, ports in other.in_use.items():
            self.in_use.setdefault(host, set()).update(ports)
        for requester, files in other.requesters.items():
            self.requesters.setdefault(requester, set()).update(files)


def recorder_of(name: str | None) -> Recorder | None:
    """Return the current reading's recorder, if it is of the lock file that a balancer names; by its name alone while there is no file."""
    recorder: Recorder | None = current_reading().recorder
    if recorder is None or not name:
        return None
    file = lock_path(name)
    same = file.resolve() == recorder.lock.file.resolve() if file else Path(name).name == recorder.lock.file.name
    return recorder if same else None


def current_lock(name: str) -> Lock:
    """Return the lock that a balancer names, as it is recorded or else in the file.

    Raises:
        ConfigurationError: The file cannot be read, or is wrong.
    """
    if recorder := recorder_of(name):
        return recorder.lock
    file = lock_path(name)
    return lock_at(file) if file else Lock(Path(name))


def locked_ports(name: str | None, host: str) -> LockedPorts:
    """Return the ports of a host that the lock file of a balancer keeps.

    Raises:
        ConfigurationError: The file cannot be read, or is wrong.
    """
    return current_lock(name).ports_of(host) if name else LockedPorts("", {})


def record_host(recorder: Recorder, requester: str, query: HostFilter, candidates: Sequence[Candidate], picked: Answer) -> None:
    """Record a request for a host. A key that is made of the calling file's name may be no other file's."""
    weighed = tuple(Weighed(host.name, host.size or 1) for host in candidates)
    if query.custom:
        query = HostFilter(name=tuple(sorted(escape(host.name) for host in weighed)))
    recorder.hosts[KeyedQuery(requester, query, weighed)] = picked
    file = calling_file(calling_frame())
    if file and requester.startswith(f"{file.name}#"):
        recorder.requesters.setdefault(("", requester), set()).add(file.resolve())


def record_port(name: str | None, request: PortRequest, port: int, table: PortTable, *, by_file: bool) -> None:
    """Record a request for a free port where the current reading has a recorder; `by_file` where the calling file is the requester."""
    recorder = recorder_of(name)
    if recorder is None:
        return
    recorder.ports[request] = port
    recorder.in_use.setdefault(request.host, set()).update(table.in_use)
    if by_file and (requester := calling_file(calling_frame())):
        recorder.requesters.setdefault((request.host, request.requester), set()).add(requester.resolve())
