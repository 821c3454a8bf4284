"""Finds the secrets of a configuration in its files, its overrides, the composed config, and the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from os.path import isfile  # Path.is_file raises if a name is too long
from pathlib import Path as FilePath
from typing import Any

import yaml

from ..files.locate import take_snapshot
from ..files.yaml import read_content, read_yaml
from ..fleet.masking import is_secret_key, may_hold_secrets, secrets_of, word_secrets
from .nodes import Path, has_interpolation, walk

_SECRET_VARIABLE = re.compile(r"key|conn|cred|auth(?!or)|dsn|pwd|cert|salt", re.IGNORECASE)
_LOGIN_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@")
_READS_ENVIRONMENT = re.compile(r"oc\.env|\$\{[^{}:]*\$\{")
"""Matches a call of `oc.env`, or of a resolver whose name is an interpolation."""


def written_secrets(source: FilePath, overrides: Sequence[str] = ()) -> set[str]:
    """Return the secrets in a config's file, in the files of its folder and tree, in overrides, and in the environment.

    They are masked in the error of a config that cannot be composed, which may quote any of these.
    """
    folders = {source.parent, *(folder for folder in source.parents if isfile(folder / "config.yaml"))}
    files = take_snapshot(sorted(folders)).files
    return secrets_of(*map(_content, {str(source), *files})) | word_secrets(overrides) | environment_secrets()


def _content(file: str) -> Any:
    with suppress(OSError, ValueError, yaml.YAMLError, RecursionError):
        if may_hold_secrets(read_content(FilePath(file)).decode(errors="replace")):
            return read_yaml(FilePath(file))
    return None


def resolved_secrets(written: Any, resolve: Callable[[Path], Any], *named: Any) -> set[str]:
    """Return the secrets that interpolations of a config resolve to, and those of the environment if the config reads it.

    Args:
        written: The config as plain data, interpolations as written.
        resolve: Returns the resolved value at a path of the config.
        named: Plain data whose names are never secrets, and whose secrets are secrets here as well.
    """
    if not has_interpolation(written):
        return set()
    found = secrets_of({f"token{at}": value for at, value in enumerate(_behind_interpolations(written, resolve))}, *named)
    if any(isinstance(value, str) and _READS_ENVIRONMENT.search(value) for _, value in walk(written)):
        found |= environment_secrets()
    return found


def _behind_interpolations(written: Any, resolve: Callable[[Path], Any]) -> Iterator[Any]:
    for path, value in walk(written):
        if path and is_secret_key(path[-1]) and isinstance(value, str) and "${" in value:
            with suppress(Exception):
                yield resolve(path)


def environment_secrets() -> set[str]:
    """Return the values of environment variables that are secrets by name, or hold a login in a URL.

    The path of an existing file is no secret, such as the working directory in `PWD`.
    """

    def is_secret(name: str, value: str) -> bool:
        return not os.path.exists(value) and bool(is_secret_key(name) or _SECRET_VARIABLE.search(name) or _LOGIN_IN_URL.search(value))

    found = {f"token{at}": value for at, (name, value) in enumerate(os.environ.items()) if is_secret(name, value)}
    return secrets_of(found, *os.environ.values())
