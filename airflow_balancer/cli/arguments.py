"""Sorts the arguments of the command line, and writes the help."""

from __future__ import annotations

import os
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from .. import __version__
from ..errors import ConfigurationError, suggestion
from ..fleet.masking import mask_word
from .command import Command, UsageError
from .commands import DEFAULT, NAMES, all_commands, find_command

_TREES = ("conf", "config")
_INFO_WITHOUT_VALUES = ("defaults", "defaults-tree", "plugins", "searchpath")
REST = "[FILE | --config-dir DIR] [OVERRIDE ...] [FLAG ...]"
EXIT_CODES = {
    0: "done",
    1: "the configuration is wrong, or nothing matches",
    2: "wrong usage",
    3: "pools, hosts or picks differ",
}
_EPILOG = f"""
FILE is a balancer's YAML. An OVERRIDE is any of Hydra's, such as env=prod; with --multirun also env=dev,prod
Shell completion: eval "$(airflow-balancer -sc install=bash)"
Exit codes: {"; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())}
"""
_NO_TREE = """no configuration: there is no conf/ or config/ folder with a config.yaml in {cwd} or above.
Give a balancer's YAML (airflow-balancer balancer.yaml), a tree (--config-dir DIR), or make one in a new folder:
  airflow-balancer init fleet && cd fleet"""


class Arguments(NamedTuple):
    """A sorted command line.

    Attributes:
        command: The command, by default `show`.
        given: The command and its keys as they were written; the viewer's command line rejects them.
        source: The root file of the configuration; None for help, and for a command that runs without one.
        keys: The values of the command's keys.
        overrides: The Hydra overrides.
        multirun: Whether the overrides are a sweep.
        info: The value of `--info`, which Hydra answers.
        completion: The value of `-sc`, with which a shell asks for completion.
        help: Whether to print the help of the command in `given`, or else of the program.
    """

    command: Command
    given: str
    source: Path | None
    keys: dict[str, Any]
    overrides: list[str]
    multirun: bool
    info: str
    completion: str
    help: bool


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(mask_word(message))


