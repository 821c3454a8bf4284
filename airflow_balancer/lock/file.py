"""The lock file: read again only after a change, written atomically."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from os.path import isfile  # that of Path raises for a name that is too long
from pathlib import Path
from typing import Any

from ..caching import cached
from ..errors import ConfigurationError
from ..files.locate import Stamp, find_file, stamp_of
from ..files.reading import current_reading
from ..files.yaml import read_checked, yaml_line
from ..picking.filters import HostFilter
from ..ports.table import LockedPorts
from .entries import HostEntry, PortEntry, PortRequest, read_hosts, read_ports

_HEADER = """\
# Written by `airflow-balancer lock`: the host of each key, and each free port. Commit this file.
# Run it again for a new key or request: it keeps these lines.
"""


@dataclass(frozen=True)
class Lock:
    """A lock file and its entries: hosts sorted by requester and query, ports by host and port."""

    file: Path
    hosts: tuple[HostEntry, ...] = ()
    ports: tuple[PortEntry, ...] = ()

    @classmethod
    def sorted(cls, file: Path, hosts: Iterable[HostEntry] = (), ports: Iterable[PortEntry] = ()) -> Lock:
        """Return the lock of entries in any order."""
        by_query = sorted(hosts, key=lambda entry: (entry.requester, yaml_line(entry.data)))
        return cls(file, tuple(by_query), tuple(sorted(ports, key=lambda entry: (entry.host, entry.port))))

    @cached
    def hosts_of(self) -> dict[str, list[HostEntry]]:
        """The entries of each requester."""
        found: dict[str, list[HostEntry]] = {}
        for entry in self.hosts:
            found.setdefault(entry.requester, []).append(entry)
        return found

    @cached
    def by_query(self) -> dict[tuple[str, HostFilter], tuple[str, ...]]:
        """The hosts of each requester and query."""
        return {(entry.requester, entry.query): entry.hosts for entry in self.hosts}

    @cached
    def by_request(self) -> dict[PortRequest, int]:
        """The port of each request."""
        return {PortRequest.of(entry): entry.port for entry in self.ports}

    @cached
    def _by_host(self) -> dict[str, LockedPorts]:
        found: dict[str, dict[tuple[str, int, int], int]] = {}
        for request, port in self.by_request.items():
            found.setdefault(request.host, {})[request[1:]] = port
        return {host: LockedPorts(str(self.file), ports) for host, ports in found.items()}

    def ports_of(self, host: str) -> LockedPorts:
        """Return the locked ports of one host."""
        return self._by_host.get(host) or LockedPorts(str(self.file), {})

    @property
    def text(self) -> str:
        """The file's content: equal for equal entries. Each entry is one line and no other line changes, so Git can merge it."""
        groups = {"hosts": [entry.data for entry in self.hosts], "ports": [entry.model_dump() for entry in self.ports]}
        return _HEADER + "".join(
            f"{group}:\n{''.join(f'  - {yaml_line(data)}{chr(10)}' for data in entries)}" for group, entries in groups.items()
        )


def lock_path(name: str) -> Path | None:
    """Return the path of the lock file that a configuration names, even if there is no file; None if it cannot be known yet.

    A relative name is looked up in the configuration's own folder, then in the other folders of its tree. If these
    are not known, it is looked up as in `find_file`.
    """
    path = Path(name).expanduser()
    if path.is_absolute():
        return path
    if folders := current_reading().folders:
        return next((folder / path for folder in folders if isfile(folder / path)), folders[0] / path)
    with suppress(ConfigurationError):
        return find_file(name)
    return None


def lock_at(file: Path) -> Lock:
    """Return the lock in a file; an empty one if there is no file yet. The file is read again only after a change.

    Raises:
        ConfigurationError: The file cannot be read, or is wrong; one problem for each wrong entry.
    """
    current_reading().admit(file, f"the lock file {file.name!r}")
    try:
        file.stat()
    except FileNotFoundError:
        return Lock(file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {getattr(error, 'strerror', error)}") from None
    return _read(file, stamp_of(file))


@lru_cache(maxsize=32)
def _read(file: Path, stamp: Stamp) -> Lock:  # noqa: ARG001 (the file's state is the cache's key)
    data = read_checked(file)
    groups = {group: _items(data, group) for group in ("hosts", "ports")}
    if not isinstance(data, Mapping) or data.keys() - groups or any(items is None for items in groups.values()):
        text = "must hold the keys 'hosts' and 'ports' alone, each with a list; `airflow-balancer lock` writes it"
        raise ConfigurationError(f"{file}: {text}")
    try:
        return Lock.sorted(file, read_hosts(groups["hosts"] or []), read_ports(groups["ports"] or []))
    except ConfigurationError as error:
        raise error.with_origin({problem: str(file) for problem in error.problems}) from None


def _items(data: Any, group: str) -> list[Any] | None:
    """Return the list under a key, which may be empty or left out; None for anything else."""
    items = data.get(group) if isinstance(data, Mapping) else None
    return [] if items is None else items if isinstance(items, list) else None


@contextmanager
def changing(file: Path) -> Iterator[None]:
    """Let the commands that change a lock file take turns. They lock its folder, so no file is left behind.

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


def write_lock(lock: Lock) -> None:
    """Write a lock to its file atomically; leave a file with the same content alone.

    Raises:
        ConfigurationError: It cannot be written.
    """
    file = lock.file.resolve()
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.unlink(missing_ok=True)  # a killed command may have left it
        if file.is_file() and file.read_text(encoding="utf-8") == lock.text:
            return
        beside.write_text(lock.text, encoding="utf-8")
        if file.is_file():
            shutil.copymode(file, beside)
        beside.replace(file)
    except OSError as error:
        raise ConfigurationError(f"{lock.file}: cannot be written: {error.strerror}") from None
