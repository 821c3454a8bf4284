"""What `airflow-balancer port lock` writes into the lock file, and what `validate` finds missing there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, NoFreePort, Problem
from ..files.reading import reading
from ..fleet.fleet import Fleet
from ..fleet.model import LockEntry
from ..hydra.composed import Composed
from ..ports.lock import PortLock, PortRequest, Recorder, changing, lock_at, write_lock
from ..ports.table import PortTable
from .dag_files import find_dag_files, run_dag_files

_RUN = "`airflow-balancer port lock`"
_NOT_ASKED, _IN_USE = "nothing in this run requests it", "the port is in use"


def lock_report(composed: Composed, files: Iterable[str], *, prune: bool) -> dict[str, Any]:
    """Write the lock file of a configuration: every request in it and in the DAG files gets an entry.

    Existing entries stay, also those of other environments, unless their port is in use or `prune` drops what nothing
    requests. The report has what was added, what was dropped and why, and how many entries stayed.

    Raises:
        ConfigurationError: A request cannot be served, a file cannot be run, two files use one key; nothing is written.
        NoFreePort: All ports of a range are taken; nothing is written.
    """
    with changing(_lock_path(composed)):
        return _changed(composed, files, prune=prune)


def _changed(composed: Composed, files: Iterable[str], *, prune: bool) -> dict[str, Any]:
    fleet = composed.fleet
    before = lock_at(_lock_path(composed))
    noted = _noted(composed, fleet, _usable(before.entries, _in_use(fleet)), files)
    usable = _usable(before.entries, noted.in_use)
    kept = [entry for entry in usable if not prune or PortRequest.of(entry) in noted.given]
    after = PortLock.sorted(before.file, _with_new(kept, noted, before.file))
    write_lock(after)
    added, dropped = set(after.ports.items()) - set(before.ports.items()), set(before.ports.items()) - set(after.ports.items())
    return {
        "file": str(after.file),
        "added": [entry.model_dump() for entry in after.entries if (PortRequest.of(entry), entry.port) in added],
        "dropped": [
            {**entry.model_dump(), "why": _NOT_ASKED if entry in usable else _IN_USE}
            for entry in before.entries
            if (PortRequest.of(entry), entry.port) in dropped
        ],
        "kept": len(kept),
    }


def _lock_path(composed: Composed) -> Path:
    if not (file := composed.fleet.settings.port_lock):
        raise ConfigurationError(f"{composed.source}: needs key 'port_lock': the file to write, such as port_lock: ports.lock.yaml")
    return Path(file)


def _in_use(fleet: Fleet) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for port in fleet.ports:
        found.setdefault(port.host, set()).add(port.port)
    return found


def _usable(entries: Iterable[LockEntry], in_use: Mapping[str, set[int]]) -> list[LockEntry]:
    return [entry for entry in entries if entry.port not in in_use.get(entry.host, ())]


def _noted(composed: Composed, fleet: Fleet, entries: Iterable[LockEntry], files: Iterable[str]) -> Recorder:
    """Return the requests of the config's nodes, with the ports that they get, and those of the DAG files."""
    noted = Recorder(PortLock.sorted(Path(str(fleet.settings.port_lock)), entries), in_use=_in_use(fleet))
    found = find_dag_files(map(Path, files))
    with reading(recorder=noted):
        composed.requests()
        noted.composed = dict(noted.given)
        run_dag_files(found, noted)
    if problems := list(_one_key_rules(noted)):
        raise ConfigurationError(problems)
    return noted


def _one_key_rules(noted: Recorder) -> Iterator[Problem]:
    for (host, requester), files in sorted(noted.requesters.items()):
        if len(files) > 1:
            first, *others = sorted(map(str, files))
            text = f"also requests a free port of host {host!r} with the key {requester!r}, as {first} does"
            yield from (Problem(f"{text}; give one of them another with key=", origin=other) for other in others)


def _with_new(kept: list[LockEntry], noted: Recorder, file: Path) -> list[LockEntry]:
    """Return the entries with one for each request that has none.

    A node of the config keeps the port that it got when it was composed, as other requests may be relative to it.
    """
    places = {(entry.host, entry.port) for entry in kept}
    answered = {PortRequest.of(entry) for entry in kept}
    entries = list(kept)
    for request, port in sorted(noted.composed.items()):
        free = (request.host, port) not in places and port not in noted.in_use.get(request.host, ())
        if request not in answered and free:
            entries.append(request.entry(port))
            places.add((request.host, port))
    lock, tables = PortLock(file, tuple(entries)), dict[str, PortTable]()
    for request in sorted(noted.given.keys() - lock.ports.keys()):
        if request.host not in tables:
            tables[request.host] = PortTable(request.host, noted.in_use.get(request.host, ()), lock.of(request.host))
        try:
            entries.append(request.entry(tables[request.host].take(request.requester, request.first, request.last)))
        except NoFreePort as error:
            raise NoFreePort(f"{request.requester}: {error}") from None
    return entries


def check_lock(composed: Composed, files: Iterable[str]) -> None:
    """Check that the lock file covers every requested port, where the configuration names one or DAG files are given.

    An entry on a host that this configuration lacks is another environment's, and right.

    Raises:
        ConfigurationError: The file is missing or wrong, keeps a port that is in use, or lacks a request.
    """
    files, fleet = list(files), composed.fleet
    if not fleet.settings.port_lock and not files:
        return
    lock = lock_at(_lock_path(composed))
    if not lock.file.is_file():
        raise ConfigurationError(f"{lock.file}: the lock file that 'port_lock' names does not exist; run {_RUN}")
    if problems := list(_clashes(lock, fleet)):
        raise ConfigurationError(problems)
    noted = _noted(composed, fleet, lock.entries, files)
    missing = sorted(noted.given.keys() - lock.ports.keys())
    if missing:
        kept_none = "keeps no port of host {0.host!r} from {0.first} to {0.last} for {0.requester!r}; run {1}"
        raise ConfigurationError(Problem(kept_none.format(request, _RUN), origin=str(lock.file)) for request in missing)


def _clashes(lock: PortLock, fleet: Fleet) -> Iterator[Problem]:
    in_use = {(port.host, port.port): port for port in fleet.ports}
    for entry in lock.entries:
        if port := in_use.get((entry.host, entry.port)):
            text = f"keeps port {entry.port} of host {entry.host!r} for {entry.requester!r}, but it is in use"
            named = f"port {port.name!r}" if port.name else "'ports'"
            yield Problem(f"{text} by {named}; take it out of 'ports', or run {_RUN}", origin=str(lock.file))
