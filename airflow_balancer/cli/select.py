"""`airflow-balancer select`: prints the host that a query picks."""

from __future__ import annotations

from .command import Command, Report, Request
from .dag_files import DAG_FILES
from .query import LIVE_HELP, QUERY_HELP, QUERY_KEYS, SERVER_KEYS, filter_of, key_of, pick, warning_of
from .show import host_row


def _answer(request: Request) -> Report:
    picked, live = pick(request)
    index, query = request.composed.index, filter_of(request)
    return {
        "host": picked.name,
        "key": key_of(request),
        "candidates": [host.name for host in index.candidates(query)],
        "left_out": index.left_out(query).counts,
        "picked": host_row(picked, addresses=bool(picked.address)),
        **live,
    }


COMMAND = Command(
    name="select",
    summary="print the host that a query picks",
    help="Drained hosts are skipped. output=json has the candidates, too, and how many hosts each condition of the query leaves out.\n"
    f"A key of the `dag_files` gets its host there.\n{QUERY_HELP}\n{LIVE_HELP}",
    example="select query.queue=workers query.tag=[gpu,large] query.key=nightly",
    answer=_answer,
    keys=(*QUERY_KEYS, DAG_FILES, *SERVER_KEYS),
    line=lambda report: str(report["host"]),
    warning=warning_of,
)
