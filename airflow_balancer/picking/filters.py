"""Which hosts and ports match a query, by an inverted index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, Protocol, TypedDict, TypeVar, Unpack

from ..caching import cached
from ..errors import ConfigurationError, NoMatch, listing, suggestion
from ..fleet.drain import drained
from ..fleet.masking import masking, secrets_of, shown
from .inverted import H, InvertedIndex, matcher
from .left_out import LeftOut, left_out
from .rendezvous import Candidates

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
    all_tags: Patterns
    custom: Callable[[Any], object] | None
    min_size: int | None
    exclude: Patterns
    prefer: Patterns


@dataclass(frozen=True)
class HostFilter:
    """Patterns that a host must match: any pattern of each key that has some, and every one of `all_tags`.

    Patterns are the shell's (`*`, `?`, `[...]`), case-sensitive on every system. `min_size` is in slots; `exclude` has
    patterns of names, and `prefer` of names or tags: if any matching host matches these, only such hosts are candidates.
    """

    name: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    os: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    all_tags: tuple[str, ...] = ()
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
            raise ConfigurationError(f"key 'min_size' must be a whole number from 1, not {shown(size)}")
        return cls(**_values(patterns))

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
        """Return the filter for one pattern, a list of patterns or nothing under each key.

        Raises:
            ConfigurationError: A pattern is not a string.
        """
        return cls(**_values({"name": name, "tag": tag, "custom": custom}))

    def __str__(self) -> str:
        return _describe(self)


HOST_KEYS = tuple(field.name for field in fields(HostFilter) if field.name != "custom")
"""The keys of a host query in YAML and on the command line. In Python there is also `custom`, a function."""
PORT_KEYS = tuple(field.name for field in fields(PortFilter) if field.name != "custom")
"""The keys of a query for a tracked port, likewise."""
_NOT_PATTERNS = ("custom", "min_size")


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value if key in _NOT_PATTERNS else _patterns(key, value) for key, value in given.items()}


def _patterns(key: str, value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    patterns = tuple(value) if isinstance(value, Iterable) and not isinstance(value, Mapping | str) else (value,)
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise ConfigurationError(f"key {key!r} must be a string or a list of strings, not {shown(value)}; put it in quotes")
    return tuple(map(str.__str__, patterns))  # members of a string enumeration become strings


def _describe(query: HostFilter | PortFilter) -> str:
    given = {field.name: getattr(query, field.name) for field in fields(query) if field.name != "prefer"}
    lists = {key: value for key, value in given.items() if isinstance(value, tuple) and value}
    patterns = [f"{key}={(' and ' if key == 'all_tags' else ' or ').join(map(repr, value))}" for key, value in lists.items()]
    size = [f"min_size={given['min_size']}"] if given.get("min_size") else []
    return ", ".join([*patterns, *size, *(["custom"] if query.custom else [])]) or "anything"


def matching_ports(query: PortFilter, ports: Iterable[P]) -> list[P]:
    """Return the ports that match the filter, in their order.

    Raises:
        NoMatch: No port matches; the message has the filter, and the names and tags that exist.
    """
    ports = list(ports)
    if found := [port for port in ports if _matches(query, port)]:
        return found
    names = {"name": [port.name for port in ports if port.name], "tag": [tag for port in ports for tag in port.tags]}
    raise NoMatch(_no_match("port", query, names))


def _matches(query: PortFilter, port: _PortLike) -> bool:
    named = not query.name or matcher(query.name)(port.name)
    return bool(named and (not query.tag or any(map(matcher(query.tag), port.tags))) and (not query.custom or query.custom(port)))


_PLURAL = {"name": "names", "queue": "queues", "os": "systems", "tag": "tags"}


def _no_match(noun: str, query: HostFilter | PortFilter, names: Mapping[str, Iterable[str]], why: str = "") -> str:
    """Return the message for a filter that nothing matches.

    Args:
        noun: What it filters: `host` or `port`.
        query: The filter.
        names: The values that exist, by the filter's key.
        why: What each condition leaves out.
    """
    more = {"tag": getattr(query, "all_tags", ())}
    wanted = [(pattern, values) for key, values in names.items() for pattern in (*getattr(query, key), *more.get(key, ()))]
    hints = [suggestion(pattern, values) for pattern, values in wanted if not any(map(matcher((pattern,)), values))]
    known = [f"{_PLURAL[key]}: {listing(values)}" for key, values in names.items()]
    return f"no {noun} matches {query}{next(filter(None, hints), '')} ({'; '.join(filter(None, [why, *known]))})"


_CACHED = 256
"""How many filters' candidates are cached."""
_CONDITIONS = ("name", "queue", "os", "tag", "all_tags", "exclude", "min_size", "custom")
"""The conditions of a host filter, in the order in which they are applied."""


def _conditions(query: HostFilter, *, drained: bool = True) -> list[str]:
    """Return the conditions of a filter, followed by those of candidates unless `drained` hosts are included."""
    return [key for key in _CONDITIONS if getattr(query, key)] + ([] if drained else ["drain", "prefer"])


class HostIndex(Generic[H]):
    """Hosts sorted by name, indexed by name, queue, operating system and tag.

    Candidates are cached by filter, so hosts must not change while they are in an index.
    """

    def __init__(self, hosts: Iterable[H]) -> None:
        self.hosts = tuple(sorted(hosts, key=lambda host: host.name))
        self._inverted = InvertedIndex(self.hosts)
        self._cache: dict[HostFilter, Candidates[H]] = {}

    @cached
    def by_name(self) -> dict[str, H]:
        """The hosts by their names."""
        return {host.name: host for host in self.hosts}

    def matching(self, query: HostFilter) -> list[H]:
        """Return the hosts that match the filter, sorted by name.

        Raises:
            NoMatch: No host matches; the message has the filter, and the names, queues, systems and tags that exist.
        """
        return [self.hosts[at] for at in sorted(self._matching(query))]

    def _matching(self, query: HostFilter, *, drained: bool = True) -> frozenset[int]:
        found = self._inverted.all
        for key in _conditions(query):
            found = self._inverted.admit(key, query, found)
        if not found:
            why = self.left_out(query, drained=drained)
            with masking(self._secrets):
                raise NoMatch(_no_match("host", query, self._inverted.by_value, str(why)), why.counts)
        return found

    def left_out(self, query: HostFilter, *, drained: bool = False) -> LeftOut:
        """Return which hosts each condition of a filter leaves out.

        `custom` is called only for hosts that pass the conditions before it; all others count as failing it.

        Args:
            query: The filter.
            drained: Whether drained hosts are included; `prefer` is then ignored.
        """
        everything, admitted = self._inverted.all, dict[str, frozenset[int]]()
        left = everything
        for key in _conditions(query, drained=drained):
            admits = self._inverted.admit(key, query, left if key == "custom" else everything)
            admitted[key] = admits if key != "prefer" or left & admits else everything
            left &= admitted[key]
        return left_out([host.name for host in self.hosts], admitted)

    def _secrets(self) -> set[str]:
        return secrets_of(*map(vars, self.hosts))

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
        open_hosts = self._inverted.admit("drain", query, self._matching(query, drained=False))
        if not open_hosts:
            why, found = self.left_out(query), self.matching(query)
            with masking(self._secrets):
                raise NoMatch(f"no host that matches {query} takes a pick: {listing(map(drained, found))} ({why})", why.counts)
        return Candidates([self.hosts[at] for at in sorted(self._inverted.admit("prefer", query, open_hosts))])
