"""Where the configurations are: the one that `[balancer] config_path` names, else those found in the DAG folders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import yaml

from ..errors import ConfigurationError, Problem
from ..model import Settings
from .scan import MAX_BYTES, Snapshot
from .settings import BalancerSettings

__all__ = ("Source", "find_sources", "named_source", "watched_roots")

_MAX_NODES = 500_000
"""The most values of one YAML file, counted with its aliases written out: a few aliases can stand for billions."""
_BALANCER_KEYS = frozenset({"hosts", "ports", "host_overrides", *Settings.model_fields})
_MENTION = re.compile(rb"balancer|hosts", re.IGNORECASE)
_TARGET = "BalancerConfiguration"


class Source(NamedTuple):
    """A configuration to compose."""

    path: Path
    overrides: tuple[str, ...] = ()


class _Candidate(NamedTuple):
    """What a YAML file says of itself: whether it holds a balancer, which files its defaults list pulls in."""

    path: Path
    balancer: bool
    pulls: tuple[str, ...] | None


def named_source(settings: BalancerSettings, folders: Sequence[Path]) -> Source | None:
    """Return the configuration that `config_path` and `config_name` name; None where they are not given.

    Raises:
        ConfigurationError: There is no such file or directory.
    """
    if not settings.config_path:
        return None
    given = Path(settings.config_path).expanduser()
    bases = [folder / given for folder in folders] or [given]
    name = settings.config_name
    tried = [base / f"{name}{suffix}" for base in bases for suffix in ("", ".yaml", ".yml")] if name else bases
    for path in tried:
        if path.exists():
            return Source(path, settings.overrides)
    message = f"[balancer] config_path names no file or directory (looked for {', '.join(map(str, tried))})"
    raise ConfigurationError(message)


def watched_roots(settings: BalancerSettings, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Return the folders in which a change of a YAML file may change a configuration."""
    try:
        source = named_source(settings, folders)
    except ConfigurationError:
        source = None
    if source is None:
        return tuple(folders)
    return (source.path if source.path.is_dir() else source.path.parent,)


def find_sources(snapshot: Snapshot) -> tuple[list[Source], list[Problem]]:
    """Return the configurations among the files of a snapshot, and a problem for each file that cannot be read.

    A configuration is a balancer YAML, or one with a balancer below `extensions` or `balancer`, by itself or
    through its defaults list. The files that another one's defaults list pulls in are its parts, as are all
    files of its config groups.
    """
    candidates: list[_Candidate | None] = []
    problems: list[Problem] = []
    for name in snapshot.files:
        try:
            candidates.append(_candidate(Path(name)))
        except ConfigurationError as error:
            problems += error.problems
    known = {candidate.path: candidate for candidate in candidates if candidate}
    parts = {part for item in known.values() for part in _parts(item, known, snapshot.roots)}
    chosen = [path for path, item in known.items() if path not in parts and (item.balancer or _pulls_balancer(item, known))]
    return [Source(path) for path in chosen], problems


def _candidate(path: Path) -> _Candidate | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError([Problem(f"cannot be read: {error.strerror}", origin=str(path))]) from None
    mentions = _MENTION.search(content) is not None
    if not mentions and b"defaults" not in content:
        return None
    try:
        return _classified(path, yaml.compose(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, RecursionError, UnicodeError) as error:
        # Of others' files, only those that mention a balancer are worth a message.
        if not mentions or b"balancer" not in content.lower():
            return None
        mark = getattr(error, "problem_mark", None)
        text = f"is no YAML{f', line {mark.line + 1}' if mark else ''}: {getattr(error, 'problem', None) or error}"
        raise ConfigurationError([Problem(text, origin=str(path))]) from None


def _classified(path: Path, root: yaml.Node | None) -> _Candidate | None:
    keys = _mapping(root)
    defaults = keys.get("defaults")
    pulls = tuple(_pulled(defaults)) if isinstance(defaults, yaml.SequenceNode) else None
    balancer = _is_balancer(keys) or "balancer" in _mapping(keys.get("extensions")) or bool(_mapping(keys.get("balancer")))
    if not balancer and pulls is None:
        return None
    if _size(root, {}) > _MAX_NODES:
        raise ConfigurationError([Problem(f"has more than {_MAX_NODES} values with its aliases written out; not read", origin=str(path))])
    if "searchpath" in _mapping(keys.get("hydra")):
        text = "sets hydra.searchpath, which may load Python code; not composed here, name it in [balancer] config_path"
        raise ConfigurationError([Problem(text, origin=str(path))])
    return _Candidate(path, balancer, pulls)


def _mapping(node: yaml.Node | None) -> dict[str, yaml.Node]:
    return {str(key.value): value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def _is_balancer(keys: dict[str, yaml.Node]) -> bool:
    target = keys.get("_target_")
    if isinstance(target, yaml.ScalarNode) and target.value.rpartition(".")[2] == _TARGET:
        return True
    own = [key for key in keys if not key.startswith("_")]
    return "hosts" in own and _BALANCER_KEYS.issuperset(own) and not isinstance(keys["hosts"], yaml.ScalarNode)


def _size(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Return the number of values below a node with its aliases written out; recursion counts as too many."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = _MAX_NODES + 1
        children = node.value if isinstance(node, yaml.SequenceNode) else [item for pair in node.value for item in pair]
        known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]


def _pulled(defaults: yaml.SequenceNode) -> Iterator[str]:
    """Yield the config groups' files that a defaults list names, as paths without suffix."""
    for entry in defaults.value:
        if isinstance(entry, yaml.ScalarNode):
            yield _group(entry.value)
        for group, value in _mapping(entry).items():
            options = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for option in options:
                yield f"{_group(group)}/{option.value}"


def _group(text: str) -> str:
    return re.sub(r"^(?:(?:optional|override)\s+)*", "", text.strip()).partition("@")[0].removeprefix("/").strip()


def _files(item: _Candidate) -> list[Path]:
    pulled = [name for name in item.pulls or () if name and name != "_self_" and ".." not in PurePosixPath(name).parts]
    return [item.path.parent / f"{name.removesuffix('.yaml')}{suffix}" for name in pulled for suffix in (".yaml", ".yml")]


def _parts(item: _Candidate, known: dict[Path, _Candidate], roots: Sequence[Path]) -> Iterator[Path]:
    """Yield the files that belong to a primary config: those it pulls in, and its config groups'."""
    if item.pulls is None:
        return
    folder = item.path.parent
    files = _files(item)
    # Below a DAGs folder itself stand others' configurations, too: there only the groups that it names are its own.
    groups = {file.parent for file in files} - {folder} if folder in roots else {folder}
    yield from (file for file in files if file != item.path)
    for path in known:
        if path.parent != folder and any(path.is_relative_to(group) for group in groups):
            yield path


def _pulls_balancer(item: _Candidate, known: dict[Path, _Candidate]) -> bool:
    if item.pulls is None:
        return False
    return any("balancer" in name for name in item.pulls) or any(file in known and known[file].balancer for file in _files(item))
