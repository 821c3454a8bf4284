"""A command of `airflow-balancer`, its keys, and one request to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..caching import cached
from ..errors import suggestion

if TYPE_CHECKING:
    from ..hydra.composed import Composed


Report = Mapping[str, Any]


class UsageError(Exception):
    """The command line is wrong."""


@dataclass(frozen=True)
class Key:
    """A key that a command takes as `name=value`.

    Attributes:
        name: Such as `query.queue`.
        value: The value as the help shows it. `a|b` takes one of these, `N` a number, `PATTERN` and `PATH` one or a `[list]`.
        help: One line.
    """

    name: str
    value: str
    help: str

    @property
    def choices(self) -> tuple[str, ...]:
        """The values to choose from; empty if any value is valid."""
        return tuple(self.value.split("|")) if "|" in self.value else ()

    def read(self, given: str) -> Any:
        """Parse a value; `null` is None.

        Raises:
            UsageError: It is not one of the choices.
        """
        if self.choices and given not in self.choices:
            *most, last = self.choices
            raise UsageError(f"{self.name} must be {', '.join(most)} or {last}, not {given!r}{suggestion(given, self.choices)}")
        if self.choices:
            return {"true": True, "false": False}.get(given, given)
        if given == "null":
            return None
        if self.value == "N" and re.fullmatch(r"-?\d+", given):
            return int(given)
        if self.value in ("PATTERN", "PATH") and re.fullmatch(r"\[.*\]", given):
            return [_unquote(item.strip()) for item in given[1:-1].split(",")]
        return _unquote(given)


def _unquote(given: str) -> str:
    return given[1:-1] if re.fullmatch(r"'.*'|\".*\"", given) else given


OUTPUT = Key("output", "table|json|yaml", "how the answer is printed; json and yaml are for programs")


@dataclass(frozen=True)
class Request:
    """One request to a command.

    Attributes:
        source: The root file of the configuration; None for a command that needs none, such as `pools` for all that Airflow syncs.
        overrides: The Hydra overrides.
        keys: The command's keys, by name.
        title: The run's overrides in a sweep; empty outside of one.
    """

    source: Path | None
    overrides: tuple[str, ...] = ()
    keys: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""

    @cached
    def composed(self) -> Composed:
        """The configuration, composed at the first access.

        Raises:
            ConfigurationError: It cannot be composed.
        """
        from ..hydra.compose import compose_file

        assert self.source is not None
        return compose_file(self.source, self.overrides)

    @property
    def secrets(self) -> Collection[str]:
        """The secrets of the command line, and of the configuration once it is composed."""
        from ..fleet.masking import secrets_of

        composed = self.__dict__.get("composed")
        return {*(composed.secrets if composed else ()), *secrets_of(dict(self.keys))}


@dataclass(frozen=True)
class Command:
    """A command of `airflow-balancer`.

    Attributes:
        name: One word, that of its module.
        summary: One line for the list of commands.
        help: What `--help` adds to the summary.
        example: A command line, without the program's name.
        answer: Answers a request with plain data.
        keys: Its keys beside `output`.
        tables: Whether the lists of an answer are printed as tables.
        line: Returns the last line of a printed answer. An answer without tables or a line is printed as YAML.
        markdown: Formats an answer as Markdown; None if the command has no such output.
        warning: Returns a warning about an answer for stderr, or an empty string.
        compares: Whether the exit code is 3 if an answer has a true `differs`.
        needs_source: Whether it needs a configuration.
        writes_folder: Whether the word after its name is a folder to write, which becomes its key `folder`.
    """

    name: str
    summary: str
    help: str
    example: str
    answer: Callable[[Request], Report]
    keys: tuple[Key, ...] = ()
    tables: bool = False
    line: Callable[[Report], str] | None = None
    markdown: Callable[[Report], str] | None = None
    warning: Callable[[Report], str] = lambda _: ""
    compares: bool = False
    needs_source: bool = True
    writes_folder: bool = False

    @property
    def all_keys(self) -> dict[str, Key]:
        """All of its keys by name."""
        keys = {key.name: key for key in self.keys}
        keys.setdefault(OUTPUT.name, OUTPUT)
        return keys
