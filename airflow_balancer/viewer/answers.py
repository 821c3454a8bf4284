"""What the page shows of configurations: their list, one fleet with the origins of its values, and two environments side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import yaml

from ..errors import BalancerError, ConfigurationError
from ..fleet.strategy import STRATEGIES
from ..hydra.composed import Composed
from ..hydra.nodes import Path as NodePath
from ..hydra.nodes import dotted, node_at
from ..lock.file import lock_at
from .catalogue import Catalogue, UnknownError, relative
from .configuration import Configuration
from .models.fleet import (
    CompareAnswer,
    ComparisonRow,
    ConfigurationRow,
    ConfigurationsAnswer,
    FleetAnswer,
    HostRow,
    LockedRow,
    OriginRow,
    OverviewAnswer,
    OverviewRow,
    PortRow,
    RequestRow,
    SettingPair,
    SettingRow,
    Summary,
)
from .models.picks import MoveRow
from .models.requests import CompareQuery, ConfigurationQuery, NoQuery
from .opened import Opened
from .picks import moves, picks_of

MOST_ORIGINS = 2_000
"""The most origins to list value by value; beyond it, an entry whose values share one origin gets one row."""
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_Origin = tuple[NodePath, Any, str]
_HOST_VALUES = attrgetter(*({"pool": "pool_name", "address": "remote_host"}.get(key, key) for key in HostRow.model_fields))
_PORT_VALUES = attrgetter(*PortRow.model_fields)


def configurations(catalogue: Catalogue, _: NoQuery) -> ConfigurationsAnswer:
    """Return the configurations that may be opened."""
    listing = catalogue.look()
    shown = [
        ConfigurationRow(id=found.id, name=found.name, environments=list(found.environments), environment=found.environment)
        for found in listing.configurations.values()
    ]
    hint = "" if shown else catalogue.hint
    return ConfigurationsAnswer(configurations=shown, strategies=list(STRATEGIES), problems=list(listing.problems), hint=hint)


def overview(catalogue: Catalogue, _: NoQuery) -> OverviewAnswer:
    """Return the size of each configuration in its default environment, or what is wrong with it."""
    return OverviewAnswer(configurations=[_overview_row(catalogue, found) for found in catalogue.look().configurations.values()])


def _overview_row(catalogue: Catalogue, found: Configuration) -> OverviewRow:
    try:
        hosts = catalogue.open(found.id).fleet.hosts
    except (ConfigurationError, UnknownError) as error:
        return OverviewRow(id=found.id, name=found.name, problem=str(error))
    drained, slots = sum(bool(host.drain) for host in hosts), sum(host.size for host in hosts)
    return OverviewRow(id=found.id, name=found.name, hosts=len(hosts), drained=drained, slots=slots)


def fleet(catalogue: Catalogue, query: ConfigurationQuery) -> FleetAnswer:
    """Return the fleet of a configuration, and the file or override that each value comes from."""
    opened = catalogue.open(query.configuration, query.environment)
    found = opened.fleet
    shown = _shown(opened)
    picks, failed = _picks(opened)
    origins = _origins(opened)
    by_key = {path[0]: origin for path, _, origin in origins if path}
    return FleetAnswer(
        name=opened.configuration.name,
        source=opened.configuration.name,
        environment=opened.environment,
        summary=Summary(
            hosts=len(found.hosts),
            slots=sum(host.size for host in found.hosts),
            ports=len(found.ports),
            pools=len(found.pools),
            queues=len({queue for host in found.hosts for queue in host.queues}),
            problems=failed,
            addresses=sum(host.address is not None for host in found.hosts),
        ),
        hosts=shown["hosts"],
        ports=shown["ports"],
        pools=shown["pools"],
        locked=_locked(opened),
        settings=[SettingRow(key=key, value=value, origin=by_key.get(key, "default")) for key, value in shown["settings"].items()],
        yaml=yaml.dump(opened.data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120),
        origins=_listed(opened, origins),
        picks=picks,
    )


def compare(catalogue: Catalogue, query: CompareQuery) -> CompareAnswer:
    """Return two environments of a configuration side by side."""
    left, right = (catalogue.open(query.configuration, side) for side in (query.left, query.right))
    one, other = _shown(left), _shown(right)
    return CompareAnswer(
        left=left.environment,
        right=right.environment,
        hosts=_compared(*({host["name"]: host for host in side["hosts"]} for side in (one, other))),
        ports=_compared(*({f"{port['host']}:{port['port']}": port for port in side["ports"]} for side in (one, other))),
        settings=[SettingPair(key=key, left=value, right=other["settings"][key]) for key, value in one["settings"].items()],
        picks=_moved(left, right),
    )


def _moved(left: Opened, right: Opened) -> list[MoveRow]:
    before, after = (side.guarded(picks_of) for side in (left, right))
    rows = [row.model_dump() for row in moves(before, after, left.fleet, right.fleet)]
    return [MoveRow(**row) for row in right.masked(left.masked(rows))]


def _compared(left: Mapping[str, dict[str, Any]], right: Mapping[str, dict[str, Any]]) -> list[ComparisonRow]:
    def row(name: str) -> ComparisonRow:
        one, other = left.get(name), right.get(name)
        if one is None or other is None:
            return ComparisonRow(name=name, change="added" if one is None else "removed", left=one, right=other, differences=[])
        keys = [key for key in one if one[key] != other[key]]
        return ComparisonRow(name=name, change="changed" if keys else "same", left=one, right=other, differences=keys)

    return [row(name) for name in sorted({**left, **right})]


def _shown(opened: Opened) -> dict[str, Any]:
    """Return a fleet's hosts, ports, named pools and settings as plain data, without secrets."""
    fleet = opened.fleet
    data = {
        "hosts": [dict(zip(HostRow.model_fields, _HOST_VALUES(host), strict=True)) for host in fleet.hosts],
        "ports": [dict(zip(PortRow.model_fields, _PORT_VALUES(port), strict=True)) for port in fleet.ports],
        "pools": [pool.model_dump() for pool in fleet.named_pools],
        # The fleet holds the lock file's absolute path on this machine; the page shows the path as written.
        "settings": {**fleet.settings.model_dump(), "lock": opened.composed.data.get("lock")},
    }
    return opened.masked(data)  # type: ignore[no-any-return]


