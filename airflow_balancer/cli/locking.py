"""Updates the lock file for `airflow-balancer lock`, and checks it for `validate`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, NoFreePort, Problem
from ..fleet.fleet import Fleet
from ..hydra.composed import Composed
from ..lock.entries import PortEntry, PortRequest
from ..lock.file import Lock, changing, lock_at, write_lock
from ..lock.recorder import Recorder
from ..ports.table import PortTable
from .command import Request
from .lock_hosts import locked_hosts, unusable
from .picks import Survey, survey_of

_RUN = "`airflow-balancer lock`"
_NOT_ASKED, _IN_USE = "nothing in this run requests it", "the port is in use"


def lock_report(request: Request, *, prune: bool) -> dict[str, Any]:
    """Write an entry into the lock file for each request of a configuration and its `dag_files`, and report the changes.

    Existing entries stay, those of other environments included; `prune` drops entries that nothing requests. A port that
    is in use is replaced, and so is a host that is not a candidate or exceeds its bound. Nothing is written on errors.

    Raises:
        ConfigurationError: A request cannot be served, a file cannot be run, or two files use one key.
        NoFreePort: All ports of a range are taken.
    """
    with changing(_lock_path(request.composed)):
        return _changed(request, prune=prune)


def _changed(request: Request, *, prune: bool) -> dict[str, Any]:
    composed = request.composed
    before = lock_at(_lock_path(composed))
    survey = survey_of(request, replace(before, ports=_usable(before.ports, _in_use(composed.fleet))))
    noted = _noted(survey)
    usable = _usable(before.ports, noted.in_use)
    kept = [entry for entry in usable if not prune or PortRequest.of(entry) in noted.ports]
    hosts, changes = locked_hosts(composed, before, noted, prune=prune)
    after = Lock.sorted(before.file, hosts, _with_new(kept, survey, before.file))
    write_lock(after)
    return {
        "file": str(after.file),
        "picks": [change._asdict() for change in changes],
        "ports": [*_port_changes("added", after, before, ""), *_port_changes("dropped", before, after, _IN_USE, usable)],
        "kept": len(kept) + len(set(after.hosts) & set(before.hosts)),
    }


def _port_changes(change: str, lock: Lock, other: Lock, why: str, usable: Iterable[PortEntry] = ()) -> Iterator[dict[str, Any]]:
    """Yield the ports of a lock that the other one lacks. Nothing requests those that are `usable`."""
    for entry in lock.ports:
        if other.by_request.get(PortRequest.of(entry)) != entry.port:
            yield {"change": change, **entry.model_dump(), "why": _NOT_ASKED if entry in usable else why}


def _lock_path(composed: Composed) -> Path:
    if not (file := composed.fleet.settings.lock):
        raise ConfigurationError(f"{composed.source}: needs key 'lock': the file to write, such as lock: balancer.lock.yaml")
    return Path(file)


def _in_use(fleet: Fleet) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for port in fleet.ports:
        found.setdefault(port.host, set()).add(port.port)
    return found


def _usable(entries: Iterable[PortEntry], in_use: Mapping[str, set[int]]) -> tuple[PortEntry, ...]:
    return tuple(entry for entry in entries if entry.port not in in_use.get(entry.host, ()))


def _noted(survey: Survey) -> Recorder:
    """Return a survey's requests, with the configuration's tracked ports marked as in use."""
    survey.noted.add(Recorder(in_use=_in_use(survey.place.composed.fleet)))
    if problems := list(_one_key_rules(survey.noted)):
        raise ConfigurationError(problems)
    return survey.noted


def _one_key_rules(noted: Recorder) -> Iterator[Problem]:
    for (host, requester), files in sorted(noted.requesters.items()):
        if len(files) > 1:
            first, *others = sorted(map(str, files))
            what = f"a free port of host {host!r}" if host else "a host"
            text = f"also requests {what} with the key {requester!r}, as {first} does"
            yield from (Problem(f"{text}; give one of them another with key=", origin=other) for other in others)


def _with_new(kept: list[PortEntry], survey: Survey, file: Path) -> list[PortEntry]:
    """Return the entries, and a new one for each request without one.

    A node of the config keeps the port that it got while composing, as other requests may depend on it.
    """
    noted, places = survey.noted, {(entry.host, entry.port) for entry in kept}
    answered = {PortRequest.of(entry) for entry in kept}
    entries = list(kept)
    for request, port in sorted(survey.ports.items()):
        free = (request.host, port) not in places and port not in noted.in_use.get(request.host, ())
        if request not in answered and free:
            entries.append(request.entry(port))
            places.add((request.host, port))
    lock, tables = Lock(file, ports=tuple(entries)), dict[str, PortTable]()
    for request in sorted(noted.ports.keys() - lock.by_request.keys()):
        if request.host not in tables:
            tables[request.host] = PortTable(request.host, noted.in_use.get(request.host, ()), lock.ports_of(request.host))
        try:
            entries.append(request.entry(tables[request.host].take(request.requester, request.first, request.last)))
        except NoFreePort as error:
            raise NoFreePort(f"{request.requester}: {error}") from None
    return entries


def check_lock(request: Request) -> Survey:
    """Check that the lock file, if the configuration names one, covers every request, and return the picks.

    An entry for a host that this configuration lacks belongs to another environment, and is valid.

    Raises:
        ConfigurationError: The file is missing or invalid, lacks a request, or keeps a port in use or a host that is not a candidate.
    """
    composed = request.composed
    if not composed.fleet.settings.lock:
        return survey_of(request)
    lock = lock_at(_lock_path(composed))
    if not lock.file.is_file():
        raise ConfigurationError(f"{lock.file}: the lock file that 'lock' names does not exist; run {_RUN}")
    if problems := list(_clashes(lock, composed.fleet)):
        raise ConfigurationError(problems)
    noted = _noted(survey := survey_of(request))
    if texts := [*_missing_hosts(composed, noted), *_missing_ports(noted, lock)]:
        raise ConfigurationError([Problem(f"{text}; run {_RUN}", origin=str(lock.file)) for text in texts])
    return survey


def _missing_hosts(composed: Composed, noted: Recorder) -> Iterator[str]:
    for request, (_, kept) in noted.hosts.items():
        (_, names), who = request.asked, f"{request.requester!r} ({request.query})"
        if not kept and len(names) > 1:
            yield f"keeps no host for {who}"
        elif kept and not set(names) & set(kept):
            yield f"keeps no host for {who} that is a candidate: {', '.join(unusable(composed, host, names) for host in kept)}"


def _missing_ports(noted: Recorder, lock: Lock) -> Iterator[str]:
    for request in sorted(noted.ports.keys() - lock.by_request.keys()):
        yield f"keeps no port of host {request.host!r} from {request.first} to {request.last} for {request.requester!r}"


def _clashes(lock: Lock, fleet: Fleet) -> Iterator[Problem]:
    in_use = {(port.host, port.port): port for port in fleet.ports}
    for entry in lock.ports:
        if port := in_use.get((entry.host, entry.port)):
            text = f"keeps port {entry.port} of host {entry.host!r} for {entry.requester!r}, but it is in use"
            named = f"port {port.name!r}" if port.name else "'ports'"
            yield Problem(f"{text} by {named}; take it out of 'ports', or run {_RUN}", origin=str(lock.file))
