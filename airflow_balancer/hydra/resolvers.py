"""Resolvers that pick hosts and ports while a configuration is composed.

    ${balancer.host:{queue:workers,os:ubuntu}}     a host, which `instantiate` makes an object
    ${balancer.name:{queue:workers}}               its name
    ${balancer.address:{queue:workers}}            its address, else its name as its SSH hook connects to it
    ${balancer.hosts:{queue:workers}}              all hosts that match, for `hosts` of a BalancedSSHTask
    ${balancer.pool:{queue:workers}}               the name of its pool
    ${balancer.pool:{pool:warehouse}}              the name of a pool under `pools:`, which must exist
    ${balancer.port:web}                           the number of a tracked port
    ${balancer.free_port:{host:host1,min:9000}}    a port of that host that nothing else uses
    ${balancer.inventory:hosts.yaml}               a table from a separate file

A query is a name, or a mapping with the keys of `HostFilter` (for ports, `PortFilter`), with `key` for the
requester, and with `balancer` for the path of a balancer that is not found by itself. A list means any of its
patterns; under `all_tags` it means every one.

Every Hydra app imports this module, so `picks`, which answers, is imported at the first request.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from omegaconf import DictConfig, OmegaConf

NAMES = ("host", "name", "address", "hosts", "pool", "port", "free_port", "inventory")
OWN_KEYS = {
    "key": "the requester; default: the path of the nearest enclosing node with a `_target_`, else of its parent",
    "balancer": "the path of the balancer; default: `extensions.balancer`, else `balancer`",
    "pool": "the name of a pool, instead of a query",
    "host": "the host's name, or the host itself, instead of a query",
    "min": "the first port that may be given; default: 1000",
    "max": "the last port that may be given; default: 65535",
}
"""The keys of a resolver's mapping beyond those of the query."""


def register_resolvers() -> None:
    """Register the `balancer.*` resolvers with OmegaConf; a second call changes nothing."""
    for name in NAMES:
        if not OmegaConf.has_resolver(f"balancer.{name}"):
            OmegaConf.register_new_resolver(f"balancer.{name}", _inventory if name == "inventory" else partial(_resolve, name))


def _resolve(name: str, query: Any = None, *, _node_: Any, _root_: DictConfig) -> Any:
    from .picks import answer

    return answer(name, query, _node_, _root_)


def _inventory(name: str) -> list[Any]:
    from ..files.locate import read_inventory

    return read_inventory(name)
