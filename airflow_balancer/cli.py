"""`airflow-balancer`: a Hydra app over the user's own tree.

The tree's root config stays the primary config, so that overrides, sweeps and completion are those of
any Hydra app. The command, the query and the output travel beside it under one key of their own.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import __version__
from .errors import BalancerError, ConfigurationError
from .spelling import suggestion

__all__ = ("main",)

COMMANDS = ("show", "select", "port", "validate", "config")
_WHOLE = "whole"
_TREES = ("conf", "config")
_OWN_KEY = "airflow_balancer_cli"
_OWN = re.compile(r"(command|output|query\.\w+)=")
_INFO_WITHOUT_VALUES = ("defaults", "defaults-tree", "plugins", "searchpath")
_FAILED, _MISUSED = 1, 2
_QUIET = (
    "hydra.output_subdir=null",
    "hydra.run.dir=.",
    "hydra.job.chdir=false",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
)
_EPILOG = """commands:
  show       hosts, ports, queues and picks (the default)
  select     the host that a query picks
  port       a port that is not in use, on the host that a query picks
  validate   check the configuration, and that every pick in it can be made
  config     the composed balancer, secrets masked

what is loaded:
  FILE               a balancer's YAML
  --config-dir DIR   a Hydra tree; default: the nearest conf/ or config/, from here upwards

what is asked:
  query.queue=workers query.os=ubuntu query.tag=[a,b] query.name='host*'
  query.key=NAME                  who asks; equal keys get the same host
  query.min=9000 query.max=9999   the range of ports
  output=table|json|yaml

Any Hydra override besides, such as env=prod, and sweeps: --multirun env=dev,prod
Shell completion: eval "$(airflow-balancer -sc install=bash)"
Exit codes: 0 done; 1 the configuration is wrong, or nothing matches; 2 wrong usage
"""
_NO_TREE = """no configuration: there is no conf/ or config/ folder with a config.yaml in {cwd} or above.
Give a balancer's YAML (airflow-balancer balancer.yaml), a tree (--config-dir DIR), or make one:
  mkdir conf && printf 'balancer:\\n  hosts:\\n    - {{name: host1, size: 8, queues: [workers]}}\\n' > conf/config.yaml"""


class UsageError(Exception):
    """The command line is wrong."""


class Arguments(NamedTuple):
    """A command line, sorted: what is asked, of which file, with which overrides and flags of Hydra's."""

    command: str
    source: Path
    own: list[str]
    overrides: list[str]
    flags: list[str]


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


def _nearest_tree() -> Path:
    cwd = Path.cwd()
    for folder in (cwd, *cwd.parents):
        for name in _TREES:
            if (folder / name / "config.yaml").is_file():
                return folder / name
    raise UsageError(_NO_TREE.format(cwd=cwd))


def _sorted(argv: Sequence[str]) -> Arguments:
    """Tell the command, the file, the own settings, the tree's overrides and Hydra's flags apart."""
    given = _parser().parse_intermixed_args(list(argv))
    bare = [word for word in given.words if "=" not in word and not word.startswith("~")]
    files = [Path(word) for word in bare if _is_file(word)]
    commands = [word for word in bare if not _is_file(word)]
    for word in commands:
        if word not in COMMANDS:
            raise UsageError(f"unknown command {word!r}{suggestion(word, COMMANDS)} (commands: {', '.join(COMMANDS)})")
    if len(files) + (given.config_dir is not None) > 1 or len(commands) > 1:
        raise UsageError(f"give one command and one configuration, not {' '.join(bare)}")
    flags = [*(["--multirun"] if given.multirun else []), *_valued("--info", given.info), *_valued("-sc", given.shell_completion)]
    return Arguments(
        command=_WHOLE if given.cfg else next(iter(commands), ""),
        source=_source(given.config_dir or next(iter(files), None), given.config_name),
        own=[word for word in given.words if _OWN.match(word)],
        overrides=[word for word in given.words if word not in bare and not _OWN.match(word)],
        flags=flags,
    )


def _valued(flag: str, value: str | None) -> list[str]:
    return [flag, value] if value else []


def _source(given: Path | None, config_name: str) -> Path:
    from .locate import find_source

    folder = given or _nearest_tree()
    return find_source((folder / f"{config_name.removesuffix('.yaml')}.yaml" if config_name else folder).absolute())


def _settings(arguments: Arguments) -> list[str]:
    """Return the own settings as overrides below their own key."""
    own = [f"command={arguments.command}"] if arguments.command else []
    return [f"++{_OWN_KEY}.{setting}" for setting in ("command=show", "output=table", *own, *arguments.own)]


