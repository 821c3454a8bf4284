"""Reads the keys of a query, and picks a host by it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..picking.choice import DEFAULT_KEY
from ..picking.filters import HostFilter
from .command import Key, Report, Request
from .dag_files import paths_of
from .picks import survey_of

if TYPE_CHECKING:
    from ..fleet.model import HostSpec


_HELP = {
    "name": "the host's name",
    "queue": "one of its queues",
    "os": "its operating system",
    "tag": "one of its tags",
    "all_tags": "tags of which it must have every one",
    "min_size": "the smallest size, in slots",
    "exclude": "names that are not wanted",
    "prefer": "names or tags to prefer among the hosts that match",
}
_FILTER_FIELDS = [field for field in fields(HostFilter) if field.name != "custom"]
QUERY_KEYS = (
    *(Key(f"query.{field.name}", "N" if "int" in str(field.type) else "PATTERN", _HELP[field.name]) for field in _FILTER_FIELDS),
    Key("query.key", "NAME", "identifies the requester; equal keys get the same host"),
)
SERVER_KEYS = (
    Key("api_url", "URL", "Airflow's API server; without it, the metadata database of the Airflow on this machine"),
    Key("api_username", "NAME", "the user there; its password is in AIRFLOW__BALANCER__API_PASSWORD"),
)
QUERY_HELP = (
    "A query takes shell patterns. A list means any of them, such as query.tag=[gpu,large]; under query.all_tags it means every one."
)
LIVE_HELP = """With `strategy=least_loaded`, Airflow is asked how full the hosts' pools are now. Without an answer in two
seconds, rendezvous picks, and stderr says so."""


def filter_of(request: Request) -> HostFilter:
    """Return the filter of a request's query."""
    given = {field.name: request.keys.get(f"query.{field.name}") for field in _FILTER_FIELDS}
    return HostFilter.of(**given)


def key_of(request: Request) -> str:
    """Return the key of a request's query."""
    return str(request.keys.get("query.key") or DEFAULT_KEY)


def pick(request: Request) -> tuple[HostSpec, dict[str, Any]]:
    """Return the picked host, and the report's part about the live load if the strategy uses it."""
    from ..picking.strategies import LeastLoaded

    composed, key, query = request.composed, key_of(request), filter_of(request)
    strategy = composed.strategy
    if not isinstance(strategy, LeastLoaded):
        assigned = survey_of(request).assigned if paths_of(request) else {}
        return composed.pick(key, query, assigned), {}
    from ..airflow.occupancy import live_load

    server = {name: str(request.keys[name]) for name in ("api_url", "api_username") if request.keys.get(name)}
    live = live_load(composed.fleet, **server)
    ranked = strategy.rank(key, composed.index.candidates(query), live.load)
    shown = {
        "picked_by": "least_loaded" if live.source else "rendezvous",
        "source": live.source or None,
        "why": live.why or None,
        "candidates": [{"name": host.name, "taken": live.load.get(host.name), "size": host.size} for host in ranked],
    }
    return ranked[0], {"live": shown}


def warning_of(report: Report) -> str:
    """Return a warning if the strategy needs the live load and it is unknown."""
    why = report.get("live", {}).get("why")
    return f"{report['host']} is picked by rendezvous, no load is known: {why}" if why else ""
