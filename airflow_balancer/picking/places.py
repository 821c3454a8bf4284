"""An inverted index of hosts, and which of them pass one condition of a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

from .rendezvous import Candidate


class _HostLike(Candidate, Protocol):
    """What a host filter reads of a host."""

    @property
    def drain(self) -> bool | str: ...
    @property
    def os(self) -> str | None: ...
    @property
    def queues(self) -> Sequence[str]: ...
    @property
    def tags(self) -> Sequence[str]: ...


H = TypeVar("H", bound=_HostLike)
_SPECIAL = frozenset("*?[")
"""The characters that make a string a shell pattern; other strings are looked up in the index."""
_PASSES: Mapping[str, Callable[[Any, Any], object]] = {
    "min_size": lambda query, host: (host.size or 0) >= (query.min_size or 0),
    "custom": lambda query, host: query.custom is None or query.custom(host),
    "drain": lambda _, host: not host.drain,
}


@lru_cache(maxsize=4096)
def matcher(patterns: tuple[str, ...]) -> Callable[[str], object]:
    """Return a function that matches a string against any of the shell patterns."""
    return re.compile("|".join(map(translate, patterns))).match


class Places(Generic[H]):
    """The places of hosts in a sequence, by name, queue, operating system and tag.

    Attributes:
        all: The places of all hosts.
        by_value: The places of the hosts that have a value, by the filter's key and the value.
    """

    def __init__(self, hosts: Sequence[H]) -> None:
        self._hosts = hosts
        self.all = frozenset(range(len(hosts)))
        self.by_value = {
            "name": _by_value(hosts, lambda host: (host.name,)),
            "queue": _by_value(hosts, lambda host: host.queues),
            "os": _by_value(hosts, lambda host: () if host.os is None else (host.os,)),
            "tag": _by_value(hosts, lambda host: host.tags),
        }

    def admit(self, key: str, query: Any, places: frozenset[int]) -> frozenset[int]:
        """Return the `places` whose hosts pass a condition of a filter; `prefer` admits all if no host is preferred."""
        if passes := _PASSES.get(key):
            return frozenset(place for place in places if passes(query, self._hosts[place]))
        patterns: tuple[str, ...] = getattr(query, key)
        if key == "all_tags":
            for pattern in patterns:
                places = places & self._named("tag", (pattern,))
            return places
        if key == "exclude":
            return places - self._named("name", patterns)
        if key == "prefer":
            return places & (self._named("name", patterns) | self._named("tag", patterns)) or places
        return places & self._named(key, patterns)

    def _named(self, key: str, patterns: tuple[str, ...]) -> set[int]:
        """Return the places of the hosts with a value under a key that matches any of the patterns."""
        places, found = self.by_value[key], set[int]()
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
