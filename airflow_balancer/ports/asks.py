"""Takes note of who asks for free ports, while `airflow-balancer port lock` looks at all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from ..files.caller import calling_file, calling_frame
from .lock import LockAsk, PortLock, lock_at, lock_file
from .table import LockedPorts, PortTable

__all__ = ("Noted", "locked_ports", "note_ask", "noting")


@dataclass
class Noted:
    """The asks of one lock file.

    Attributes:
        lock: What the file keeps.
        given: Each ask, and the port that it got.
        composed: Those of the composed config itself.
        in_use: The ports in use on each host, as any balancer that was asked says.
        askers: The files that ask, by the host and the key.
    """

    lock: PortLock
    given: dict[LockAsk, int] = field(default_factory=dict)
    composed: dict[LockAsk, int] = field(default_factory=dict)
    in_use: dict[str, set[int]] = field(default_factory=dict)
    askers: dict[tuple[str, str], set[Path]] = field(default_factory=dict)


_noted: ContextVar[Noted | None] = ContextVar("airflow_balancer_noted", default=None)


@contextmanager
def noting(noted: Noted) -> Iterator[None]:
    """Take note of each ask of the lock file in this context; its lock is what is kept."""
    token = _noted.set(noted)
    try:
        yield
    finally:
        _noted.reset(token)


def locked_ports(port_lock: str | None, host: str) -> LockedPorts:
    """Return the ports of a host that are kept in the lock file which a balancer names.

    Raises:
        ConfigurationError: The file cannot be read, or is wrong.
    """
    if not port_lock:
        return LockedPorts("", {})
    if noted := _noted_in(port_lock):
        return noted.lock.of(host)
    file = lock_file(port_lock)
    return lock_at(file).of(host) if file else LockedPorts("", {})


def note_ask(port_lock: str | None, ask: LockAsk, port: int, table: PortTable, *, by_file: bool) -> None:
    """Take note of an ask where that is wanted; `by_file` where the calling file is who asks."""
    noted = _noted_in(port_lock) if port_lock and _noted.get() else None
    if noted is None:
        return
    noted.given[ask] = port
    noted.in_use.setdefault(ask.host, set()).update(table.in_use)
    if by_file and (asker := calling_file(calling_frame())):
        noted.askers.setdefault((ask.host, ask.asker), set()).add(asker.resolve())


def _noted_in(port_lock: str) -> Noted | None:
    """Return the notes where they are of the lock file that a balancer names; by its name alone while it is not there yet."""
    if (noted := _noted.get()) is None:
        return None
    file = lock_file(port_lock)
    same = file.resolve() == noted.lock.file.resolve() if file else Path(port_lock).name == noted.lock.file.name
    return noted if same else None
