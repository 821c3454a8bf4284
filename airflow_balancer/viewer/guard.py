"""Lets a configuration be composed and resolved as data: what it may call, which files it may read, what it must not show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf.basecontainer import BaseContainer

from ..errors import ConfigurationError
from ..files.inventory import find_file
from ..fleet.masking import is_secret_key
from ..hydra.resolvers import register_resolvers
from ..picking.strategies import own_strategies_only
from ..ports.lock import reading_checked

__all__ = ("Reading", "guarded", "is_inside", "now_reading")

_ALLOWED = re.compile(r"(oc|balancer)\..+|hydra|now|python_version")
_SECRET_NAME = re.compile(r"key|conn|cred|auth|dsn|pwd|cert|salt", re.IGNORECASE)
_LOGIN_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@")
Resolver = Callable[..., Any]
_reading: ContextVar[Reading | None] = ContextVar("airflow_balancer_reading", default=None)
_guards: set[Resolver] = set()


@dataclass
class Reading:
    """One composition: the folders that it may read, and what it came upon.

    Attributes:
        roots: The folders that every file must be in, with symbolic links resolved.
        files: The files that it read beside its YAML tree.
        secrets: What it read from secret variables of the environment.
    """

    roots: Sequence[Path]
    files: set[Path] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)

    def admit(self, path: Path, named: str) -> None:
        """Count a file as read.

        Raises:
            ConfigurationError: It is outside of the folders.
        """
        if not is_inside(path, self.roots):
            raise ConfigurationError(f"{named} is outside of the configuration's folders")
        self.files.add(path)


def is_inside(path: Path, roots: Sequence[Path]) -> bool:
    """Return whether a file is in one of the `roots`, which are resolved, wherever symbolic links lead."""
    real = path.resolve()
    return any(real.is_relative_to(root) for root in roots)


@contextmanager
def now_reading(reading: Reading) -> Iterator[None]:
    """Guard every resolver that this thread calls, and let no code of another package be called."""
    register_resolvers()
    for name, resolver in list(BaseContainer._resolvers.items()):
        if resolver not in _guards:
            BaseContainer._resolvers[name] = guarded(name, resolver)
    token = _reading.set(reading)
    try:
        with own_strategies_only(), reading_checked(lambda file: reading.admit(file, f"the lock file {file.name!r}")):
            yield
    finally:
        _reading.reset(token)


def guarded(name: str, resolver: Resolver) -> Resolver:
    """Return the registered `resolver`, checked while the viewer reads, and as it was elsewhere."""

    def guard(config: Any, parent: Any, node: Any, args: tuple[Any, ...], args_str: tuple[str, ...]) -> Any:
        reading = _reading.get()
        if reading is None:
            return resolver(config, parent, node, args, args_str)
        if not _ALLOWED.fullmatch(name):
            raise ConfigurationError(f"the viewer does not call the resolver {name!r}")
        if name == "balancer.inventory":
            reading.admit(find_file(str(args[0])), f"the inventory {str(args[0])!r}")
        value = resolver(config, parent, node, args, args_str)
        if name == "oc.env" and value is not None and _is_secret(str(args[0]), node, str(value)):
            reading.secrets.add(str(value))
        return value

    _guards.add(guard)
    return guard


def _is_secret(variable: str, node: Any, value: str) -> bool:
    key = node._key() if node is not None else None
    by_name = is_secret_key(variable) or is_secret_key(key) or _SECRET_NAME.search(variable)
    return bool(value and (by_name or _LOGIN_IN_URL.search(value)))
