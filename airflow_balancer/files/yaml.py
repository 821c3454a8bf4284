"""Reads YAML: plain data, with the lines where keys and values stand."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ..errors import ConfigurationError


@contextmanager
def pause_gc() -> Iterator[None]:
    """Pause cyclic garbage collection while many long-lived objects are built.

    Where Airflow is loaded, reading 1,000 hosts and 4,000 ports from YAML takes 0.23 s so, and 0.75 s otherwise.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, if available."""


class _Loader(_Parser):  # type: ignore[misc]
    """YAML as OmegaConf reads it, by libyaml if available: dates stay strings, duplicate keys are errors."""

    yaml_implicit_resolvers: ClassVar = {
        first: [resolver for resolver in resolvers if resolver[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 (PyYAML's signature)
        """Return the mapping of a node; a duplicate key is an error."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value
            if key in seen and key != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"found duplicate key {key}", key_node.start_mark)
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


class _Dumper(yaml.SafeDumper):
    """YAML that the loader reads back as the same data."""


# 1e3 is a string in YAML 1.1, but a number in OmegaConf and YAML 1.2.
_NUMBER = re.compile(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$")
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+0123456789"))


def read_yaml(path: Path) -> Any:
    """Return a YAML file as plain data.

    Raises:
        yaml.YAMLError: The file is not valid YAML; a mark has the line.
        UnicodeDecodeError: The file is not UTF-8.
        OSError: The file cannot be read.
    """
    loader = _Loader(path.read_text(encoding="utf-8"))
    loader.name = str(path)
    try:
        with pause_gc():
            return loader.get_single_data()
    finally:
        loader.dispose()


def yaml_line(data: Mapping[str, Any]) -> str:
    """Return plain data as one line of YAML."""
    # Characters that end a line must be escaped.
    printable = all(str(value).isprintable() for value in data.values())
    text: str = yaml.dump(data, Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=printable, width=2**31)
    return text.strip()


def yaml_text(error: yaml.YAMLError) -> str:
    """Return the message of a YAML error, with the line."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    hint = "; indent with spaces, not with a tab" if "cannot start any token" in str(error.problem) else ""
    # The name of an alias or a tag may be a password that is not in quotes.
    problem = re.sub(r"(alias|tag) '.*'", r"\1", str(error.problem))
    return f"line {error.problem_mark.line + 1}: {problem}{hint}"


def read_checked(path: Path) -> Any:
    """Return a YAML file as plain data.

    Raises:
        ConfigurationError: The file cannot be read; the message names the file, and the line.
    """
    try:
        return read_yaml(path)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8, at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: {yaml_text(error)}") from None


def read_root(path: Path) -> dict[str, object]:
    """Return the YAML mapping at a path.

    Raises:
        ConfigurationError: The file cannot be read, is empty, or is not a mapping; the message names the file.
    """
    data = read_checked(path)
    if data is None:
        raise ConfigurationError(f"{path}: the file is empty; a balancer needs at least 'hosts:'")
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: holds a {type(data).__name__} at the top; it must be a mapping, such as hosts: [...]")
    return data


MAX_VALUES = 500_000
"""The most values of one file, with aliases expanded: a few aliases can expand to billions."""
MAX_DEPTH = 100
"""The deepest nesting: PyYAML's C loader overflows the stack at some ten thousand."""


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
    for event in yaml.parse(content, Loader=_Parser):
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
