"""`airflow-balancer port lock`: the lock file that keeps free ports."""

from __future__ import annotations

from .command import Command, Key, Report, Request, UsageError
from .dag_files import DAG_FILES, paths_of

_PRUNE_SWEEP = "prune drops what nothing in one run requests, so each run of --multirun would undo the others'; give one of the two"


def _answer(request: Request) -> Report:
    from .locking import lock_report

    prune = request.keys.get("prune") is True
    if prune and request.title:
        raise UsageError(_PRUNE_SWEEP)
    return lock_report(request.composed, paths_of(request), prune=prune)


def _line(report: Report) -> str:
    return f"{report['file']}: {len(report['added'])} added, {len(report['dropped'])} dropped, {report['kept']} kept"


COMMAND = Command(
    name="port lock",
    summary="write the free ports that are requested into the file that `port_lock` names",
    help="Every `${balancer.free_port:...}` of the tree gets an entry, and every free_port() of the DAG files. Existing entries stay,\n"
    "also those of other environments, unless their port is in use by now. Commit the file.",
    example="port lock dag_files=dags",
    answer=_answer,
    keys=(DAG_FILES, Key("prune", "true|false", "drop the entries that nothing in this run requests")),
    tables=True,
    line=_line,
)
