"""Hosts by what queries ask for, so that a query costs what it finds, not what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from ..errors import NoMatch, listing
from .filters import HostFilter, matcher, no_host
from .rendezvous import Candidates

__all__ = ("HostIndex",)


class _HostLike(Protocol):
    """What a host query looks at."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def drain(self) -> bool: ...
    @property
    def os(self) -> str | None: ...
    @property
    def queues(self) -> Sequence[str]: ...
    @property
    def tags(self) -> Sequence[str]: ...


H = TypeVar("H", bound=_HostLike)
_MAGIC = frozenset("*?[")
_REMEMBERED = 256
"""How many queries' answers are kept."""


class HostIndex(Generic[H]):
    """Hosts, sorted by name, and the answers to the queries that were asked of them.

    An answer is kept: hosts do not change while they are in an index.
    """

    def __init__(self, hosts: Iterable[H]) -> None:
        self.hosts = tuple(sorted(hosts, key=lambda host: host.name))
        self._places = {
            "name": _by_value(self.hosts, lambda host: (host.name,)),
            "queue": _by_value(self.hosts, lambda host: host.queues),
            "os": _by_value(self.hosts, lambda host: () if host.os is None else (host.os,)),
            "tag": _by_value(self.hosts, lambda host: host.tags),
        }
        self._answers: dict[HostFilter, Candidates[H]] = {}

    def matching(self, query: HostFilter) -> list[H]:
        """Return the hosts that answer the query, sorted by name.

        Raises:
            NoMatch: None does; the text names what was asked, and the queues, tags and systems there are.
        """
        found = [self.hosts[place] for place in sorted(self._matching_places(query))]
        if query.min_size:
            found = [host for host in found if (host.size or 0) >= query.min_size]
        if query.custom:
            found = [host for host in found if query.custom(host)]
        if not found:
            raise NoMatch(no_host(query, self.hosts))
        return found

    def candidates(self, query: HostFilter) -> Candidates[H]:
        """Return the hosts of which one may be selected: those that match and are not drained, preferred ones first of all.

        Raises:
            NoMatch: None matches, or all that do are drained.
        """
        if query.custom:
            return self._candidates(query)
        if query not in self._answers:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            self._answers[query] = self._candidates(query)
        return self._answers[query]

    def _candidates(self, query: HostFilter) -> Candidates[H]:
        found = self.matching(query)
        open_hosts = [host for host in found if not host.drain]
        if not open_hosts:
            raise NoMatch(f"every host that matches {query} is drained ({listing(host.name for host in found)})")
        preferred = self._named("name", query.prefer) | self._named("tag", query.prefer)
        names = {self.hosts[place].name for place in preferred}
        return Candidates([host for host in open_hosts if host.name in names] or open_hosts)

    def _matching_places(self, query: HostFilter) -> set[int]:
        found: set[int] | None = None
        for key in self._places:
            if patterns := getattr(query, key):
                places = self._named(key, patterns)
                found = places if found is None else found & places
        found = set(range(len(self.hosts))) if found is None else found
        return found - self._named("name", query.exclude) if query.exclude else found

    def _named(self, key: str, patterns: tuple[str, ...]) -> set[int]:
        """Return the places of the hosts of which a value under a key matches one of the patterns."""
        places, found = self._places[key], set[int]()
        shells = tuple(pattern for pattern in patterns if not _MAGIC.isdisjoint(pattern))
        for pattern in patterns:
            found.update(places.get(pattern, ()))
        if shells:
            match = matcher(shells)
            found.update(place for value in filter(match, places) for place in places[value])
        return found


def _by_value(hosts: Iterable[H], values: Callable[[H], Iterable[str]]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, host in enumerate(hosts):
        for value in values(host):
            places.setdefault(value, []).append(place)
    return places
