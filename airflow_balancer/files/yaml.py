"""Reads YAML files as plain data; errors name the file and the line."""

from __future__ import annotations

import gc
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigurationError, Problem
from .document import EXPONENT, TooMuchError, parse_yaml

MAX_BYTES = 16 * 2**20
"""The largest file: a hundred thousand hosts."""


@contextmanager
def pause_gc() -> Iterator[None]:
    """Pause cyclic garbage collection while many long-lived objects are built.

    With Airflow loaded, reading 1,000 hosts and 4,000 ports from YAML takes 0.23 s instead of 0.75 s.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Dumper(yaml.SafeDumper):
    """YAML that `read_yaml` reads back as the same data."""


_Dumper.add_implicit_resolver(*EXPONENT, list("-+0123456789"))


def read_content(path: Path, most: int = MAX_BYTES) -> bytes:
    """Return the content of a regular file.

    Raises:
        TooMuchError: It is a pipe, a device or a folder, or larger than `most` bytes.
        OSError: It cannot be read.
    """
    # Without O_NONBLOCK, opening a pipe waits for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise TooMuchError("is no regular file")
        content = file.read(most + 1) if state.st_size <= most else None
    if content is None or len(content) > most:
        raise TooMuchError(f"is larger than {most // 2**20} MiB")
    return content


def read_yaml(path: Path) -> Any:
    """Return a YAML file as plain data.

    Raises:
        TooMuchError: It exceeds the bounds of this module.
        yaml.YAMLError: The file is not valid YAML; a mark has the line.
        UnicodeDecodeError: The file is not UTF-8.
        OSError: The file cannot be read.
    """
    return _parsed(read_content(path))


def _parsed(content: bytes) -> Any:
    with pause_gc():
        return parse_yaml(content.decode())


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
    with _readable(path):
        return read_yaml(path)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn failures to read a file into errors that name it."""
    try:
        yield
    except FileNotFoundError:
        raise _unreadable(path, "there is no such file") from None
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"not UTF-8, at byte {error.start}; save it as UTF-8") from None
    except ValueError:
        raise _unreadable(path, "a file's name has no null byte") from None
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise _unreadable(path, yaml_text(error)) from None


def _unreadable(path: Path, text: str) -> ConfigurationError:
    return ConfigurationError([Problem(text, origin=str(path))])


def read_layer(path: Path) -> tuple[dict[Any, Any], str]:
    """Return the mapping in a YAML file, empty for an empty file, and the first lines, which may name its package.

    Raises:
        ConfigurationError: The file cannot be read, or is not a mapping; the message names the file.
    """
    with _readable(path):
        data = _parsed(content := read_content(path))
    if not isinstance(data, dict | None):
        raise _unreadable(path, f"holds a {type(data).__name__} at the top; it must be a mapping")
    return data or {}, content[:512].decode(errors="ignore")


def read_root(path: Path) -> dict[str, object]:
    """Return the mapping in a YAML file.

    Raises:
        ConfigurationError: The file cannot be read, is empty, or is not a mapping; the message names the file.
    """
    data = read_checked(path)
    if data is None:
        raise ConfigurationError(f"{path}: the file is empty; a balancer needs at least 'hosts:'")
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: holds a {type(data).__name__} at the top; it must be a mapping, such as hosts: [...]")
    return data
