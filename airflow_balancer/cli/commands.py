"""The commands, each in the module of its name, which is imported when it is needed."""

from __future__ import annotations

from importlib import import_module

from .command import Command

NAMES = ("show", "select", "port", "lock", "validate", "config", "plan", "pools", "check", "init", "schema")
DEFAULT = "show"


def find_command(name: str) -> Command:
    """Import a command by its name."""
    command: Command = import_module(f".{name}", __package__).COMMAND
    return command


def all_commands() -> list[Command]:
    """Return every command, in the order of the help."""
    return list(map(find_command, NAMES))
