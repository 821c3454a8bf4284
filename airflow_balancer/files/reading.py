"""The current reading of a configuration: the file that calls, what may be opened and run, and who records it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from ..errors import ConfigurationError

_LIBRARIES = frozenset(
    ("airflow_balancer", "airflow_config", "airflow_pydantic", "airflow_supervisor", "antlr4", "hydra", "omegaconf", "pydantic")
)
_STATE = "__airflow_balancer_state__"


def calling_frame() -> FrameType:
    """Return the nearest frame outside this package and the libraries that call it."""
    frame = sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__", "")).partition(".")[0] in _LIBRARIES:
        frame = frame.f_back
    return frame


def calling_file() -> Path | None:
    """Return the file that calls this package, or None for code without one."""
    file = calling_frame().f_globals.get("__file__")
    return Path(file) if file else None


def caller_state(frame: FrameType) -> dict[Any, Any]:
    """Return the state kept in the module that a frame runs; each parse of the file starts with an empty one."""
    state: dict[Any, Any] = frame.f_globals.setdefault(_STATE, {})
    return state


@dataclass(frozen=True)
class Reading:
    """The permissions and notes of one reading of a configuration.

    Attributes:
        folders: The folders in which relative names are looked up first.
        roots: The folders, with links resolved, below which files may be opened; None for anywhere.
        foreign_code: Whether a strategy of another package may be imported and called.
        modules: The folders in which its module is looked up after Python's own path.
        opened: The files that were opened in addition to the YAML tree; kept only if `roots` are given.
        recorder: Records requests for hosts and free ports; see `lock/recorder.py`.
        stand_ins: By root file, the file to compose in its place and the overrides to add.
    """

    folders: tuple[Path, ...] = ()
    roots: tuple[Path, ...] | None = None
    foreign_code: bool = True
    modules: tuple[Path, ...] = ()
    opened: set[Path] = field(default_factory=set)
    recorder: Any = None
    stand_ins: Mapping[Path, tuple[Path, tuple[str, ...]]] = field(default_factory=dict)

    def stand_in(self, source: Path, overrides: Sequence[str]) -> tuple[Path, Sequence[str]]:
        """Return the root file and the overrides to compose in place of the given ones."""
        if not self.stand_ins:
            return source, overrides
        other, added = self.stand_ins.get(source.resolve(), (source, ()))
        return other, [*overrides, *(override for override in added if override not in overrides)]

    def admit(self, path: Path, what: str) -> None:
        """Check that a file may be opened, and count it as opened.

        Raises:
            ConfigurationError: It is outside of the roots.
        """
        if self.roots is None:
            return
        if not is_inside(path, self.roots):
            raise ConfigurationError(f"{what} is outside of the configuration's folders")
        self.opened.add(path)


_current: ContextVar[Reading] = ContextVar("airflow_balancer_reading", default=Reading())  # noqa: B039 (its set stays empty: see `admit`)


def current_reading() -> Reading:
    """Return the reading of this context; without one, everything is permitted."""
    return _current.get()


@contextmanager
def reading(**changes: Any) -> Iterator[Reading]:
    """Change the current reading in this context, field by field."""
    token = _current.set(replace(_current.get(), **changes))
    try:
        yield _current.get()
    finally:
        _current.reset(token)


def is_inside(path: Path, roots: Sequence[Path]) -> bool:
    """Return whether a file, with symbolic links followed, is in one of the resolved `roots`."""
    real = path.resolve()
    return any(real.is_relative_to(root) for root in roots)
