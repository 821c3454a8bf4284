"""The lock file: which free port is kept for whom, so that files that are parsed apart get different ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from ..errors import ConfigurationError, Problem
from ..files.inventory import find_file, searched_folders
from ..files.yaml import read_checked, yaml_line
from ..fleet.messages import problems_of
from ..fleet.model import LockEntry
from .table import LockedPorts

__all__ = ("LockAsk", "PortLock", "lock_at", "lock_file", "reading_checked", "write_lock")

_HEADER = """\
# The free ports that are kept for who asks, one line for each. Commit this file.
# Made by `airflow-balancer port lock`: run it again when an ask is new; it keeps what is here.
"""
_FORM = "a mapping such as {host: host1, port: 9000, asker: etl, min: 9000, max: 9999}"
_check: ContextVar[Callable[[Path], None] | None] = ContextVar("airflow_balancer_check_lock", default=None)


class LockAsk(NamedTuple):
    """Who asks for a free port: the host, the key, the first and the last port."""

    host: str
    asker: str
    first: int
    last: int

    @classmethod
    def of(cls, entry: LockEntry) -> LockAsk:
        """Return the ask that an entry answers."""
        return cls(entry.host, entry.asker, entry.min, entry.max)

    def entry(self, port: int) -> LockEntry:
        """Return the entry that keeps a port for this ask."""
        return LockEntry(host=self.host, port=port, asker=self.asker, min=self.first, max=self.last)


@dataclass(frozen=True)
class PortLock:
    """A lock file, and its entries sorted by host and port."""

    file: Path
    entries: tuple[LockEntry, ...] = ()

    @classmethod
    def made(cls, file: Path, entries: Iterable[LockEntry]) -> PortLock:
        """Return the lock of entries in any order."""
        return cls(file, tuple(sorted(entries, key=lambda entry: (entry.host, entry.port))))

    @cached_property
    def ports(self) -> dict[LockAsk, int]:
        """The port of each ask."""
        return {LockAsk.of(entry): entry.port for entry in self.entries}

    @cached_property
    def _by_host(self) -> dict[str, LockedPorts]:
        found: dict[str, dict[tuple[str, int, int], int]] = {}
        for ask, port in self.ports.items():
            found.setdefault(ask.host, {})[ask[1:]] = port
        return {host: LockedPorts(str(self.file), ports) for host, ports in found.items()}

    def of(self, host: str) -> LockedPorts:
        """Return what is kept on one host."""
        return self._by_host.get(host) or LockedPorts(str(self.file), {})

    @property
    def text(self) -> str:
        """The file's text: the same for the same entries."""
        lines = [f"\n  - {yaml_line(entry.model_dump())}" for entry in self.entries]
        return f"{_HEADER}ports:{''.join(lines) or ' []'}\n"


@contextmanager
def reading_checked(check: Callable[[Path], None]) -> Iterator[None]:
    """Call `check` with each lock file before it is read; it raises where the file may not be."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def lock_file(name: str) -> Path | None:
    """Return where the lock file is that a configuration names, or would be; None where it cannot be known yet.

    A relative name is one in the configuration's own folder, else in the others of its tree. Where they
    are not known, it is looked for as `find_file` does.
    """
    path = Path(name).expanduser()
    if path.is_absolute():
        return path
    if folders := searched_folders():
        return next((folder / path for folder in folders if (folder / path).is_file()), folders[0] / path)
    with suppress(ConfigurationError):
        return find_file(name)
    return None


def lock_at(file: Path) -> PortLock:
    """Return the lock in a file; one without entries where there is no file yet. It is read again only when it changed.

    Raises:
        ConfigurationError: It cannot be read, or is wrong; one problem for each entry that is.
    """
    if check := _check.get():
        check(file)
    try:
        state = file.stat()
    except FileNotFoundError:
        return PortLock(file)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    return _read(file, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=32)
def _read(file: Path, modified: int, size: int) -> PortLock:  # noqa: ARG001 (the file's state is the cache's key)
    data = read_checked(file)
    items = data.get("ports") if isinstance(data, Mapping) and len(data) == 1 else None
    if not isinstance(items, list):
        raise ConfigurationError(f"{file}: must hold the key 'ports' alone, with a list; `airflow-balancer port lock` writes it")
    try:
        entries = _entries(items)
    except ConfigurationError as error:
        raise error.with_origin({problem: str(file) for problem in error.problems}) from None
    return PortLock.made(file, entries)


def _entries(items: list[Any]) -> list[LockEntry]:
    subjects = [(f"ports[{index}]", ("ports", index)) for index in range(len(items))]
    problems = [Problem(f"must be {_FORM}, not {item!r}", f"ports[{index}]") for index, item in enumerate(items) if not _is_mapping(item)]
    if problems:
        raise ConfigurationError(problems)
    try:
        entries = TypeAdapter(list[LockEntry]).validate_python(items)
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, LockEntry, subjects.__getitem__)) from None
    if problems := [*_range_rules(entries), *_unique_rules(entries)]:
        raise ConfigurationError(problems)
    return entries


def _is_mapping(item: object) -> bool:
    return isinstance(item, Mapping)


def _range_rules(entries: list[LockEntry]) -> Iterator[Problem]:
    for index, entry in enumerate(entries):
        if not entry.min <= entry.port <= entry.max:
            yield Problem(f"key 'port' must be from {entry.min} to {entry.max}, as min and max say, not {entry.port}", f"ports[{index}]")


def _unique_rules(entries: list[LockEntry]) -> Iterator[Problem]:
    places, asks = dict[tuple[str, int], int](), dict[LockAsk, int]()
    advice = "remove one of them, and run `airflow-balancer port lock`"
    for index, entry in enumerate(entries):
        if (other := places.setdefault((entry.host, entry.port), index)) != index:
            yield Problem(f"port {entry.port} on host {entry.host!r} is kept twice, also at ports[{other}]; {advice}", f"ports[{index}]")
        elif (other := asks.setdefault(LockAsk.of(entry), index)) != index:
            text = f"{entry.asker!r} on host {entry.host!r} is there twice for {entry.min} to {entry.max}, also at ports[{other}]"
            yield Problem(f"{text}; {advice}", f"ports[{index}]")


def write_lock(lock: PortLock) -> None:
    """Write a lock to its file, at once or not at all; a file that says the same is left alone.

    Raises:
        ConfigurationError: It cannot be written.
    """
    if lock.file.is_file() and lock.file.read_text(encoding="utf-8") == lock.text:
        return
    file = lock.file.resolve()
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(lock.text, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise ConfigurationError(f"{lock.file}: cannot be written: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)