def tree_parser(program: str, usage: str, description: str, epilog: str) -> ArgumentParser:
    """Return a parser of words, and of the flags that both programs have."""
    parser = _Parser(
        prog=program,
        usage=f"{program} {usage}",
        description=description,
        epilog=epilog,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("words", nargs="*", help=SUPPRESS)
    parser.add_argument("--config-dir", "-cd", metavar="DIR", type=Path, help="a Hydra tree (default: the nearest conf/ or config/)")
    parser.add_argument("--config-name", "-cn", metavar="NAME", default="", help="the tree's root config (default: config)")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def command_parser(usage: str = f"[COMMAND] {REST}", description: str = "", epilog: str = "") -> ArgumentParser:
    """Return the parser of `airflow-balancer`."""
    parser = tree_parser("airflow-balancer", usage, description, epilog)
    parser.add_argument("--multirun", "-m", action="store_true", help="answer for each combination of the overrides' values")
    parser.add_argument("--cfg", "-c", choices=["job"], help="print the whole composed config, secrets masked")
    parser.add_argument("--info", "-i", choices=_INFO_WITHOUT_VALUES, default="", help="print what Hydra composes from")
    parser.add_argument("--shell-completion", "-sc", metavar="WORD", default="", help=SUPPRESS)
    parser.add_argument("--help", "-h", action="store_true", help="explain the program, or the command that is given")
    return parser


def help_of(arguments: Arguments) -> str:
    """Return the help of the given command, else of the program."""
    if arguments.given:
        command = arguments.command
        keys = "\n".join(f"  {f'{key.name}={key.value}':<24} {key.help}" for key in command.all_keys.values())
        description = f"{command.name}: {command.summary}\n\n{command.help}\n\nkeys:\n{keys}"
        usage, epilog = f"{command.name} [KEY=VALUE ...] {REST}", f"example:\n  airflow-balancer {command.example}\n"
    else:
        description, usage = "Show and check a fleet of hosts and ports, and pick from it.", f"[COMMAND] {REST}"
        commands = "\n".join(f"  {command.name:<10} {command.summary}" for command in all_commands())
        epilog = f"commands (airflow-balancer COMMAND --help explains one and its keys):\n{commands}\n"
    return command_parser(usage, description, f"{epilog}{_EPILOG}").format_help()


def _is_bare(word: str) -> bool:
    """Return whether a word is a command or a file, not an override or a key. A file's path may have `=` in it."""
    return ("=" not in word and not word.startswith("~")) or (_is_file(word) and os.path.exists(word))


def _is_file(word: str) -> bool:
    return word.endswith((".yaml", ".yml")) or os.path.sep in word or (word not in NAMES and os.path.isdir(word))


def _nearest_tree() -> Path | None:
    trees = (folder / name for folder in (Path.cwd(), *Path.cwd().parents) for name in _TREES)
    return next((tree for tree in trees if (tree / "config.yaml").is_file()), None)


def sort_arguments(argv: Sequence[str]) -> Arguments:
    """Tell apart the command, its keys, the configuration, the overrides and Hydra's flags.

    Raises:
        UsageError: The command line is wrong, or no configuration is found.
        ConfigurationError: The given configuration does not exist, or a query has no such key.
    """
    given = command_parser().parse_intermixed_args(list(argv))
    bare = [word for word in given.words if _is_bare(word)]
    if bare and bare[0] in NAMES and (writing := find_command(bare[0])).writes_folder:
        return _writing(writing, given)
    name, folder = _name_and_folder(bare, given.config_dir)
    command = _whole_config() if given.cfg else find_command(name or DEFAULT)
    own, overrides = _own(command, [word for word in given.words if word not in bare])
    keys = _read(command, own)
    if folder is None and overrides and not command.needs_source:
        key = overrides[0].partition("=")[0]
        raise UsageError(f"{mask_word(overrides[0])!r} overrides nothing: no configuration is given{suggestion(key, command.all_keys)}")
    return Arguments(
        command=command,
        given=" ".join(filter(None, [name, *own])),
        source=None if given.help else _source(folder, given.config_name, optional=not command.needs_source),
        keys=keys,
        overrides=overrides,
        multirun=given.multirun,
        info=given.info,
        completion=given.shell_completion,
        help=given.help,
    )


def _name_and_folder(bare: Sequence[str], config_dir: Path | None) -> tuple[str, Path | None]:
    """Return the command that bare words name, if any, and the file or folder of the configuration."""
    files = [Path(word) for word in bare if _is_file(word)]
    names = [word for word in bare if not _is_file(word)]
    if unknown := next((word for word in names if word not in NAMES), ""):
        raise UsageError(f"unknown command {unknown!r}{suggestion(unknown, NAMES)} (commands: {', '.join(NAMES)})")
    if len(names) > 1 or len(files) + (config_dir is not None) > 1:
        raise UsageError(f"give one command and one configuration, not {' '.join(bare)}")
    return "".join(names), config_dir or next(iter(files), None) or _nearest_tree()


def _writing(command: Command, given: Namespace) -> Arguments:
    """Return the arguments of a command that writes a folder instead of reading a configuration."""
    folder = [word for word in given.words if _is_bare(word)][1:]
    own, overrides = _own(command, [word for word in given.words if not _is_bare(word)])
    if overrides or len(folder) > 1 or given.config_dir:
        raise UsageError(f"give one folder to write into, as in airflow-balancer {command.example}")
    keys = {"folder": folder[0]} if folder else {}
    keys |= _read(command, own)
    return Arguments(command, command.name, None, keys, overrides=[], multirun=False, info="", completion="", help=given.help)


def _read(command: Command, own: Sequence[str]) -> dict[str, Any]:
    """Parse words that give keys of a command."""
    return {key: command.all_keys[key].read(value) for key, _, value in (word.partition("=") for word in own)}


def _whole_config() -> Command:
    from .config import WHOLE

    return WHOLE


def _own(command: Command, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split words into those that give keys of the command, and overrides."""
    own = [word for word in words if word.partition("=")[0] in command.all_keys]
    overrides = [word for word in words if word not in own]
    for word in overrides:
        if word.startswith("query."):
            raise ConfigurationError(unknown_key(command, word.partition("=")[0]))
    return own, overrides


def unknown_key(command: Command, key: str) -> str:
    """Return the error for a key that a command lacks; empty if it resembles no key of any command."""
    owners = [other.name for other in all_commands() if key in other.all_keys]
    if owners:
        return f"{key!r} is a key of {', '.join(owners)}, not of {command.name}"
    nearest = suggestion(key, command.all_keys)
    if not nearest and not key.startswith("query."):
        return ""
    return f"unknown key {key!r}{nearest} (keys of {command.name}: {', '.join(command.all_keys)})"


def _source(folder: Path | None, config_name: str, *, optional: bool) -> Path | None:
    from ..files.locate import find_source

    if folder is None:
        if optional:
            return None
        raise UsageError(_NO_TREE.format(cwd=Path.cwd()))
    return find_source((folder / f"{config_name.removesuffix('.yaml')}.yaml" if config_name else folder).absolute())
