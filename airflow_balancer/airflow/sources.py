"""Finds the configurations: those that `[balancer] config_path` names, else those in the DAG folders."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import yaml

from ..errors import ConfigurationError, Problem
from ..files.document import TooMuchError, read_outline
from ..files.locate import MAX_BYTES, MAX_SECONDS, Snapshot
from ..files.yaml import read_content
from ..fleet.fleet import FLEET_KEYS
from ..hydra.nodes import BALANCER_TARGETS
from .options import SectionOptions

_MENTION = re.compile(rb"balancer|hosts|defaults", re.IGNORECASE)


class Source(NamedTuple):
    """A configuration to compose."""

    path: Path
    overrides: tuple[str, ...] = ()


class _ConfigFile(NamedTuple):
    """A YAML file: whether it contains a balancer, and which files its defaults list includes."""

    path: Path
    balancer: bool
    pulls: tuple[str, ...] | None


def named_sources(options: SectionOptions, folders: Sequence[Path]) -> tuple[list[Source], list[Problem]]:
    """Return the configurations that `config_path` and `config_name` name, and a problem for each missing one."""
    sources: list[Source] = []
    problems: list[Problem] = []
    for given, overrides in options.named:
        tried = _places(Path(given).expanduser(), options.config_name, folders)
        if found := next((path for path in tried if path.exists()), None):
            sources.append(Source(found, overrides))
        else:
            looked = ", ".join(map(str, tried))
            problems.append(Problem(f"[balancer] config_path names no file or directory with {given!r} (looked for {looked})"))
    return sources, problems


def _places(given: Path, name: str | None, folders: Sequence[Path]) -> list[Path]:
    bases = [folder / given for folder in folders] or [given]
    return [base / f"{name}{suffix}" for base in bases for suffix in ("", ".yaml", ".yml")] if name else bases


def watched_roots(options: SectionOptions, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Return the folders whose YAML files may change a configuration."""
    if not options.config_path:
        return tuple(folders)
    # A named file that is missing may still appear.
    known, _ = named_sources(options, folders)
    missing = [path for given, _ in options.named for path in _places(Path(given).expanduser(), options.config_name, folders)]
    paths = [source.path if source.path.is_dir() else source.path.parent for source in known]
    return tuple(dict.fromkeys([*paths, *(path for path in missing if not path.exists())]))


def read_sources(options: SectionOptions, folders: Sequence[Path], snapshot: Snapshot) -> tuple[list[Source], list[Problem]]:
    """Return the configurations that section `[balancer]` names, else those in a snapshot of `watched_roots`, and the problems."""
    if options.config_path:
        return named_sources(options, folders)
    sources, problems = find_sources(snapshot)
    if snapshot.limit:
        where = ", ".join(map(str, snapshot.roots))
        problems.append(Problem(f"looking for configurations ended after {snapshot.limit}; name yours in [balancer] config_path", where))
    return sources, problems


def find_sources(snapshot: Snapshot, *, seconds: float = MAX_SECONDS) -> tuple[list[Source], list[Problem]]:
    """Return the configurations in a snapshot, and a problem for each unreadable file.

    A configuration is a balancer YAML, or a file that has a balancer below `extensions` or `balancer`, directly or
    through its defaults list. The files that another file's defaults list includes, and all files of its config groups,
    are parts of it. A tree with a file that exceeds the limits is not composed.
    """
    known: dict[Path, _ConfigFile] = {}
    problems: list[Problem] = []
    deadline = time.monotonic() + seconds
    for path in map(Path, snapshot.files):
        if time.monotonic() > deadline:
            problems.append(Problem(f"and the files after it were not read within {seconds:g} s", origin=str(path)))
            break
        try:
            if found := _read_file(path):
                known[path] = found
        except ConfigurationError as error:
            problems += error.problems
    parts = {part for item in known.values() for part in _parts(item, known, snapshot.roots)}
    chosen = [item for path, item in known.items() if path not in parts and (item.balancer or _pulls_balancer(item, known))]
    unsafe = [problem for item in chosen for problem in _unsafe_parts(item, snapshot)]
    refused = {problem.subject for problem in unsafe}
    return [Source(item.path) for item in chosen if str(item.path) not in refused], [*problems, *unsafe]