def _checked(settings: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    from .tables import OUTPUTS

    command, output = str(settings["command"]), str(settings["output"])
    for key, value, known in (("command", command, (*COMMANDS, _WHOLE)), ("output", output, OUTPUTS)):
        if value not in known:
            raise UsageError(f"unknown {key} {value!r}{suggestion(value, known)} ({key}s: {', '.join(known)})")
    return command, output, settings.get("query") or {}


def _answer(command: str) -> Callable[[Any, Mapping[str, Any]], dict[str, Any]]:
    from . import reports

    answer: Callable[[Any, Mapping[str, Any]], dict[str, Any]] = getattr(reports, f"{command}_report")
    return answer


def _report(arguments: Arguments, search: Sequence[Path], root: Any) -> None:
    """Print the answer to the command over one composed config."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    from .compose import composed
    from .tables import print_report

    OmegaConf.set_readonly(root, value=False)
    OmegaConf.set_struct(root, value=False)
    command, output, query = _checked(dict(root.pop(_OWN_KEY)))
    hydra = HydraConfig.get()
    overrides = [text for text in hydra.overrides.task if _OWN_KEY not in text]
    report = _answer(command)(composed(arguments.source, root, arguments.source.stem, overrides, search), query)
    title = ", ".join(text.lstrip("+") for text in overrides) if hydra.mode == RunMode.MULTIRUN else ""
    print_report(command, report, output, title)


def _run(arguments: Arguments) -> list[Exception]:
    """Run the Hydra app, and return what failed in its jobs: Hydra would print it in its own way."""
    import hydra

    from .compose import forced, without_self_warning
    from .locate import tree_above

    source, failures = arguments.source, list[Exception]()
    above = tree_above(source)

    def job(root: Any) -> None:
        try:
            _report(arguments, (source.parent, *above), root)
        except Exception as error:
            failures.append(error)

    search = [f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in above)}]"] if above else []
    with tempfile.TemporaryDirectory() as sweep, without_self_warning():
        own = [*_settings(arguments), *_QUIET, *search, f"hydra.sweep.dir={sweep}"]
        sys.argv = [sys.argv[0], *arguments.flags, *forced(arguments.overrides, source), *own]
        hydra.main(version_base=None, config_path=str(source.parent), config_name=source.stem)(job)()
    return failures


def _fail(text: str, code: int) -> int:
    print("\n".join(f"airflow-balancer: {line}" if not line.startswith(" ") else line for line in text.splitlines()), file=sys.stderr)  # noqa: T201
    return code


def _failure(error: Exception, source: str) -> int:
    """Print what went wrong; an error that is nobody's configuration is raised again."""
    if isinstance(error, UsageError):
        return _fail(str(error), _MISUSED)
    if isinstance(error, ConfigurationError):
        return _fail(str(error), _FAILED)
    if isinstance(error, BalancerError):
        return _fail(f"{source}: {error}", _FAILED)
    from hydra.errors import OverrideParseException

    from .explain import CAUSES, explained

    if isinstance(error, OverrideParseException):
        return _fail(f"{error.override!r} is not an override; write key=value", _MISUSED)
    if isinstance(error, CAUSES):
        return _fail(str(explained(error, source)), _FAILED)
    raise error


def _completed(argv: Sequence[str]) -> list[str]:
    """Return the words of the line that is being completed, which Hydra is then given without those that it does not know."""
    line = os.environ.get("COMP_LINE", "")
    words = line.split()[1:]
    if not any(word.startswith("query=") for word in argv) or not words:
        return []
    last = "" if line.endswith(" ") else words.pop()
    if last and "=" not in last:
        sys.stdout.writelines(f"{command}\n" for command in COMMANDS if command.startswith(last))
    arguments = _sorted(words)
    os.environ["COMP_LINE"] = " ".join(["airflow-balancer", *arguments.overrides, last])
    return [str(arguments.source)]


def _main(argv: Sequence[str]) -> int:
    os.environ["HYDRA_FULL_ERROR"] = "1"
    arguments: Arguments | None = None
    try:
        arguments = _sorted([*argv, *_completed(argv)])
        failures = _run(arguments)
    except Exception as error:
        failures = [error]
    return max((_failure(error, str(arguments.source) if arguments else "") for error in failures), default=0)


def main() -> None:
    """Run the command line, and exit with its code."""
    sys.exit(_main(sys.argv[1:]))
