"""Parses YAML into plain data: within bounds, without recursion, and without calling anything that a tag names."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate, takewhile
from typing import Any

import yaml

MAX_VALUES = 500_000
"""The most values in one file."""
MAX_ALIASED = 10_000
"""The most values that the aliases of one file may repeat. A few aliases can expand to billions of values."""
MAX_DEPTH = 100
"""The deepest nesting. libyaml's composer overflows the stack at some ten thousand levels, OmegaConf at some hundred."""
_LONGEST_NUMBER = 100
"""The most characters of a number. Python refuses to print more than 4,300 digits."""
_LONGEST_INTERPOLATION = 20_000
"""The most characters of a string with an interpolation. OmegaConf parses some ten thousand a second."""
_DEEPEST_INTERPOLATION = 50
"""The deepest nesting of interpolations in one string. OmegaConf recurses, and takes seconds for some thousand."""


class TooMuchError(yaml.YAMLError):
    """A YAML file exceeds the bounds of this module."""


_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, if available."""
_CORE = "tag:yaml.org,2002:"
# 1e3 is a string in YAML 1.1, but a number in OmegaConf and YAML 1.2.
EXPONENT = (f"{_CORE}float", re.compile(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$"))
_IMPLICIT = {
    # Dates stay strings, as in OmegaConf.
    first: [
        (tag, regexp) for tag, regexp in (*resolvers, *([EXPONENT] if first in "-+0123456789" else [])) if not tag.endswith("timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_SCALARS = yaml.constructor.SafeConstructor()
_CONVERSIONS = {
    f"{_CORE}null": lambda _: None,
    f"{_CORE}bool": _SCALARS.construct_yaml_bool,
    f"{_CORE}int": _SCALARS.construct_yaml_int,
    f"{_CORE}float": _SCALARS.construct_yaml_float,
}
_STRINGS = frozenset(("!", f"{_CORE}str", f"{_CORE}merge", f"{_CORE}value"))


def _wrong(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _check_interpolation(value: str, event: Any) -> None:
    if len(value) > _LONGEST_INTERPOLATION:
        raise _wrong(f"a string of more than {_LONGEST_INTERPOLATION} characters holds an interpolation", event)
    depths = accumulate(1 if brace == "${" else -1 for brace in re.findall(r"\$\{|\}", value))
    if max(depths) > _DEEPEST_INTERPOLATION:
        raise _wrong(f"interpolations are nested deeper than {_DEEPEST_INTERPOLATION} levels", event)


def _scalar(event: yaml.ScalarEvent) -> Any:
    """Return the value of a scalar: a string, a number, a boolean or None."""
    value: str = event.value
    tag = event.tag
    if event.implicit[0]:
        tag = next((tag for tag, regexp in _IMPLICIT.get(value[:1], ()) if regexp.match(value)), None)
    if tag is None or tag in _STRINGS:
        if "${" in value:
            _check_interpolation(value, event)
        return value
    if tag not in _CONVERSIONS:
        raise _wrong(f"unknown tag {tag.replace(_CORE, '!!')!r}; leave it out", event)
    if len(value) > _LONGEST_NUMBER:
        raise _wrong(f"a number of more than {_LONGEST_NUMBER} characters", event)
    try:
        return _CONVERSIONS[tag](yaml.ScalarNode(tag, value))
    except (ValueError, LookupError):
        raise _wrong(f"{value!r} is no {tag.removeprefix(_CORE)}", event) from None


@dataclass(slots=True)
class _Open:
    """A list or a mapping that has not ended.

    Attributes:
        event: The event that starts it.
        items: Its values; in a mapping, keys and values alternate.
        seen: The keys as written.
        merged: The mappings that `<<` merges into it.
        merging: Whether the next value is one of these.
        size: The number of values in it, with aliases expanded.
    """

    event: yaml.CollectionStartEvent
    is_mapping: bool
    items: list[Any] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    merged: list[Any] = field(default_factory=list)
    merging: bool = False
    size: int = 1

    def add(self, value: Any, event: yaml.Event, size: int) -> None:
        self.size += size
        if self.merging:
            self.merging = False
            self.merged += self._mappings(value, event)
        elif self.is_mapping and len(self.items) % 2 == 0:
            self._add_key(value, event)
        else:
            self.items.append(value)

    def _add_key(self, key: Any, event: yaml.Event) -> None:
        if not isinstance(event, yaml.ScalarEvent | yaml.AliasEvent) or not isinstance(key, Hashable):
            raise _wrong("a key must be a string, not a list or a mapping", event)
        if key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            self.merging = True
            return
        text = event.value if isinstance(event, yaml.ScalarEvent) else str(key)
        if text in self.seen:
            raise _wrong(f"found duplicate key {text}", event)
        self.seen.add(text)
        self.items.append(key)

    @staticmethod
    def _mappings(value: Any, event: yaml.Event) -> list[Any]:
        found = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) for item in found):
            raise _wrong("'<<' merges a mapping, or a list of mappings", event)
        return found

    def close(self) -> Any:
        if not self.is_mapping:
            return self.items
        own = dict(zip(self.items[::2], self.items[1::2], strict=True))
        if not self.merged:
            return own
        merged: dict[Any, Any] = {}
        for mapping in reversed(self.merged):
            merged |= mapping
        return merged | own


def parse_yaml(content: bytes | str) -> Any:
    """Parse the one document of a YAML string into plain data, with the types that OmegaConf gives.

    Raises:
        TooMuchError: It exceeds the bounds of this module.
        yaml.YAMLError: It is not valid YAML; a mark has the line.
    """
    return _build(yaml.parse(content, Loader=_Parser), _scalar)


def read_outline(content: bytes) -> Any:
    """Parse the first document of a YAML string into dicts, lists and strings; scalars are not converted.

    Raises:
        TooMuchError: It exceeds the bounds of this module.
        yaml.YAMLError: It is not valid YAML.
    """
    events = yaml.parse(content, Loader=_Parser)
    return _build(takewhile(lambda event: not isinstance(event, yaml.DocumentEndEvent), events), lambda event: event.value)


class _Builder:
    """Builds a document from its events: each node gets its value at its end.

    Attributes:
        root: The document's value.
    """

    def __init__(self, read_scalar: Callable[[yaml.ScalarEvent], Any]) -> None:
        self.root: Any = None
        self._read_scalar = read_scalar
        self._waiting: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._aliased = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._end(event, self._read_scalar(event), 1 + len(event.value) // 1000)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            closed = self._waiting.pop()
            self._end(closed.event, closed.close(), closed.size)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._waiting.append(_opened(event, len(self._waiting)))
        elif kind is yaml.AliasEvent:
            self._repeat(event)
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                raise _wrong("a second document; a file holds one", event)

    def _end(self, start: yaml.NodeEvent, value: Any, size: int) -> None:
        if start.anchor:
            self._anchors[start.anchor] = value, size
        self._add(start, value, size)

    def _repeat(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            raise _wrong(f"alias {event.anchor!r} has no anchor before it, or is inside of it", event)
        value, size = self._anchors[event.anchor]
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise TooMuchError(f"repeats more than {MAX_ALIASED} values by its aliases")
        self._add(event, value, size)

    def _add(self, event: yaml.Event, value: Any, size: int) -> None:
        if not self._waiting:
            self.root = value
            return
        self._waiting[-1].add(value, event, size)
        if self._waiting[-1].size > MAX_VALUES:
            raise TooMuchError(f"has more than {MAX_VALUES} values")


def _build(events: Iterable[yaml.Event], read_scalar: Callable[[yaml.ScalarEvent], Any]) -> Any:
    builder = _Builder(read_scalar)
    for event in events:
        builder.take(event)
    return builder.root


def _opened(event: yaml.CollectionStartEvent, depth: int) -> _Open:
    if depth >= MAX_DEPTH:
        raise TooMuchError(f"is nested deeper than {MAX_DEPTH} levels")
    is_mapping = isinstance(event, yaml.MappingStartEvent)
    if event.tag not in (None, "!", f"{_CORE}{'map' if is_mapping else 'seq'}"):
        raise _wrong(f"unknown tag {event.tag.replace(_CORE, '!!')!r}; leave it out", event)
    return _Open(event, is_mapping)
