"""Reads YAML files as plain data, and says what is wrong with one that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ..errors import ConfigurationError
from .garbage import pause_gc

__all__ = ("read_checked", "read_root", "read_yaml", "yaml_line", "yaml_text")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as OmegaConf reads it, in C where PyYAML has it: dates stay texts, a key that is there twice is an error."""

    yaml_implicit_resolvers: ClassVar = {
        first: [resolver for resolver in resolvers if resolver[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 (PyYAML's signature)
        """Return the mapping of a node, each key once."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value
            if key in seen and key != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"found duplicate key {key}", key_node.start_mark)
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


class _Dumper(yaml.SafeDumper):
    """YAML that the loader reads as what was written."""


# YAML 1.1 takes a number such as 1e3 for a text; OmegaConf, as YAML 1.2, does not.
_NUMBER = re.compile(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$")
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+0123456789"))


def read_yaml(path: Path) -> Any:
    """Return a YAML file as plain data.

    Raises:
        yaml.YAMLError: It is no YAML; a mark says where.
        UnicodeDecodeError: It is not UTF-8.
        OSError: It cannot be read.
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
    # Escaped, a character that ends a line is read as what it is.
    printable = all(str(value).isprintable() for value in data.values())
    text: str = yaml.dump(data, Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=printable, width=2**31)
    return text.strip()


def yaml_text(error: yaml.YAMLError) -> str:
    """Return what is wrong with a YAML file, and on which line."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    hint = "; indent with spaces, not with a tab" if "cannot start any token" in str(error.problem) else ""
    return f"line {error.problem_mark.line + 1}: {error.problem}{hint}"


def read_checked(path: Path) -> Any:
    """Return a YAML file as plain data.

    Raises:
        ConfigurationError: It cannot be read; the text names the file, and the line.
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
        ConfigurationError: It cannot be read, is empty, or is no mapping; the text names the file.
    """
    data = read_checked(path)
    if data is None:
        raise ConfigurationError(f"{path}: the file is empty; a balancer needs at least 'hosts:'")
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: holds a {type(data).__name__} at the top; it must be a mapping, such as hosts: [...]")
    return data