def _outline(path: Path) -> Any:
    """Return a file's outline; None for a file that cannot define a balancer."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        content = read_content(path, MAX_BYTES)
        return read_outline(content) if _MENTION.search(content) else None
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return None  # removed in the meantime
        text = f"cannot be read: {error.strerror}; make it readable, or remove it"
        raise ConfigurationError([Problem(text, origin=str(path))]) from None
    except TooMuchError as error:
        raise ConfigurationError([Problem(f"{error}; not composed", origin=str(path))]) from None
    except (yaml.YAMLError, UnicodeError) as error:
        # Report invalid YAML only if it mentions a balancer: DAG folders may contain templates and the like.
        if b"balancer" not in content.lower():
            return None
        mark = getattr(error, "problem_mark", None)
        text = f"is not valid YAML{f', line {mark.line + 1}' if mark else ''}: {getattr(error, 'problem', None) or error}"
        raise ConfigurationError([Problem(text, origin=str(path))]) from None


def _read_file(path: Path) -> _ConfigFile | None:
    keys = _mapping(_outline(path))
    pulls = tuple(_pulled(keys["defaults"])) if isinstance(keys.get("defaults"), list) else None
    balancer = _is_balancer(keys) or "balancer" in _mapping(keys.get("extensions")) or bool(_mapping(keys.get("balancer")))
    if not balancer and pulls is None:
        return None
    if "searchpath" in _mapping(keys.get("hydra")):
        text = "sets hydra.searchpath, which may load Python code; not composed here, name it in [balancer] config_path"
        raise ConfigurationError([Problem(text, origin=str(path))])
    return _ConfigFile(path, balancer, pulls)


def _mapping(value: Any) -> dict[str, Any]:
    return {key: item for key, item in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


def _is_balancer(keys: dict[str, Any]) -> bool:
    if str(keys.get("_target_")) in BALANCER_TARGETS:
        return True
    own = {key for key in keys if not key.startswith("_")}
    return own <= {*FLEET_KEYS, "defaults"} and isinstance(keys.get("hosts"), list | dict)


def _pulled(defaults: list[Any]) -> Iterator[str]:
    """Yield the files of config groups that a defaults list names, as paths without suffix."""
    for entry in defaults:
        if isinstance(entry, str):
            yield _group(entry)
        for group, value in _mapping(entry).items():
            for option in value if isinstance(value, list) else [value]:
                yield f"{_group(group)}/{option}"


def _unsafe_parts(item: _ConfigFile, snapshot: Snapshot) -> Iterator[Problem]:
    """Yield a problem for each oversized file that composing a tree might read."""
    folder = item.path.parent
    for path in map(Path, snapshot.files) if item.pulls is not None else ():
        if path == item.path or not path.is_relative_to(folder):
            continue
        try:
            read_outline(read_content(path, MAX_BYTES))
        except TooMuchError as error:
            yield Problem(f"is not composed, because {path} {error}", str(item.path))
        except (OSError, yaml.YAMLError, UnicodeError):
            pass


def _group(text: str) -> str:
    return re.sub(r"^(?:(?:optional|override)\s+)*", "", text.strip()).partition("@")[0].removeprefix("/").strip()


def _files(item: _ConfigFile) -> list[Path]:
    pulled = [name for name in item.pulls or () if name and name != "_self_" and ".." not in PurePosixPath(name).parts]
    return [item.path.parent / f"{name.removesuffix('.yaml')}{suffix}" for name in pulled for suffix in (".yaml", ".yml")]


def _parts(item: _ConfigFile, known: dict[Path, _ConfigFile], roots: Sequence[Path]) -> Iterator[Path]:
    """Yield the parts of a primary config: the files its defaults list includes, and all files of its config groups."""
    if item.pulls is None:
        return
    folder = item.path.parent
    files = _files(item)
    # A DAGs folder itself may also hold unrelated configurations: there, only the groups in the defaults list are parts.
    groups = {file.parent for file in files} - {folder} if folder in roots else {folder}
    yield from (file for file in files if file != item.path)
    for path in known:
        if path.parent != folder and any(path.is_relative_to(group) for group in groups):
            yield path


def _pulls_balancer(item: _ConfigFile, known: dict[Path, _ConfigFile]) -> bool:
    return any("balancer" in name for name in item.pulls or ()) or any(file in known and known[file].balancer for file in _files(item))
