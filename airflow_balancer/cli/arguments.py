"""The command line's words, sorted."""

from __future__ import annotations

import os
import re
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .. import __version__
from ..errors import suggestion

__all__ = ("COMMANDS", "WHOLE", "Arguments", "UsageError", "sort_arguments")

COMMANDS = ("show", "select", "port", "port lock", "validate", "config", "plan", "pools")
WHOLE = "whole"
"""The command that `--cfg job` stands for."""
_TREES = ("conf", "config")
_OWN = re.compile(r"(command|output|query\.\w+)=")
_OWN_AND_SERVER = re.compile(rf"{_OWN.pattern}|(api_url|api_username)=")
_OWN_OF = {
    "pools": re.compile(rf"{_OWN_AND_SERVER.pattern}|(apply|prune)="),
    "select": _OWN_AND_SERVER,
    "port": _OWN_AND_SERVER,
    "plan": re.compile(rf"{_OWN.pattern}|against="),
    "port lock": re.compile(rf"{_OWN.pattern}|(dag_files|prune)="),
    "validate": re.compile(rf"{_OWN.pattern}|dag_files="),
}
_PATHS = ("against", "dag_files")
_INFO_WITHOUT_VALUES = ("defaults", "defaults-tree", "plugins", "searchpath")
_EPILOG = """commands:
  show       hosts, ports, queues and picks (the default)
  select     the host that a query picks
  port       a port that is not in use, on the host that a query picks
  port lock  write the free ports that are asked for into the file that port_lock names; dag_files=DIR: those of DAG files, too,
             which are run; prune=true drops what nothing in this run asks for
  validate   check the configuration, that every pick in it can be made, and its lock file; dag_files=DIR as above
  config     the composed balancer, secrets masked
  plan       every pick that the configuration makes, and each host's load; against=env=prod or against=DIR: what moves there
  pools      what Airflow's pools and connections lack; apply=true writes it, prune=true also deletes what is orphaned

what is loaded:
  FILE               a balancer's YAML
  --config-dir DIR   a Hydra tree; default: the nearest conf/ or config/, from here upwards

what is asked:
  query.queue=workers query.os=ubuntu query.tag=[a,b] query.name='host*'
  query.key=NAME                  who asks; equal keys get the same host
  query.min=9000 query.max=9999   the range of ports
  output=table|json|yaml

strategy=least_loaded:
  select and port ask Airflow how full the hosts' pools are now; without an answer in two seconds, rendezvous picks,
  which is said on stderr; show and plan ask nobody: rendezvous, as while a DAG file is parsed

where pools are:
  Airflow's metadata database, else its API server: api_url=https://... api_username=NAME,
  the password in AIRFLOW__BALANCER__API_PASSWORD; without a FILE or a tree, all that Airflow itself syncs

Any Hydra override besides, such as env=prod, and sweeps: --multirun env=dev,prod
Shell completion: eval "$(airflow-balancer -sc install=bash)"
Exit codes: 0 done; 1 the configuration is wrong, or nothing matches; 2 wrong usage; 3 pools differ, or picks move
"""
_NO_TREE = """no configuration: there is no conf/ or config/ folder with a config.yaml in {cwd} or above.
Give a balancer's YAML (airflow-balancer balancer.yaml), a tree (--config-dir DIR), or make one:
  mkdir conf && printf 'balancer:\\n  hosts:\\n    - {{name: host1, size: 8, queues: [workers]}}\\n' > conf/config.yaml"""


class UsageError(Exception):
    """The command line is wrong."""


