"""`airflow-balancer show`: lists hosts, ports, queues, further pools and picks."""

from __future__ import annotations

from glob import escape
from typing import TYPE_CHECKING, Any

from ..errors import NoMatch
from ..picking.filters import HostFilter
from .command import Command, Report, Request
from .dag_files import DAG_FILES
from .picks import survey_of
from .query import QUERY_HELP, QUERY_KEYS, filter_of, key_of

if TYPE_CHECKING:
    from ..fleet.model import HostSpec
    from ..hydra.composed import Composed


def host_row(host: HostSpec, *, drains: bool = False, addresses: bool = False) -> dict[str, Any]:
    """Return a host's row, without secrets."""
    return {
        "name": host.name,
        **({"address": host.address} if addresses else {}),
        "os": host.os,
        "queues": host.queues,
        "tags": host.tags,
        "size": host.size,
        "pool": host.pool_name,
        "username": host.username,
        "credential": host.credential,
        **({"drained": "yes" if host.drain is True else host.drain or ""} if drains else {}),
    }


def _queue_row(composed: Composed, queue: str, key: str) -> dict[str, Any]:
    candidates = [host for host in composed.fleet.hosts if queue in host.queues and not host.drain]
    try:
        pick = composed.pick(key, HostFilter.of(queue=escape(queue))).name
    except NoMatch:
        pick = "all drained"
    return {"queue": queue, "hosts": len(candidates), "slots": sum(host.size for host in candidates), "key": key, "pick": pick}


def _answer(request: Request) -> Report:
    composed, fleet = request.composed, request.composed.fleet
    hosts = composed.index.matching(filter_of(request)) if fleet.hosts else []
    names, drains, addresses = {host.name for host in hosts}, any(host.drain for host in hosts), any(host.address for host in hosts)
    queues, key = sorted({queue for host in hosts for queue in host.queues}), key_of(request)
    return {
        "hosts": [host_row(host, drains=drains, addresses=addresses) for host in hosts],
        "ports": [{"host": p.host, "port": p.port, "name": p.name, "pool": p.pool, "tags": p.tags} for p in fleet.ports if p.host in names],
        "queues": [_queue_row(composed, queue, key) for queue in queues],
        "pools": [pool.model_dump() for pool in fleet.named_pools],
        "picks": survey_of(request).rows,
    }


COMMAND = Command(
    name="show",
    summary="hosts, ports, queues, further pools and picks (the default)",
    help="A query limits the hosts, their ports and their queues. Each queue is shown with the host that a key gets of it, `query.key=`.\n"
    f"{QUERY_HELP}\n"
    "With `strategy=least_loaded`, no live load is read: rendezvous picks, as while a DAG file is parsed.",
    example="show env=prod query.queue=workers",
    answer=_answer,
    keys=(*QUERY_KEYS, DAG_FILES),
    tables=True,
)
