"""Records requests for hosts and free ports, for the commands that plan, check and lock them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..files.reading import calling_file, current_reading
from ..picking.choice import Asked
from ..picking.filters import HostFilter
from ..picking.picked import Picked, Weighed
from ..ports.table import LockedPorts, PortTable
from .entries import PortRequest
from .file import Lock, lock_at, lock_path


class KeyedQuery(NamedTuple):
    """A request for a host: the requester's key, the query without `custom`, and the candidates."""

    requester: str
    query: HostFilter
    candidates: tuple[Weighed, ...]

    @property
    def asked(self) -> Asked:
        """The part that decides the host: the key and the names of the candidates."""
        return self.requester, tuple(sorted(host.name for host in self.candidates))


class Answer(NamedTuple):
    """The host that a request got, and those that the lock file lists for it."""

    host: str
    kept: tuple[str, ...]


@dataclass
class Recorder:
    """The requests of one reading; `reading(recorder=...)` records them.

    Attributes:
        lock: The lock file whose requests count under `hosts`, `ports` and `requesters`, if any.
        picks: The picks by source, key, query and candidates; equal requests count once.
        ports: Each request for a free port, and the port that it got.
        in_use: The ports in use on each host, in any balancer that got a request.
        requesters: The requesting files, by host and key; the host is empty for requests for a host.
        shared: Each tuple of candidates once, so that picks share it.
    """

    lock: Lock | None = None
    picks: dict[tuple[str, KeyedQuery], Picked] = field(default_factory=dict)
    ports: dict[PortRequest, int] = field(default_factory=dict)
    in_use: dict[str, set[int]] = field(default_factory=dict)
    requesters: dict[tuple[str, str], set[Path]] = field(default_factory=dict)
    shared: dict[tuple[Weighed, ...], tuple[Weighed, ...]] = field(default_factory=dict)

    @property
    def hosts(self) -> dict[KeyedQuery, Answer]:
        """The lock file's requests for hosts and their answers, sorted by requester and query."""
        found = {request: Answer(pick.host, pick.kept) for (_, request), pick in self.picks.items() if pick.kept is not None}
        return {request: found[request] for request in sorted(found, key=lambda one: (one.requester, repr(one.query), one.candidates))}

    @property
    def in_order(self) -> list[Picked]:
        """One pick for each source, key and query, sorted by these."""
        by_text = {(pick.source, pick.key, pick.query): pick for pick in self.picks.values()}
        return [by_text[request] for request in sorted(by_text)]

    def note(self, pick: Picked) -> None:
        """Record a pick, and the requesting file if the key has its name: in a lock file, no other file may have this key."""
        pick = pick._replace(candidates=self.shared.setdefault(pick.candidates, pick.candidates))
        self.picks[pick.source, KeyedQuery(pick.key, pick.filter, pick.candidates)] = pick
        file = calling_file()
        if pick.kept is not None and file and pick.key.startswith(f"{file.name}#"):
            self.requesters.setdefault(("", pick.key), set()).add(file.resolve())

    def add(self, other: Recorder) -> None:
        """Add the requests of another recorder."""
        self.picks |= other.picks
        self.ports |= other.ports
        for host, ports in other.in_use.items():
            self.in_use.setdefault(host, set()).update(ports)
        for requester, files in other.requesters.items():
            self.requesters.setdefault(requester, set()).update(files)


def recorder_of(name: str | None) -> Recorder | None:
    """Return the current reading's recorder if it has the lock file that a balancer names; one that is not found is compared by name."""
    recorder: Recorder | None = current_reading().recorder
    if recorder is None or recorder.lock is None or not name:
        return None
    file = lock_path(name)
    same = file.resolve() == recorder.lock.file.resolve() if file else Path(name).name == recorder.lock.file.name
    return recorder if same else None


def current_lock(name: str) -> Lock:
    """Return the lock that a balancer names: the recorder's, else that of the file.

    Raises:
        ConfigurationError: The file cannot be read, or is wrong.
    """
    if (recorder := recorder_of(name)) and recorder.lock:
        return recorder.lock
    file = lock_path(name)
    return lock_at(file) if file else Lock(Path(name))


def locked_ports(name: str | None, host: str) -> LockedPorts:
    """Return the ports that a balancer's lock file keeps on a host.

    Raises:
        ConfigurationError: The file cannot be read, or is wrong.
    """
    return current_lock(name).ports_of(host) if name else LockedPorts("", {})


def record_port(name: str | None, request: PortRequest, port: int, table: PortTable, *, by_file: bool) -> None:
    """Record a request for a free port if there is a recorder; `by_file` if the calling file is the requester."""
    recorder = recorder_of(name)
    if recorder is None:
        return
    recorder.ports[request] = port
    recorder.in_use.setdefault(request.host, set()).update(table.in_use)
    if by_file and (requester := calling_file()):
        recorder.requesters.setdefault((request.host, request.requester), set()).add(requester.resolve())
