"""Queries: what is asked of hosts and ports, and what is said where none answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import translate
from functools import lru_cache
from typing import Any, Protocol, TypedDict, TypeVar

from ..errors import ConfigurationError, NoMatch, listing, suggestion

__all__ = ("HostFilter", "HostPatterns", "PortFilter", "matcher", "matching_ports", "no_host")

Patterns = str | Sequence[str] | None


class _PortLike(Protocol):
    """What a port query looks at."""

    @property
    def name(self) -> str: ...
    @property
    def tags(self) -> Sequence[str]: ...


P = TypeVar("P", bound=_PortLike)


def _patterns(key: str, value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (value,)
    patterns = tuple(value) if isinstance(value, Iterable) and not isinstance(value, Mapping) else (value,)
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise ConfigurationError(f"key {key!r} must be a text or a list of texts, not {value!r}; put it in quotes")
    return patterns


@lru_cache(maxsize=4096)
def matcher(patterns: tuple[str, ...]) -> Callable[[str], object]:
    """Return a function that says whether a text matches one of the shell patterns."""
    return re.compile("|".join(map(translate, patterns))).match


def _describe(query: HostFilter | PortFilter) -> str:
    asked = {field.name: getattr(query, field.name) for field in fields(query) if field.name != "prefer"}
    texts = [f"{key}={' or '.join(map(repr, value))}" for key, value in asked.items() if isinstance(value, tuple) and value]
    sizes = [f"min_size={asked['min_size']}"] if asked.get("min_size") else []
    return ", ".join([*texts, *sizes, *(["custom"] if query.custom else [])]) or "anything"


class HostPatterns(TypedDict, total=False):
    """The arguments of `HostFilter.of`, by name."""

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
        custom: Returns whether a host is wanted.
        min_size: The smallest size, in slots.
        exclude: Patterns of names that are not wanted.
        prefer: Patterns of names or tags: where hosts that match have some, one of those is selected.
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
    def of(
        cls,
        name: Patterns = None,
        queue: Patterns = None,
        os: Patterns = None,
        tag: Patterns = None,
        custom: Callable[[Any], object] | None = None,
        *,
        min_size: int | None = None,
        exclude: Patterns = None,
        prefer: Patterns = None,
    ) -> HostFilter:
        """Return the query for one pattern, a list of patterns or nothing under each key.

        Raises:
            ConfigurationError: A pattern is no text, or `min_size` no whole number from 1.
        """
        if min_size is not None and (not isinstance(min_size, int) or isinstance(min_size, bool) or min_size < 1):
            raise ConfigurationError(f"key 'min_size' must be a whole number from 1, not {min_size!r}")
        return cls(
            name=_patterns("name", name),
            queue=_patterns("queue", queue),
            os=_patterns("os", os),
            tag=_patterns("tag", tag),
            custom=custom,
            min_size=min_size,
            exclude=_patterns("exclude", exclude),
            prefer=_patterns("prefer", prefer),
        )

    def __str__(self) -> str:
        return _describe(self)


@dataclass(frozen=True)
class PortFilter:
    """Patterns that a port must match: any pattern of each key that has some."""

    name: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    custom: Callable[[Any], object] | None = None

    @classmethod
    def of(cls, name: Patterns = None, tag: Patterns = None, custom: Callable[[Any], object] | None = None) -> PortFilter:
        """Return the query for one pattern, a list of patterns or nothing under each key.

        Raises:
            ConfigurationError: A pattern is no text.
        """
        return cls(_patterns("name", name), _patterns("tag", tag), custom)

    def __str__(self) -> str:
        return _describe(self)


def _any(patterns: tuple[str, ...], values: Iterable[str]) -> bool:
    match = matcher(patterns)
    return any(match(value) for value in values)


def matching_ports(query: PortFilter, ports: Iterable[P]) -> list[P]:
    """Return the ports that answer the query, in their order.

    Raises:
        NoMatch: None does; the text names what was asked, and the names and tags there are.
    """
    ports = list(ports)
    found = ports
    if query.name:
        found = [port for port in found if _any(query.name, (port.name,))]
    if query.tag:
        found = [port for port in found if _any(query.tag, port.tags)]
    if query.custom:
        found = [port for port in found if query.custom(port)]
    if not found:
        names = {"name": [port.name for port in ports if port.name], "tag": [tag for port in ports for tag in port.tags]}
        raise NoMatch(_no_match("port", query, names))
    return found


def no_host(query: HostFilter, hosts: Iterable[Any]) -> str:
    """Return the message for a query that no host answers, with the names, queues, systems and tags there are."""
    hosts = tuple(hosts)
    return _no_match(
        "host",
        query,
        {
            "name": [host.name for host in hosts],
            "queue": [queue for host in hosts for queue in host.queues],
            "os": [host.os for host in hosts if host.os is not None],
            "tag": [tag for host in hosts for tag in host.tags],
        },
    )


def _no_match(noun: str, query: HostFilter | PortFilter, names: dict[str, list[str]]) -> str:
    hints = [suggestion(pattern, names[key]) for key in names for pattern in getattr(query, key) if not _matched(pattern, names[key])]
    known = "; ".join(f"{_PLURAL[key]}: {listing(values)}" for key, values in names.items())
    return f"no {noun} matches {query}{next(filter(None, hints), '')} ({known})"


def _matched(pattern: str, values: Iterable[str]) -> bool:
    return _any((pattern,), values)


_PLURAL = {"name": "names", "queue": "queues", "os": "systems", "tag": "tags"}
