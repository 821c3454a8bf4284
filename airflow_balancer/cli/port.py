"""`airflow-balancer port`: prints a port that is not in use."""

from __future__ import annotations

from .command import Command, Key, Report, Request
from .query import LIVE_HELP, QUERY_KEYS, SERVER_KEYS, key_of, pick, warning_of


def _answer(request: Request) -> Report:
    from ..fleet.model import MAX_PORT
    from ..lock.recorder import locked_ports
    from ..ports.table import DEFAULT_MIN, PortTable, port_number

    fleet, key = request.composed.fleet, key_of(request)
    picked, live = pick(request)
    in_use = [port.port for port in fleet.ports if port.host == picked.name]
    table = PortTable(picked.name, in_use, locked_ports(fleet.settings.lock, picked.name))
    first, last = (
        port_number(name, default if (given := request.keys.get(name)) is None else given)
        for name, default in (("query.min", DEFAULT_MIN), ("query.max", MAX_PORT))
    )
    return {"host": picked.name, "port": table.take(key, first, last), "key": key, **live}


COMMAND = Command(
    name="port",
    summary="print a port that is not in use, on the host that a query picks",
    help=f"Ports under `ports:` and those that the lock file keeps for others are in use.\n{LIVE_HELP}",
    example="port query.name=host1 query.min=9000 query.max=9099 query.key=nightly",
    answer=_answer,
    keys=(*QUERY_KEYS, Key("query.min", "N", "the first port of the range"), Key("query.max", "N", "the last one"), *SERVER_KEYS),
    line=lambda report: f"{report['host']}:{report['port']}",
    warning=warning_of,
)
