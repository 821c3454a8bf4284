"""A configuration that the viewer may open: its file, overrides and environments."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ..errors import ConfigurationError, Problem
from ..files.locate import tree_above
from ..files.reading import is_inside
from ..files.yaml import read_content, read_root

_OPTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_COMPOSES = re.compile(rb"defaults|\$\{|_target_|hydra")
_PREFIXES = re.compile(r"^(?:(?:optional|override)\s+)*/?")


class Places(NamedTuple):
    """Where to look for configurations.

    Attributes:
        roots: The folders to search.
        named: The configurations to show, each with its overrides; empty to show all in the folders.
        hint: What to do if there is no configuration.
    """

    roots: tuple[Path, ...]
    named: tuple[tuple[Path, tuple[str, ...]], ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class Configuration:
    """A configuration that the viewer may open.

    Attributes:
        id: Its id in requests.
        name: Its file, followed by its overrides if another configuration has the same file.
        file: The path of its file, relative to its root.
        path: Its file.
        roots: The folders that may contain its files.
        overrides: The overrides to compose it with.
        group: The config group of its environments; empty without environments.
        environments: The options of that group.
        environment: The default environment.
    """

    id: str
    name: str
    file: str
    path: Path
    roots: tuple[Path, ...]
    overrides: tuple[str, ...]
    group: str = ""
    environments: tuple[str, ...] = ()
    environment: str | None = None

    def overrides_for(self, environment: str | None) -> tuple[str, ...]:
        """Return the overrides that compose it in an environment."""
        if environment is None or environment == self.environment:
            return self.overrides
        others = (text for text in self.overrides if text.lstrip("+").partition("=")[0] != self.group)
        return (*others, f"{self.group}={environment}")


def describe_configuration(path: Path, overrides: tuple[str, ...], places: Places, roots: tuple[Path, ...]) -> Configuration:
    """Describe a configuration in `places`, without composing it; `roots` are the places' folders, with symbolic links resolved.

    Raises:
        ConfigurationError: It is a symbolic link to a file outside of the folders.
    """
    root = next((root for root in places.roots if path.is_relative_to(root)), path.parent)
    if not is_inside(path, roots):
        raise ConfigurationError([Problem("is a symbolic link to a file outside of the configured folders; not opened", origin=str(path))])
    same = [other for named, other in places.named if named == path]
    suffix = f" {shlex.join(overrides)}" if len(same) > 1 else ""
    identity = blake2b(os.fsencode(f"{path}{suffix}"), digest_size=12).hexdigest()
    allowed = [root, *(other for other in places.roots if other != root)]
    above, group, default = _tree(path)
    if places.named:
        allowed += above
    default = next((text.partition("=")[2] for text in overrides if text.lstrip("+").partition("=")[0] == group), default)
    options = tuple(_options(group, (path.parent, *above))) if group else ()
    # A file name may be undecodable, and JSON holds only valid strings.
    name, file = (os.fsencode(f"{path.relative_to(root)}{more}").decode(errors="replace") for more in (suffix, ""))
    return Configuration(identity, name, file, path, tuple(allowed), overrides, group, options, default if default in options else None)


def _tree(path: Path) -> tuple[list[Path], str, str]:
    """Return the other folders that a primary config composes from, its `env` group and that group's default. Skip plain files."""
    try:
        if not _COMPOSES.search(read_content(path)):
            return [], "", ""
        root = read_root(path)
        return tree_above(path, root), *_environment_group(root)
    except (OSError, yaml.YAMLError, ConfigurationError):  # reported when the configuration is opened
        return [], "", ""


def _environment_group(root: dict[str, Any]) -> tuple[str, str]:
    """Return the config group whose last part is `env`, with its package, and its option in the defaults list."""
    defaults = root.get("defaults")
    for entry in defaults if isinstance(defaults, list) else ():
        for text, option in entry.items() if isinstance(entry, dict) else ():
            group = _PREFIXES.sub("", str(text).strip())
            if group.partition("@")[0].rpartition("/")[2] == "env":
                return group, str(option)
    return "", ""


def _options(group: str, folders: Sequence[Path]) -> Iterator[str]:
    folder = next((found for above in folders if (found := above / group.partition("@")[0]).is_dir()), None)
    names = sorted(file.stem for file in folder.glob("*.yaml")) if folder else []
    yield from (name for name in names if _OPTION.fullmatch(name))
