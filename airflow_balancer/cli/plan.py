"""`airflow-balancer plan`: lists every pick, each host's load, and what a change would move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .command import OUTPUT, Command, Key, Report, Request
from .dag_files import DAG_FILES

if TYPE_CHECKING:
    from .against import Comparison
    from .picks import Survey


def _pick_rows(survey: Survey) -> list[dict[str, Any]]:
    from ..picking.reasons import reason_of_pick

    strategy = survey.place.composed.strategy
    return [
        {
            "requester": pick.key,
            "file": file or None,
            "query": pick.query,
            "candidates": len(pick.candidates),
            "host": pick.host,
            "why": reason_of_pick(pick, strategy),
        }
        for file, pick in survey.picks
    ]


def _loads(survey: Survey) -> dict[str, dict[str, Any]]:
    """Return each host's size, picks, fair share of all picks, and load, which is picks over fair share."""
    from ..picking.picked import loads

    made = loads(pick for _, pick in survey.picks)
    return {host.name: _load(host.size, *made.get(host.name, (0, 0.0))) for host in survey.place.composed.fleet.hosts}


def _load(size: int, picks: int, fair: float) -> dict[str, Any]:
    return {"size": size, "picks": picks, "fair": round(fair, 2), "load": round(picks / fair, 2) if fair else None}


def _load_rows(surveys: Sequence[tuple[str, Survey]]) -> list[dict[str, Any]]:
    """Return a row for each host with its load in each survey. The survey's name is the prefix of the columns."""
    loads = {name: _loads(survey) for name, survey in surveys}
    hosts = dict.fromkeys(host for load in loads.values() for host in load)
    empty = dict.fromkeys(("size", "picks", "fair", "load"))
    return [
        {"host": host, **{f"{name}{key}": value for name, load in loads.items() for key, value in load.get(host, empty).items()}}
        for host in hosts
    ]


def _file_rows(surveys: Sequence[tuple[str, Survey]]) -> list[dict[str, Any]]:
    """Return a row for the configuration and for each DAG file, with the number of their picks."""
    from .picks import short_path

    source = short_path(surveys[0][1].place.source)
    rows: dict[str, dict[str, Any]] = {}
    for name, survey in surveys:
        counts = {source: (len(survey.picks) - len(survey.of_files), 0), **survey.files}
        for file, (own, others) in counts.items():
            rows.setdefault(file, {"file": file}).update({f"{name}picks": own, f"{name}elsewhere": others or None})
    columns = [f"{name}{key}" for name, _ in surveys for key in ("picks", "elsewhere")]
    return [{"file": file, **{column: row.get(column) for column in columns}} for file, row in rows.items()]


def _change(comparison: Comparison) -> dict[str, Any]:
    from .moves import moves

    before, after, _ = comparison
    sides = [("before_", before), ("after_", after)]
    rows = moves(before, after)
    return {
        "before": _side(before),
        "after": _side(after),
        "picks": _pick_rows(comparison.own),
        "load": _load_rows(sides),
        "files": _file_rows(sides),
        "moves": rows,
        "differs": bool(rows),
    }


def _side(survey: Survey) -> str:
    from .picks import short_path

    return " ".join([short_path(survey.place.composed.source), *survey.place.overrides])


def _answer(request: Request) -> Report:
    from ..fleet.masking import mask
    from .against import compare
    from .picks import survey_of

    if not (against := request.keys.get("against")):
        own = survey_of(request)
        return {"picks": _pick_rows(own), "load": _load_rows([("", own)]), "files": _file_rows([("", own)])}
    comparison = compare(request, against)
    masked: Report = mask(_change(comparison), comparison.before.place.composed.secrets | comparison.after.place.composed.secrets)
    return masked


def _looked_at(report: Report) -> str:
    """Return how many picks there are, and what made them."""
    source, *dag_files = (row["file"] for row in report["files"])
    of_files = f"and {_counted(len(dag_files), 'DAG file')}" if dag_files else "(no dag_files given)"
    return f"{_counted(len(report['picks']), 'pick')} of {source} {of_files}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _changes(report: Report) -> str:
    """Return how many picks move, are new and are gone."""
    from .moves import GONE, MOVED, NEW

    counts = Counter(row["change"] for row in report["moves"])
    return ", ".join(f"{counts[change]} {change}" for change in (MOVED, NEW, GONE))


def _line(report: Report) -> str:
    if "moves" not in report:
        return _looked_at(report)
    return f"before: {report['before']}\nafter: {report['after']}\n{_looked_at(report)}; {_changes(report)}"


def _markdown(report: Report) -> str:
    from .plan_markdown import markdown

    return markdown(report, _looked_at(report), _changes(report) if "moves" in report else "")


COMMAND = Command(
    name="plan",
    summary="every pick that is made, each host's load, and what a change would move",
    help="Each pick is listed with its requester, the number of candidates, and why it is this host. A host's load is its picks over\n"
    "its fair share, its part of the candidates' sizes. `files` is what was looked at: the configuration, and the DAG files under\n"
    "`dag_files`, each run in its own process; `elsewhere` counts their picks over other configurations.\n"
    "`against` compares. Overrides are a change of this configuration. A file or a folder is what there was before; a folder, such as\n"
    "a git worktree, has its configuration and DAG files at the same paths as the working directory.\n"
    "The exit code is 0 if no pick differs, 3 if one moves, is new or is gone, 1 if a configuration or a DAG file is wrong,\n"
    "2 for wrong usage, such as a comparison without any pick. With `strategy=least_loaded`, no live load is read: rendezvous picks.",
    example="plan dag_files=dags against=../main output=markdown",
    answer=_answer,
    keys=(
        DAG_FILES,
        Key("against", "WHAT", "overrides such as env=prod, or a [list]; or what there was before: a file or folder"),
        Key("output", f"{OUTPUT.value}|markdown", f"{OUTPUT.help}, markdown for a comment in a pull request"),
    ),
    tables=True,
    line=_line,
    markdown=_markdown,
    compares=True,
)
