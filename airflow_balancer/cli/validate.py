"""`airflow-balancer validate`: checks a configuration, its picks and its lock file."""

from __future__ import annotations

from .command import Command, Report, Request
from .dag_files import DAG_FILES


def _answer(request: Request) -> Report:
    from .locking import check_lock

    composed, fleet = request.composed, request.composed.check()
    survey = check_lock(request)
    return {
        "file": str(composed.source),
        "hosts": len(fleet.hosts),
        "slots": sum(host.size for host in fleet.hosts),
        "ports": len(fleet.ports),
        "pools": len(fleet.pools),
        "picks": len(survey.rows),
        **({"not_imported": foreign} if (foreign := composed.foreign_targets()) else {}),
    }


def _line(report: Report) -> str:
    counts = ((value, key) for key, value in report.items() if isinstance(value, int))
    return "valid: " + ", ".join(f"{count} {noun.removesuffix('s') if count == 1 else noun}" for count, noun in counts)


def _warning(report: Report) -> str:
    foreign = report.get("not_imported", ())
    return "\n".join(f"{target} is of another package, and not imported here: `load` says whether it is right" for target in foreign)


COMMAND = Command(
    name="validate",
    summary="check the configuration, every pick in it, and its lock file",
    help="Every host, port and key is checked, every request in the tree is served once, and the DAG files under `dag_files` are run.\n"
    "A `_target_` of a balancer, host or port must be one; a class of another package is not imported, and only named.\n"
    "The lock file that `lock` names must cover every requested host and free port; it may keep no port that is in use.",
    example="validate --multirun env=dev,staging,prod",
    answer=_answer,
    keys=(DAG_FILES,),
    line=_line,
    warning=_warning,
)
