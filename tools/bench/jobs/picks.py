"""Queries, picks and free ports, over objects that are there already."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any

from ..fleets import PORT_RANGE, balancer_data, crowded_data
from ..worker import Setting, timed

__all__ = ("filter_hosts", "free_port_empty", "free_port_full", "free_port_half", "resolve", "select_first", "select_repeated")

_ASKS = 1_000


@cache
def _balancer(setting: Setting) -> Any:
    from airflow_balancer import BalancerConfiguration

    return BalancerConfiguration.model_validate(balancer_data(setting.hosts, setting.ports))


@cache
def _crowded(setting: Setting) -> Any:
    from airflow_balancer import BalancerConfiguration

    return BalancerConfiguration.model_validate(crowded_data(setting.hosts, setting.ports))


def select_first(setting: Setting) -> list[float]:
    """Seconds of a query that was not asked before."""
    balancer, number = _balancer(setting), count()

    def fresh() -> list[str]:
        return [f"rack{next(number) % 50}", f"no{next(number)}*", "site3"]

    return timed(setting, lambda tags: balancer.select_host(queue="workers", tag=tags), fresh)


def select_repeated(setting: Setting) -> list[float]:
    """Seconds of a query that was asked before."""
    balancer = _balancer(setting)
    balancer.select_host(queue="workers", os="ubuntu")
    return timed(setting, lambda _: balancer.select_host(queue="workers", os="ubuntu"))


def filter_hosts(setting: Setting) -> list[float]:
    """Seconds of a query with patterns of several keys."""
    balancer = _balancer(setting)
    return timed(setting, lambda _: balancer.filter_hosts(name=["host*"], queue="work*", os="[du]*", tag=["rack1*", "site[0-2]"]))


def free_port_empty(setting: Setting) -> list[float]:
    """Seconds of a free port where the range is empty."""
    return _free_port(setting, "empty")


def free_port_half(setting: Setting) -> list[float]:
    """Seconds of a free port where half the range is tracked."""
    return _free_port(setting, "half")


def free_port_full(setting: Setting) -> list[float]:
    """Seconds of a free port where nearly all of the range is tracked."""
    return _free_port(setting, "full")


def _free_port(setting: Setting, name: str) -> list[float]:
    balancer = _crowded(setting)
    host = next(host for host in balancer.hosts if host.name == name)
    first, last = PORT_RANGE
    return timed(setting, lambda _: balancer.free_port(host, first, last))


def resolve(setting: Setting) -> list[float]:
    """Seconds in which a composed config with so many asks is resolved."""
    from omegaconf import OmegaConf

    from airflow_balancer.hydra.resolvers import register_resolvers

    register_resolvers()
    asks = {
        f"task{number:04d}": {"pool": f"${{balancer.pool:{{queue:queue{number % min(20, setting.hosts)}}}}}"} for number in range(_ASKS)
    }
    data = {"balancer": balancer_data(setting.hosts, setting.ports), "tasks": asks}

    def tasks(root: Any) -> object:
        return OmegaConf.to_container(root.tasks, resolve=True)

    return timed(setting, tasks, lambda: OmegaConf.create(data))
