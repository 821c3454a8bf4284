"""Decides which host the lock file keeps for each key. Entries stay as far as the strategy's bound allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from operator import itemgetter
from typing import NamedTuple

from ..errors import NoMatch
from ..fleet.drain import drained
from ..hydra.composed import Composed
from ..lock.entries import HostEntry
from ..lock.file import Lock
from ..lock.recorder import Recorder
from ..picking.choice import Asked
from ..picking.filters import HostFilter
from ..picking.picked import Weighed
from ..picking.placing import place
from ..picking.rendezvous import Bounded, Candidates
from ..picking.strategies import assigns_together


class HostChange(NamedTuple):
    """The change of one request's host, as a report shows it."""

    change: str
    requester: str
    query: str
    host: str | None
    was: str | None
    why: str


def _others(
    composed: Composed, before: Lock, noted: Recorder, taken: Mapping[Asked, object]
) -> dict[Asked, tuple[Candidates[Weighed], str]]:
    """Return the entries that nothing in this run requests but that have a host here; they stay, and count towards the bound."""
    requested, found = {request[:2] for request in noted.hosts}, dict[Asked, tuple[Candidates[Weighed], str]]()
    for entry in before.hosts:
        with suppress(NoMatch):
            candidates = composed.index.candidates(entry.query)
            host, asked = _first(entry.hosts, candidates.names), (entry.requester, candidates.names)
            if host and entry[:2] not in requested and asked not in taken:
                found[asked] = Candidates(Weighed(host.name, host.size) for host in candidates), host
    return found


def _placed(composed: Composed, before: Lock, noted: Recorder, *, prune: bool) -> dict[Asked, str]:
    """Return the host of each request of this run."""
    ready = {candidates: Candidates(candidates) for _, _, candidates in noted.hosts}
    requests = {request.asked: ready[request.candidates] for request in noted.hosts}
    kept = {request.asked: host for request, picked in noted.hosts.items() if (host := _first(picked.kept, request.asked[1]))}
    strategy = composed.strategy
    if isinstance(strategy, Bounded):
        others = {} if prune else _others(composed, before, noted, requests)
        together = requests | {asked: candidates for asked, (candidates, _) in others.items()}
        return place(strategy, together, kept | {asked: host for asked, (_, host) in others.items()}, others.keys())
    made = {request.asked: picked.host for request, picked in noted.hosts.items()}
    if assigns_together(strategy):
        made |= {asked: host.name for asked, host in strategy.assign(requests, kept).items()}
    return {**made, **kept}


def _first(hosts: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    return next((host for host in hosts if host in names), None)


def _listed(hosts: tuple[str, ...], host: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return an entry's hosts with this one in place of the first candidate. Hosts of other environments stay."""
    was = _first(hosts, names)
    if host == was:
        return hosts
    others = tuple(name for name in hosts if name != host)
    return tuple(host if name == was else name for name in others) if was else (*others, host)


def locked_hosts(composed: Composed, before: Lock, noted: Recorder, *, prune: bool) -> tuple[list[HostEntry], list[HostChange]]:
    """Return the new entries for the hosts of keys, and the changes since the old ones."""
    placed, changes = _placed(composed, before, noted, prune=prune), list[HostChange]()
    entries, used = dict(before.by_query), defaultdict[tuple[str, HostFilter], set[str]](set)
    for request in noted.hosts:
        query, (_, names), host = request[:2], request.asked, placed[request.asked]
        old = before.by_query.get(query, ())
        if not old and len(names) == 1:
            continue  # there is nothing to choose
        entries[query] = _listed(entries.get(query, ()), host, names)
        used[query].add(host)
        if not old:
            changes.append(HostChange("added", request.requester, str(request.query), host, None, ""))
        elif (was := _first(old, names)) != host:
            left = was or old[-1]
            why = unusable(composed, left, names) or f"{left} has more than its bound"
            changes.append(HostChange("moved", request.requester, str(request.query), host, left, why))
    if prune:
        changes += [
            HostChange("dropped", requester, str(query), None, host, "nothing in this run gets it")
            for (requester, query), hosts in entries.items()
            for host in hosts
            if host not in used[requester, query]
        ]
        entries = {query: tuple(host for host in hosts if host in used[query]) for query, hosts in entries.items() if used[query]}
    return [HostEntry(*query, hosts) for query, hosts in entries.items()], sorted(changes, key=itemgetter(0, 1, 2))


def unusable(composed: Composed, host: str, names: Collection[str]) -> str:
    """Return why a locked host is not among the candidates; empty if it is."""
    if host in names:
        return ""
    found = composed.fleet.by_name.get(host)
    if found is None:
        return f"{host} is not in this configuration"
    return drained(found) if found.drain else f"{host} no longer matches"
