"""`airflow-balancer`: a Hydra app over the user's own tree.

The tree's root config stays the primary config, so that overrides, sweeps and completion are those of
any Hydra app. The command, the query and the output travel beside it under one key of their own.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import BalancerError, NoFreePort, NoMatch, suggestion
from .arguments import COMMANDS, WHOLE, Arguments, UsageError, sort_arguments

__all__ = ("main",)

_OWN_KEY = "airflow_balancer_cli"
_FAILED, _MISUSED, _DIFFERS = 1, 2, 3
_QUIET = (
    "hydra.output_subdir=null",
    "hydra.run.dir=.",
    "hydra.job.chdir=false",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
)
Settings = Mapping[str, Any]


def _checked(settings: Settings) -> tuple[str, str]:
    """Return the command and the output that the settings ask for."""
    from .tables import OUTPUTS

    command, output = str(settings["command"]), str(settings["output"])
    for key, value, known in (("command", command, COMMANDS), ("output", output, OUTPUTS)):
        if value not in (*known, WHOLE):
            raise UsageError(f"unknown {key} {value!r}{suggestion(value, known)} ({key}s: {', '.join(known)})")
    return command, output


def _pools_report(fleets: Callable[[], Mapping[str, Any]], settings: Settings) -> dict[str, Any]:
    from .pools import PoolsRequest, pools_report

    asked: dict[str, Any] = {key: settings[key] for key in PoolsRequest._fields if key in settings}
    asked |= {key: _switch(key, asked[key]) for key in ("apply", "prune") if key in asked}
    return pools_report(fleets(), PoolsRequest(**asked))


def _switch(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{key} must be true or false, not {value!r}")
    return value


def _lock_report(composed: Any, settings: Settings) -> dict[str, Any]:
    from .locking import lock_report

    return lock_report(composed, _dag_files(settings), prune=_switch("prune", settings.get("prune", False)))


def _dag_files(settings: Settings) -> list[str]:
    given = settings.get("dag_files") or []
    return [str(path) for path in (given if isinstance(given, list) else [given])]


def _answer(command: str, composed: Any, overrides: Sequence[str], settings: Settings) -> dict[str, Any]:
    if command == "pools":
        return _pools_report(lambda: {str(composed.source): composed.fleet}, settings)
    if command == "plan":
        from ..hydra.planning import against, plan_report

        other = settings.get("against")
        return plan_report(composed, against(composed, overrides, str(other)) if other else None)
    if command == "port lock":
        return _lock_report(composed, settings)
    if command == "validate":
        from .locking import check_lock

        check_lock(composed, _dag_files(settings))
    from . import reports

    server = {key: str(settings[key]) for key in ("api_url", "api_username") if key in settings}
    report: dict[str, Any] = getattr(reports, f"{command}_report")(composed, settings.get("query") or {}, **server)
    return report


def _print(command: str, report: Mapping[str, Any], output: str, title: str = "") -> int:
    """Print an answer, and return the exit code that it stands for."""
    from .tables import print_report

    print_report(command, report, output, title)
    if command in ("select", "port") and output == "table" and (why := report.get("live", {}).get("why")):
        _say(f"{report['host']} is picked by rendezvous, no load is known: {why}")
    return _DIFFERS if report.get("differs") is True else 0


def _job(source: Path, search: Sequence[Path], root: Any) -> int:
    """Print the answer to the command over one composed config."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    from ..hydra.compose import composed

    OmegaConf.set_readonly(root, value=False)
    OmegaConf.set_struct(root, value=False)
    settings: Any = OmegaConf.to_container(root.pop(_OWN_KEY))
    command, output = _checked(settings)
    hydra = HydraConfig.get()
    overrides = [text for text in hydra.overrides.task if _OWN_KEY not in text]
    title = ", ".join(text.lstrip("+") for text in overrides) if hydra.mode == RunMode.MULTIRUN else ""
    answer = _answer(command, composed(source, root, source.stem, overrides, search), overrides, settings)
    return _print(command, answer, output, title)


