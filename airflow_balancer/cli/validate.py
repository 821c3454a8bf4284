"""`airflow-balancer validate`: whether a configuration is right in every respect."""

from __future__ import annotations

from .command import Command, Report, Request
from .dag_files import DAG_FILES, paths_of
from .picks import request_rows


def _answer(request: Request) -> Report:
    from .locking import check_lock

    composed, fleet = request.composed, request.composed.fleet
    check_lock(composed, paths_of(request) if fleet.settings.port_lock else ())
    return {
        "file": str(composed.source),
        "hosts": len(fleet.hosts),
        "slots": sum(host.size for host in fleet.hosts),
        "ports": len(fleet.ports),
        "pools": len(fleet.pools),
        "picks": len(request_rows(request)),
    }


def _line(report: Report) -> str:
    return "valid: " + ", ".join(f"{value} {key}" for key, value in report.items() if key != "file")


COMMAND = Command(
    name="validate",
    summary="check the configuration, every pick in it, and its lock file",
    help="Every host, port and key is checked, every request in the tree is served once, and the DAG files under `dag_files` are run.\n"
    "The lock file that `port_lock` names must cover every requested free port and keep none that is in use.",
    example="validate --multirun env=dev,staging,prod",
    answer=_answer,
    keys=(DAG_FILES,),
    line=_line,
)
