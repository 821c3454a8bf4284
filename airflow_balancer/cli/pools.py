"""`airflow-balancer pools`: compares Airflow's pools and connections with the configuration, and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from ..fleet.masking import mask
from .command import Command, Key, Report, Request
from .query import SERVER_KEYS

if TYPE_CHECKING:
    from ..fleet.fleet import Fleet


def _synced() -> dict[str, Fleet]:
    """Return the fleets that this machine's Airflow syncs its pools with, by file."""
    from ..airflow.sync import find_fleets

    fleets, problems = find_fleets()
    if problems:
        raise ConfigurationError(problems)
    return fleets


def _fleets(request: Request, *, others: bool) -> dict[str, Fleet]:
    """Return the request's fleet, and those that Airflow syncs if none is given or `others` are needed, by file."""
    from ..airflow.versions import has_airflow

    if request.source:
        return {**(_synced() if others and has_airflow() else {}), str(request.source): request.composed.fleet}
    if not has_airflow():
        raise ConfigurationError("no configuration is given, and Airflow, which would have some, is not installed here")
    if not (fleets := _synced()):
        raise ConfigurationError("there is no balancer's YAML in the DAGs folder; give one, or name it in [balancer] config_path")
    return fleets


_IMPORTS = ("airflow", "airflowctl")


def _import(fleets: Mapping[str, Fleet], output: str) -> Report:
    """Return the pools of the fleets in the format of `airflow pools import`, or as the list of `airflowctl pools import`."""
    from ..airflow.pools import importable, wanted_pools

    pools = importable(wanted_pools(fleets))
    report = {"pools": pools if output == "airflow" else [{"name": name, **pool} for name, pool in pools.items()]}
    return _masked(report, fleets)


def _masked(report: Report, fleets: Mapping[str, Fleet]) -> Report:
    masked: Report = mask(report, {secret for fleet in fleets.values() for secret in fleet.secrets})
    return masked


def _answer(request: Request) -> Report:
    """Compare the pools and connections of the fleets with Airflow's, and write them if requested.

    Pruning spares the pools of other configurations that this machine's Airflow syncs.
    """
    from ..airflow.pools import pool_rows, wanted_pools
    from ..airflow.target import current_options, open_target

    if (output := str(request.keys.get("output"))) in _IMPORTS:
        return _import(_fleets(request, others=False), output)
    if request.source:
        _ = request.composed.fleet  # report its errors before Airflow is imported, which takes seconds
    options = current_options(api_url=str(request.keys.get("api_url") or ""), api_username=str(request.keys.get("api_username") or ""))
    prune = request.keys.get("prune") is True
    writes = prune or request.keys.get("apply") is True
    fleets = _fleets(request, others=prune and not options.api_url)
    with open_target(options) as target:
        plans = target.apply(fleets, prune=prune) if writes else target.plan(fleets)
    report = {
        "pools": pool_rows(plans.pools, wanted_pools(fleets)),
        "connections": plans.connections.rows(),
        "unchanged": len(plans.pools.unchanged) + len(plans.connections.unchanged),
        "applied": writes,
        "differs": (plans.differs() and not writes) or bool(plans.pools.problems),
        **({"warning": "\n".join(plans.pools.warnings)} if plans.pools.warnings else {}),
    }
    return _masked(report, fleets)


def _line(report: Report) -> str:
    changes = len(report["pools"]) + len(report["connections"])
    if report["differs"]:
        state = "applied, except what the notes say" if report["applied"] else "differ; apply=true writes the above"
    else:
        state = "applied" if report["applied"] else "as configured"
    return f"{report['unchanged']} unchanged, {changes} above: {state}" if changes else f"{report['unchanged']} unchanged: as configured"


COMMAND = Command(
    name="pools",
    summary="compare Airflow's pools and connections with the configuration, and write them",
    help="Without a FILE or a tree: all that Airflow itself syncs. The exit code is 3 if something differs.\n"
    "`prune=true` reads these beside a FILE, too, so that it spares their pools; with `api_url` it reads the FILE alone.\n"
    "With `output=airflow` or `output=airflowctl`, nothing is compared: the pools are printed as the `pools import` of each reads them.",
    example="pools env=prod apply=true",
    answer=_answer,
    keys=(
        Key("apply", "true|false", "write what differs"),
        Key("prune", "true|false", "write what differs, and delete the balancer's pools that no configuration read here wants"),
        *SERVER_KEYS,
        Key("output", "|".join(("table", "json", "yaml", *_IMPORTS)), "how the answer is printed; airflow and airflowctl are to import"),
    ),
    tables=True,
    line=_line,
    warning=lambda report: str(report.get("warning", "")),
    compares=True,
    needs_source=False,
)
