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


class InvertedIndex(Generic[H]):
    """The positions of hosts in a sequence, by name, queue, operating system and tag.

    Attributes:
        all: The positions of all hosts.
        by_value: The positions of the hosts that have a value, by the filter's key and the value.
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

    def admit(self, key: str, query: Any, positions: frozenset[int]) -> frozenset[int]:
        """Return the `positions` whose hosts pass a condition of a filter; `prefer` admits all if no host is preferred."""
        if passes := _PASSES.get(key):
            return frozenset(position for position in positions if passes(query, self._hosts[position]))
        patterns: tuple[str, ...] = getattr(query, key)
        if key == "all_tags":
            for pattern in patterns:
                positions = positions & self._named("tag", (pattern,))
            return positions
        if key == "exclude":
            return positions - self._named("name", patterns)
        if key == "prefer":
            return positions & (self._named("name", patterns) | self._named("tag", patterns)) or positions
        return positions & self._named(key, patterns)

    def _named(self, key: str, patterns: tuple[str, ...]) -> set[int]:
        """Return the positions of the hosts with a value under a key that matches any of the patterns."""
        by_value, found = self.by_value[key], set[int]()
        special = tuple(pattern for pattern in patterns if not _SPECIAL.isdisjoint(pattern))
        for pattern in patterns:
            found.update(by_value.get(pattern, ()))
        if special:
            match = matcher(special)
            found.update(position for value in filter(match, by_value) for position in by_value[value])
        return found


def _by_value(hosts: Iterable[H], values: Callable[[H], Iterable[str]]) -> dict[str, list[int]]:
    positions: dict[str, list[int]] = {}
    for position, host in enumerate(hosts):
        for value in values(host):
            positions.setdefault(value, []).append(position)
    return positions
