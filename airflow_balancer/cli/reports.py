"""What the commands answer, as plain data."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ..errors import ConfigurationError
from ..fleet.fleet import Fleet
from ..fleet.masking import mask_secrets
from ..fleet.messages import unknown_key
from ..fleet.model import MAX_PORT, HostSpec
from ..hydra.compose import Composed
from ..hydra.nodes import walk
from ..hydra.picks import dotted
from ..picking.filters import HostFilter
from ..picking.strategies import LeastLoaded, build_strategy
from ..ports.asks import locked_ports
from ..ports.table import DEFAULT_MIN, PortTable, port_number

__all__ = ("config_report", "credential_of", "port_report", "select_report", "show_report", "validate_report", "whole_report")

Query = Mapping[str, Any]
DEFAULT_KEY = "command line"
_QUERY_KEYS = ("name", "queue", "os", "tag", "min_size", "exclude", "prefer")
_RESOLVER = "${balancer."


def _checked(query: Query, *more: str) -> HostFilter:
    keys = (*_QUERY_KEYS, "key", *more)
    for key in query:
        if key not in keys:
            raise ConfigurationError(f"query: {unknown_key(key, keys)}")
    return HostFilter.of(**{key: value for key, value in query.items() if key in _QUERY_KEYS})


def _pick(composed: Composed, key: str, query: HostFilter, server: Mapping[str, str]) -> tuple[HostSpec, dict[str, Any]]:
    """Return the picked host, and what a report says of the live load that it goes by, if it goes by one."""
    strategy = build_strategy(composed.fleet.settings.strategy)
    if not isinstance(strategy, LeastLoaded):
        return composed.pick(key, query), {}
    from ..airflow.occupancy import live_load

    # Airflow may log to stdout while it is loaded, where the answer goes.
    with redirect_stdout(sys.stderr):
        live = live_load(composed.fleet, **server)
    ranked = strategy.rank(key, composed.fleet.index.candidates(query), live.load)
    shown = {
        "picked_by": "least_loaded" if live.source else "rendezvous",
        "source": live.source or None,
        "why": live.why or None,
        "candidates": [{"name": host.name, "taken": live.load.get(host.name), "size": host.size} for host in ranked],
    }
    return ranked[0], {"live": shown}


def credential_of(host: HostSpec) -> str:
    """Return the kind of a host's credential."""
    if host.password is not None:
        return "password" if isinstance(host.password, str) else f"variable {host.password.key}"
    return "key file" if host.key_file else "default"


def _host(host: HostSpec, *, drains: bool = False, addresses: bool = False) -> dict[str, Any]:
    return {
        "name": host.name,
        **({"address": host.address} if addresses else {}),
        "os": host.os,
        "queues": host.queues,
        "tags": host.tags,
        "size": host.size,
        "pool": host.pool_name,
        "username": host.username,
        "credential": credential_of(host),
        **({"drained": "yes" if host.drain else ""} if drains else {}),
    }


def _written(composed: Composed) -> Any:
    """Return the composed config as plain data, interpolations as written."""
    root = composed.root
    return OmegaConf.to_container(root, resolve=False) if isinstance(root, DictConfig) else root


def _queue(fleet: Fleet, queue: str, key: str) -> dict[str, Any]:
    candidates = [host for host in fleet.hosts if queue in host.queues and not host.drain]
    pick = build_strategy(fleet.settings.strategy).choose(key, candidates, {}).name if candidates else "all drained"
    return {"queue": queue, "hosts": len(candidates), "slots": sum(host.size for host in candidates), "pick": pick}


def asking_nodes(composed: Composed) -> list[dict[str, Any]]:
    """Return every node outside the balancer that asks for a host or a port, with what it gets.

    Raises:
        ConfigurationError: One of them cannot be served.
    """
    found = []
    for path, value in walk(_written(composed)):
        below = composed.path and path[: len(composed.path)] == composed.path
        if isinstance(value, str) and _RESOLVER in value and not below and "balancer.inventory" not in value:
            answer = composed.resolved(path)
            shown = answer.get("name") if isinstance(answer, DictConfig | dict) else answer
            found.append({"asker": dotted(path), "asks": value, "gets": shown})
    return found


def show_report(composed: Composed, query: Query) -> dict[str, Any]:
    """Return the hosts that match, the ports on them, each queue with its pick, and the picks that the config makes."""
    fleet = composed.fleet
    hosts = fleet.index.matching(_checked(query)) if fleet.hosts else []
    names, drains, addresses = {host.name for host in hosts}, any(host.drain for host in hosts), any(host.address for host in hosts)
    queues = sorted({queue for host in hosts for queue in host.queues})
    return {
        "hosts": [_host(host, drains=drains, addresses=addresses) for host in hosts],
        "ports": [{"host": p.host, "port": p.port, "name": p.name, "pool": p.pool, "tags": p.tags} for p in fleet.ports if p.host in names],
        "queues": [_queue(fleet, queue, str(query.get("key", DEFAULT_KEY))) for queue in queues],
        "picks": asking_nodes(composed),
    }


def select_report(composed: Composed, query: Query, **server: str) -> dict[str, Any]:
    """Return the host that is picked for the query, and the candidates.

    Args:
        composed: The configuration.
        query: What is asked.
        server: The API server that knows the live load, for the strategy `least_loaded`; see `live_load`.
    """
    key = str(query.get("key", DEFAULT_KEY))
    asked = _checked(query)
    picked, live = _pick(composed, key, asked, server)
    candidates = [host.name for host in composed.fleet.index.candidates(asked)]
    return {
        "host": picked.name,
        "key": key,
        "candidates": candidates,
        "picked": _host(picked, addresses=bool(picked.address)),
        **live,
    }


def port_report(composed: Composed, query: Query, **server: str) -> dict[str, Any]:
    """Return a port that is neither tracked nor locked for another, on the host that `select_report` has for the query."""
    key = str(query.get("key", DEFAULT_KEY))
    fleet = composed.fleet
    picked, live = _pick(composed, key, _checked(query, "min", "max"), server)
    in_use = [port.port for port in fleet.ports if port.host == picked.name]
    table = PortTable(picked.name, in_use, locked_ports(fleet.settings.port_lock, picked.name))
    first, last = port_number("query.min", query.get("min", DEFAULT_MIN)), port_number("query.max", query.get("max", MAX_PORT))
    return {"host": picked.name, "port": table.take(key, first, last), "key": key, **live}


def validate_report(composed: Composed, query: Query) -> dict[str, Any]:  # noqa: ARG001 (every command takes a query)
    """Return the counts of a configuration that is right in every respect."""
    fleet = composed.fleet
    picks = asking_nodes(composed)
    return {
        "file": str(composed.source),
        "hosts": len(fleet.hosts),
        "slots": sum(host.size for host in fleet.hosts),
        "ports": len(fleet.ports),
        "pools": len(fleet.pools),
        "picks": len(picks),
    }


def config_report(composed: Composed, query: Query) -> dict[str, Any]:  # noqa: ARG001 (every command takes a query)
    """Return the balancer's composed node, secrets masked."""
    masked: dict[str, Any] = mask_secrets(composed.data)
    return masked


def whole_report(composed: Composed, query: Query) -> dict[str, Any]:  # noqa: ARG001 (every command takes a query)
    """Return the whole composed config as written, interpolations unresolved and secrets masked."""
    masked: dict[str, Any] = mask_secrets(_written(composed))
    return masked
