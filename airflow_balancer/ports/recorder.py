"""Records the requests for free ports, while `airflow-balancer port lock` goes through all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..files.caller import calling_file, calling_frame
from ..files.reading import current_reading
from .lock import PortLock, PortRequest, lock_at, lock_file
from .table import LockedPorts, PortTable

__all__ = ("Recorder", "locked_ports", "record_request")


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
