"""`airflow-balancer lock`: writes the lock file, which keeps the hosts of keys and the free ports."""

from __future__ import annotations

from collections import Counter

from .command import Command, Key, Report, Request, UsageError
from .dag_files import DAG_FILES

_PRUNE_SWEEP = "prune drops what nothing in one run requests, so each run of --multirun would undo the others'; give one of the two"


def _answer(request: Request) -> Report:
    from .locking import lock_report

    prune = request.keys.get("prune") is True
    if prune and request.title:
        raise UsageError(_PRUNE_SWEEP)
    return lock_report(request, prune=prune)


def _line(report: Report) -> str:
    changes = Counter(row["change"] for name in ("picks", "ports") for row in report[name])
    counts = ", ".join(f"{changes[change]} {change}" for change in ("added", "moved", "dropped"))
    return f"{report['file']}: {counts}, {report['kept']} kept"


COMMAND = Command(
    name="lock",
    summary="write the hosts and the free ports that are requested into the file that `lock` names",
    help="Every key of the tree and of the DAG files gets an entry with its host, and every request for a free port one with its port.\n"
    "Existing entries stay, also those of other environments. A host changes if it is drained, no longer matches or has more\n"
    "than its bound; a port changes if it is in use by now. Commit the file.",
    example="lock dag_files=dags",
    answer=_answer,
    keys=(DAG_FILES, Key("prune", "true|false", "drop the entries that nothing in this run requests")),
    tables=True,
    line=_line,
)