class Arguments(NamedTuple):
    """A command line, sorted: what is asked, of which file, with which overrides and flags of Hydra's."""

    command: str
    source: Path | None
    own: list[str]
    overrides: list[str]
    flags: list[str]

    def settings(self) -> list[str]:
        """Return the own settings as `key=value`, the command among them; the last one of a key counts."""
        own = [f"{key}={_quoted(key, value)}" for key, _, value in (word.partition("=") for word in self.own)]
        return ["command=show", "output=table", *([f"command={self.command}"] if self.command else []), *own]


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="airflow-balancer",
        usage="airflow-balancer [COMMAND] [FILE | --config-dir DIR] [OVERRIDE ...] [FLAG ...]",
        description="Show and check a fleet of hosts and ports, and pick from it.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("words", nargs="*", help=SUPPRESS)
    parser.add_argument("--config-dir", "-cd", metavar="DIR", type=Path, help="the Hydra tree")
    parser.add_argument("--config-name", "-cn", metavar="NAME", default="", help="the tree's root config (default: config)")
    parser.add_argument("--multirun", "-m", action="store_true", help="answer for each combination of the overrides' values")
    parser.add_argument("--cfg", "-c", choices=["job"], help="print the whole composed config, secrets masked")
    parser.add_argument("--info", "-i", choices=_INFO_WITHOUT_VALUES, help="print what Hydra composes from")
    parser.add_argument("--shell-completion", "-sc", metavar="WORD", help=SUPPRESS)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def _is_file(word: str) -> bool:
    return word.endswith((".yaml", ".yml")) or os.path.sep in word


def _nearest_tree() -> Path | None:
    cwd = Path.cwd()
    for folder in (cwd, *cwd.parents):
        for name in _TREES:
            if (folder / name / "config.yaml").is_file():
                return folder / name
    return None


def sort_arguments(argv: Sequence[str]) -> Arguments:
    """Tell the command, the file, the own settings, the tree's overrides and Hydra's flags apart.

    Raises:
        UsageError: The command line is wrong, or there is no configuration.
        ConfigurationError: The configuration that it gives does not exist.
    """
    given = _parser().parse_intermixed_args(list(argv))
    bare = [word for word in given.words if "=" not in word and not word.startswith("~")]
    files = [Path(word) for word in bare if _is_file(word)]
    commands = [word for word in bare if not _is_file(word)]
    command = _command(commands)
    if len(files) + (given.config_dir is not None) > 1 or command not in ("", *COMMANDS):
        raise UsageError(f"give one command and one configuration, not {' '.join(bare)}")
    if command == "port lock" and given.multirun and any(word.startswith("prune=") for word in given.words):
        raise UsageError(
            "prune drops what nothing in one run asks for, so each run of --multirun would undo the others'; give one of the two"
        )
    own = _OWN_OF.get(command, _OWN)
    flags = [*(["--multirun"] if given.multirun else []), *_valued("--info", given.info), *_valued("-sc", given.shell_completion)]
    return Arguments(
        command=WHOLE if given.cfg else command,
        source=_source(given.config_dir or next(iter(files), None), given.config_name, optional=command == "pools"),
        own=[word for word in given.words if own.match(word)],
        overrides=[word for word in given.words if word not in bare and not own.match(word)],
        flags=flags,
    )


def _command(words: Sequence[str]) -> str:
    """Return the command that bare words say, or what they are if none of them is misspelt."""
    command, known = " ".join(words), {word for command in COMMANDS for word in command.split()}
    unknown = [word for word in words if word not in known] or (
        [command] if command and len(words) == 1 and command not in COMMANDS else []
    )
    if unknown:
        raise UsageError(f"unknown command {unknown[0]!r}{suggestion(unknown[0], COMMANDS)} (commands: {', '.join(COMMANDS)})")
    return command


def _quoted(key: str, value: str) -> str:
    return repr(value) if key in _PATHS and not value.startswith("[") else value


def _valued(flag: str, value: str | None) -> list[str]:
    return [flag, value] if value else []


def _source(given: Path | None, config_name: str, *, optional: bool) -> Path | None:
    from ..files.locate import find_source

    folder = given or _nearest_tree()
    if folder is None:
        if optional:
            return None
        raise UsageError(_NO_TREE.format(cwd=Path.cwd()))
    return find_source((folder / f"{config_name.removesuffix('.yaml')}.yaml" if config_name else folder).absolute())