def _run(arguments: Arguments, source: Path) -> list[int | Exception]:
    """Run the Hydra app, and return each job's exit code, or what failed in it: Hydra would print it in its own way."""
    import hydra

    from ..files.locate import tree_above
    from ..hydra.compose import forced, without_self_warning

    outcomes = list[int | Exception]()
    above = tree_above(source)

    def job(root: Any) -> None:
        try:
            outcomes.append(_job(source, (source.parent, *above), root))
        except Exception as error:
            outcomes.append(error)

    search = [f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in above)}]"] if above else []
    own = [f"++{_OWN_KEY}.{setting}" for setting in arguments.settings()]
    with tempfile.TemporaryDirectory() as sweep, without_self_warning():
        overrides = [*forced(arguments.overrides, source), *own, *_QUIET, *search, f"hydra.sweep.dir={sweep}"]
        sys.argv = [sys.argv[0], *arguments.flags, *overrides]
        hydra.main(version_base=None, config_path=str(source.parent), config_name=source.stem)(job)()
    return outcomes


def _run_without_source(arguments: Arguments) -> list[int | Exception]:
    """Answer for what Airflow itself syncs; no tree is composed here."""
    from omegaconf import OmegaConf

    from .pools import synced_fleets

    if arguments.overrides:
        raise UsageError(f"{arguments.overrides[0]!r} overrides nothing: no configuration is given")
    settings: Any = OmegaConf.to_container(OmegaConf.from_dotlist(arguments.settings()))
    command, output = _checked(settings)
    return [_print(command, _pools_report(synced_fleets, settings), output)]


def _say(text: str) -> None:
    lines = [line if line.startswith(" ") else f"airflow-balancer: {line}" for line in text.splitlines()]
    sys.stderr.write("\n".join(lines) + "\n")


def _fail(text: str, code: int) -> int:
    _say(text)
    return code


def _failure(error: Exception, source: Path | None) -> int:
    """Print what went wrong; an error that is nobody's configuration is raised again."""
    if isinstance(error, UsageError):
        return _fail(str(error), _MISUSED)
    if isinstance(error, NoMatch | NoFreePort):
        return _fail(f"{source}: {error}", _FAILED)
    if isinstance(error, BalancerError):
        return _fail(str(error), _FAILED)
    from hydra.errors import OverrideParseException

    from ..hydra.explain import CAUSES, explained

    if isinstance(error, OverrideParseException):
        return _fail(f"{error.override!r} is not an override; write key=value", _MISUSED)
    if isinstance(error, CAUSES):
        return _fail(str(explained(error, str(source or "airflow-balancer"))), _FAILED)
    raise error


def _completed(argv: Sequence[str]) -> list[str]:
    """Return the words of the line that is being completed, which Hydra is then given without those that it does not know."""
    line = os.environ.get("COMP_LINE", "")
    words = line.split()[1:]
    if not any(word.startswith("query=") for word in argv) or not words:
        return []
    last = "" if line.endswith(" ") else words.pop()
    if last and "=" not in last:
        known = dict.fromkeys(word for command in COMMANDS for word in command.split())
        sys.stdout.writelines(f"{word}\n" for word in known if word.startswith(last))
    arguments = sort_arguments(words)
    os.environ["COMP_LINE"] = " ".join(["airflow-balancer", *arguments.overrides, last])
    return [str(arguments.source)]


def _main(argv: Sequence[str]) -> int:
    os.environ["HYDRA_FULL_ERROR"] = "1"
    source: Path | None = None
    outcomes: list[int | Exception]
    try:
        arguments = sort_arguments([*argv, *_completed(argv)])
        source = arguments.source
        outcomes = _run(arguments, source) if source else _run_without_source(arguments)
    except Exception as error:
        outcomes = [error]
    failures = [_failure(outcome, source) for outcome in outcomes if isinstance(outcome, Exception)]
    return max(failures or [outcome for outcome in outcomes if isinstance(outcome, int)], default=0)


def main() -> None:
    """Run the command line, and exit with its code."""
    sys.exit(_main(sys.argv[1:]))
