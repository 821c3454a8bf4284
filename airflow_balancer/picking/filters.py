"""Host and port filters, and the error when nothing matches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import translate
from functools import lru_cache
from typing import Any, Protocol, TypedDict, TypeVar, Unpack

from ..errors import ConfigurationError, NoMatch, listing, suggestion

__all__ = ("HOST_KEYS", "PORT_KEYS", "HostFilter", "HostPatterns", "Patterns", "PortFilter", "matcher", "matching_ports", "no_match")

Patterns = str | Sequence[str] | None


class _PortLike(Protocol):
    """What a port filter reads of a port."""

    @property
    def name(self) -> str: ...
    @property
    def tags(self) -> Sequence[str]: ...


P = TypeVar("P", bound=_PortLike)


class HostPatterns(TypedDict, total=False):
    """The arguments of `HostFilter.of`, one for each of its fields."""

    name: Patterns
    queue: Patterns
    os: Patterns
    tag: Patterns
    custom: Callable[[Any], object] | None
    min_size: int | None
    exclude: Patterns
    prefer: Patterns


@dataclass(frozen=True)
class HostFilter:
    """Patterns that a host must match: any pattern of each key that has some.

    Patterns are the shell's (`*`, `?`, `[...]`), case-sensitive on every system.

    Attributes:
        name: Patterns of the host's name.
        queue: Patterns of one of its queues.
        os: Patterns of its operating system.
        tag: Patterns of one of its tags.
        custom: Returns whether a host matches.
        min_size: The smallest size, in slots.
        exclude: Patterns of the names of hosts to leave out.
        prefer: Patterns of names or tags: if any matching host matches them, only such hosts are candidates.
    """

    name: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    os: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    custom: Callable[[Any], object] | None = None
    min_size: int | None = None
    exclude: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()

    @classmethod
    def of(cls, **patterns: Unpack[HostPatterns]) -> HostFilter:
        """Return the filter for one pattern, a list of patterns or nothing under each key.

        Raises:
            ConfigurationError: A pattern is not a string, or `min_size` is not a whole number from 1.
        """
        size = patterns.get("min_size")
        if size is not None and (type(size) is not int or size < 1):
            raise ConfigurationError(f"key 'min_size' must be a whole number from 1, not {size!r}")
        return cls(**_values(patterns))

    def __str__(self) -> str:
        return _describe(self)


HOST_KEYS = tuple(field.name for field in fields(HostFilter))
"""The keys of a host query."""


@dataclass(frozen=True)
class PortFilter:
    """Patterns that a port must match: any pattern of each key that has some."""

    name: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    custom: Callable[[Any], object] | None = None

    @classmethod
    def of(cls, name: Patterns = None, tag: Patterns = None, custom: Callable[[Any], object] | None = None) -> PortFilter:
        """Return the filter for one pattern, a list of patterns or nothing under each key.

        Raises:
            ConfigurationError: A pattern is not a string.
        """
        return cls(**_values({"name": name, "tag": tag, "custom": custom}))

    def __str__(self) -> str:
        return _describe(self)


HOST_KEYS = tuple(field.name for field in fields(HostFilter) if field.name != "custom")
"""The keys of a host query as YAML and the command line may give it; Python may also give `custom`, a function."""
PORT_KEYS = tuple(field.name for field in fields(PortFilter) if field.name != "custom")
"""The keys of a query for a tracked port, likewise."""
_NOT_PATTERNS = ("custom", "min_size")


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value if key in _NOT_PATTERNS else _patterns(key, value) for key, value in given.items()}


def _patterns(key: str, value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (value,)
    patterns = tuple(value) if isinstance(value, Iterable) and not isinstance(value, Mapping) else (value,)
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise ConfigurationError(f"key {key!r} must be a string or a list of strings, not {value!r}; put it in quotes")
    return patterns


def _describe(query: HostFilter | PortFilter) -> str:
    given = {field.name: getattr(query, field.name) for field in fields(query) if field.name != "prefer"}
    patterns = [f"{key}={' or '.join(map(repr, value))}" for key, value in given.items() if isinstance(value, tuple) and value]
    size = [f"min_size={given['min_size']}"] if given.get("min_size") else []
    return ", ".join([*patterns, *size, *(["custom"] if query.custom else [])]) or "anything"


@lru_cache(maxsize=4096)
def matcher(patterns: tuple[str, ...]) -> Callable[[str], object]:
    """Return a function that says whether a string matches one of the shell patterns."""
    return re.compile("|".join(map(translate, patterns))).match


def _any(patterns: tuple[str, ...], values: Iterable[str]) -> bool:
    return any(map(matcher(patterns), values))


def matching_ports(query: PortFilter, ports: Iterable[P]) -> list[P]:
    """Return the ports that match the filter, in their order.

    Raises:
        NoMatch: No port matches; the message has the filter, and the names and tags that exist.
    """
    ports = list(ports)
    if found := [port for port in ports if _matches(query, port)]:
        return found
    names = {"name": [port.name for port in ports if port.name], "tag": [tag for port in ports for tag in port.tags]}
    raise NoMatch(no_match("port", query, names))


def _matches(query: PortFilter, port: _PortLike) -> bool:
    named = not query.name or _any(query.name, (port.name,))
    return named and (not query.tag or _any(query.tag, port.tags)) and (query.custom is None or bool(query.custom(port)))


_PLURAL = {"name": "names", "queue": "queues", "os": "systems", "tag": "tags"}


def no_match(noun: str, query: HostFilter | PortFilter, names: Mapping[str, Iterable[str]]) -> str:
    """Return the message for a filter that nothing matches.

    Args:
        noun: What it filters: `host` or `port`.
        query: The filter.
        names: The values that exist, by the filter's key.
    """
    hints = [
        suggestion(pattern, values) for key, values in names.items() for pattern in getattr(query, key) if not _any((pattern,), values)
    ]
    known = "; ".join(f"{_PLURAL[key]}: {listing(values)}" for key, values in names.items())
    return f"no {noun} matches {query}{next(filter(None, hints), '')} ({known})"
