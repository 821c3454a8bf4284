"""Inverted index of hosts: a query costs O(matches), not O(hosts)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from ..errors import NoMatch, listing
from .filters import HostFilter, matcher, no_match
from .rendezvous import Candidates

__all__ = ("HostIndex",)


class _HostLike(Protocol):
    """What a host filter reads of a host."""

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
_SPECIAL = frozenset("*?[")
"""The characters that make a string a shell pattern; any other is looked up as it is."""
_CACHED = 256
"""How many filters' candidates are cached."""


class HostIndex(Generic[H]):
    """Hosts sorted by name, indexed by name, queue, operating system and tag.

    Candidates are cached by filter, so hosts must not change while they are in an index.
    """

    def __init__(self, hosts: Iterable[H]) -> None:
        self.hosts = tuple(sorted(hosts, key=lambda host: host.name))
        self._places = {
            "name": _by_value(self.hosts, lambda host: (host.name,)),
            "queue": _by_value(self.hosts, lambda host: host.queues),
            "os": _by_value(self.hosts, lambda host: () if host.os is None else (host.os,)),
            "tag": _by_value(self.hosts, lambda host: host.tags),
        }
        self._cache: dict[HostFilter, Candidates[H]] = {}

    def matching(self, query: HostFilter) -> list[H]:
        """Return the hosts that match the filter, sorted by name.

        Raises:
            NoMatch: No host matches; the message has the filter, and the names, queues, systems and tags that exist.
        """
        found = [self.hosts[place] for place in sorted(self._matching_places(query))]
        if query.min_size:
            found = [host for host in found if (host.size or 0) >= query.min_size]
        if query.custom:
            found = [host for host in found if query.custom(host)]
        if not found:
            raise NoMatch(no_match("host", query, self._places))
        return found

    def candidates(self, query: HostFilter) -> Candidates[H]:
        """Return the hosts to choose from: those that match and are not drained, or only the preferred ones among them.

        Raises:
            NoMatch: No host matches, or all that match are drained.
        """
        if query.custom:
            return self._candidates(query)
        if query not in self._cache:
            if len(self._cache) >= _CACHED:
                self._cache.clear()
            self._cache[query] = self._candidates(query)
        return self._cache[query]

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
        """Return the places of the hosts that have a value under a key that matches one of the patterns."""
        places, found = self._places[key], set[int]()
        special = tuple(pattern for pattern in patterns if not _SPECIAL.isdisjoint(pattern))
        for pattern in patterns:
            found.update(places.get(pattern, ()))
        if special:
            match = matcher(special)
            found.update(place for value in filter(match, places) for place in places[value])
        return found


def _by_value(hosts: Iterable[H], values: Callable[[H], Iterable[str]]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, host in enumerate(hosts):
        for value in values(host):
            places.setdefault(value, []).append(place)
    return places
