"""Reads the structure of an untrusted YAML file within bounds of time, memory and stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

__all__ = ("MAX_DEPTH", "MAX_VALUES", "TooMuchError", "read_outline")

MAX_VALUES = 500_000
"""The most values of one file, with aliases expanded: a few aliases can expand to billions."""
MAX_DEPTH = 100
"""The deepest nesting: PyYAML's C loader overflows the stack at some ten thousand."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TooMuchError(ValueError):
    """A YAML file exceeds the bounds of this module."""


@dataclass
class _Open:
    mapping: bool
    anchor: str | None
    items: list[Any] = field(default_factory=list)
    size: int = 1

    def close(self) -> Any:
        if not self.mapping:
            return self.items
        pairs = zip(self.items[::2], self.items[1::2], strict=False)
        return {key: value for key, value in pairs if isinstance(key, str)}


def read_outline(content: bytes) -> Any:
    """Return the first document of a YAML file as dicts, lists and strings; scalars are not converted.

    Raises:
        TooMuchError: The file exceeds the bounds.
        yaml.YAMLError: The file is not valid YAML.
    """
    waiting: list[_Open] = []
    anchors: dict[str, tuple[Any, int]] = {}
    for event in yaml.parse(content, Loader=_Loader):
        if isinstance(event, yaml.DocumentEndEvent):
            break
        if isinstance(event, yaml.CollectionStartEvent):
            if len(waiting) >= MAX_DEPTH:
                raise TooMuchError(f"is nested deeper than {MAX_DEPTH} levels")
            waiting.append(_Open(isinstance(event, yaml.MappingStartEvent), event.anchor))
            continue
        if not isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            continue
        anchor, value, size = _end(event, waiting, anchors)
        if size > MAX_VALUES or (waiting and waiting[-1].size > MAX_VALUES):
            raise TooMuchError(f"has more than {MAX_VALUES} values with its aliases written out")
        if anchor:
            anchors[anchor] = value, size
        if not waiting:
            return value
        waiting[-1].items.append(value)
        waiting[-1].size += size
    return None


def _end(event: yaml.Event, waiting: list[_Open], anchors: dict[str, tuple[Any, int]]) -> tuple[str | None, Any, int]:
    """End the node of an event, and return its anchor, value and size."""
    if isinstance(event, yaml.AliasEvent):
        # An alias inside its own anchor expands forever.
        return (None, *anchors.get(str(event.anchor), (None, MAX_VALUES + 1)))
    if isinstance(event, yaml.ScalarEvent):
        return event.anchor, event.value, 1
    closed = waiting.pop()
    return closed.anchor, closed.close(), closed.size
