"""What the page shows of a configuration: its fleet, its values' origins, a query's pick, two environments compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from ..errors import BalancerError
from ..fleet.model import HostSpec, PortSpec, Settings
from ..fleet.strategy import STRATEGIES
from ..hydra.composed import Composed
from ..hydra.origins import dotted, node_at
from .catalogue import Catalogue, relative
from .models import (
    CompareAnswer,
    CompareQuery,
    ComparisonRow,
    ConfigurationQuery,
    ConfigurationRow,
    ConfigurationsAnswer,
    FleetAnswer,
    HostRow,
    NoQuery,
    OriginRow,
    PortRow,
    RequestRow,
    SettingPair,
    SettingRow,
    Summary,
)
from .opened import Opened

MOST_ORIGINS = 2_000
"""The most origins that are listed value by value; of more, those of one entry are one where they are the same."""
_RESOLVER = "${balancer."
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def configurations(catalogue: Catalogue, _: NoQuery) -> ConfigurationsAnswer:
    """Return the configurations that may be opened."""
    listing = catalogue.look()
    shown = [
        ConfigurationRow(id=found.id, name=found.name, environments=list(found.environments), environment=found.environment)
        for found in sorted(listing.configurations.values(), key=lambda found: found.name)
    ]
    hint = "" if shown else catalogue.hint
    return ConfigurationsAnswer(configurations=shown, strategies=list(STRATEGIES), problems=list(listing.problems), hint=hint)


def fleet(catalogue: Catalogue, query: ConfigurationQuery) -> FleetAnswer:
    """Return the fleet of a configuration, and where it comes from."""
    opened = catalogue.open(query.configuration, query.environment)
    found = opened.fleet
    picks, failed = _picks(opened)
    origins = {path: (value, origin) for path, value, origin in _origins(opened)}
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
        hosts=_hosts(opened),
        ports=_ports(opened),
        settings=_settings(opened, {path[0]: origin for path, (_, origin) in origins.items() if path}),
        yaml=_yaml(opened),
        origins=_listed(opened, origins),
        picks=picks,
    )


def compare(catalogue: Catalogue, query: CompareQuery) -> CompareAnswer:
    """Return two environments of a configuration, each host and port on both sides."""
    left, right = (catalogue.open(query.configuration, side) for side in (query.left, query.right))
    settings = zip(_settings(left, {}), _settings(right, {}), strict=True)
    return CompareAnswer(
        left=left.environment,
        right=right.environment,
        hosts=_compared({host.name: host.model_dump() for host in _hosts(left)}, {host.name: host.model_dump() for host in _hosts(right)}),
        ports=_compared(*({f"{port.host}:{port.port}": port.model_dump() for port in _ports(side)} for side in (left, right))),
        settings=[SettingPair(key=one.key, left=one.value, right=other.value) for one, other in settings],
    )


def _compared(left: Mapping[str, dict[str, Any]], right: Mapping[str, dict[str, Any]]) -> list[ComparisonRow]:
    def row(name: str) -> ComparisonRow:
        one, other = left.get(name), right.get(name)
        if one is None or other is None:
            return ComparisonRow(name=name, change="added" if one is None else "removed", left=one, right=other, differences=[])
        keys = [key for key in one if one[key] != other[key]]
        return ComparisonRow(name=name, change="changed" if keys else "same", left=one, right=other, differences=keys)

    return [row(name) for name in sorted({**left, **right})]


def _host(host: HostSpec) -> dict[str, Any]:
    return {
        **{key: getattr(host, key) for key in ("name", "os", "queues", "tags", "size", "username", "drain")},
        "credential": host.credential,
        "pool": host.pool_name,
        "address": host.remote_host,
    }


def _hosts(opened: Opened) -> list[HostRow]:
    return [HostRow(**host) for host in opened.masked([_host(host) for host in opened.fleet.hosts])]


def _port(port: PortSpec) -> dict[str, Any]:
    return {"host": port.host, "port": port.port, "name": port.name, "pool": port.pool, "tags": port.tags}


def _ports(opened: Opened) -> list[PortRow]:
    return [PortRow(**port) for port in opened.masked([_port(port) for port in opened.fleet.ports])]


def _settings(opened: Opened, origins: Mapping[Any, str]) -> list[SettingRow]:
    values = {key: _plain(getattr(opened.fleet.settings, key)) for key in Settings.model_fields}
    # The fleet knows where the lock file is on this machine, which is not for showing.
    values = opened.masked({**values, "port_lock": opened.composed.data.get("port_lock")})
    return [SettingRow(key=key, value=value, origin=origins.get(key, "default")) for key, value in values.items()]


def _plain(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value


def _yaml(opened: Opened) -> str:
    return str(yaml.dump(opened.data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


def _origins(opened: Opened) -> Iterator[tuple[tuple[Any, ...], Any, str]]:
    """Yield each value of the balancer's node by its path there, masked, with the file or override that it comes from."""
    composed, configuration = opened.composed, opened.configuration
    names = {"": "default" if composed.origins.files() else configuration.name}
    for path, value, origin in composed.origins.each(composed.path, opened.data):
        if origin not in names:
            names[origin] = opened.masked(relative(origin, configuration.roots))
        yield path[len(composed.path) :], value, names[origin]


def _listed(opened: Opened, origins: Mapping[tuple[Any, ...], tuple[Any, str]]) -> list[OriginRow]:
    rows = [(path, value, origin) for path, (value, origin) in origins.items()]
    if len(rows) > MOST_ORIGINS:
        rows = list(_by_entry(opened, rows))
    base = opened.composed.path
    return [OriginRow(path=dotted((*base, *path)), value=_text(value), origin=origin) for path, value, origin in rows]


def _by_entry(opened: Opened, rows: Sequence[tuple[tuple[Any, ...], Any, str]]) -> Iterator[tuple[tuple[Any, ...], Any, str]]:
    """Yield one row for each host or port whose values have one origin."""
    groups: dict[tuple[Any, ...], list[tuple[tuple[Any, ...], Any, str]]] = {}
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
    """Return every node outside of the balancer that requests a host or a port, and how many of them get none."""

    def requests(composed: Composed) -> Iterator[tuple[bool, dict[str, str]]]:
        for path, value in composed.requesting_nodes():
            try:
                yield True, {"requester": dotted(path), "request": value, "gets": str(composed.gets(path))}
            except BalancerError as error:
                yield False, {"requester": dotted(path), "request": value, "gets": relative(str(error), opened.configuration.roots)}

    found = opened.guarded(lambda composed: list(requests(composed)))
    rows = opened.masked([row for _, row in found])
    return [RequestRow(**row) for row in rows], sum(not served for served, _ in found)


def _written(root: Mapping[Any, Any]) -> Any:
    return OmegaConf.to_container(root, resolve=False) if isinstance(root, DictConfig) else root