def _locked(opened: Opened) -> list[LockedRow]:
    """Return the ports in the lock file; an empty list if the file is invalid, which requests for a port report."""
    if not (lock := opened.fleet.settings.lock):
        return []
    try:
        entries = opened.guarded(lambda _: lock_at(Path(lock)).ports)
    except ConfigurationError:
        return []
    return [LockedRow(**row) for row in opened.masked([{key: getattr(entry, key) for key in LockedRow.model_fields} for entry in entries])]


def _origins(opened: Opened) -> list[_Origin]:
    """Return each value of the balancer's node with its path there, masked, and the file or override that it comes from."""
    composed, configuration = opened.composed, opened.configuration
    found = composed.origins.below(composed.path, opened.data)
    named = [origin for origin in dict.fromkeys(origin for _, _, origin in found) if origin]
    shown = opened.masked([relative(origin, configuration.roots) for origin in named])
    names = {**dict(zip(named, shown, strict=True)), "": "default" if composed.origins.files() else configuration.name}
    return [(path[len(composed.path) :], value, names[origin]) for path, value, origin in found]


def _listed(opened: Opened, rows: Sequence[_Origin]) -> list[OriginRow]:
    if len(rows) > MOST_ORIGINS:
        rows = list(_by_entry(opened, rows))
    paths = [dotted((*opened.composed.path, *path)) for path, _, _ in rows]
    return [OriginRow(path=path, value=_text(value), origin=origin) for path, (_, value, origin) in zip(paths, rows, strict=True)]


def _by_entry(opened: Opened, rows: Iterable[_Origin]) -> Iterator[_Origin]:
    """Yield the rows, merged to one for each host or port whose values share one origin."""
    groups: dict[NodePath, list[_Origin]] = {}
    for row in rows:
        groups.setdefault(row[0][:2], []).append(row)
    for path, group in groups.items():
        if len({origin for _, _, origin in group}) > 1:
            yield from group
        else:
            yield path, node_at(opened.data, path), group[0][2]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _picks(opened: Opened) -> tuple[list[RequestRow], int]:
    """Return a row for each node outside of the balancer that requests a host or a port, and the number of failed requests."""
    rows = opened.guarded(Composed.outcomes)
    for row in rows:
        row["problem"] = isinstance(row["gets"], BalancerError)
        row["gets"] = relative(str(row["gets"]), opened.configuration.roots) if row["problem"] else str(row["gets"])
    return [RequestRow(**row) for row in opened.masked(rows)], sum(row["problem"] for row in rows)
