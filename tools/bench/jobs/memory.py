"""Memory: each job is alone in its process, and returns one sample."""

from __future__ import annotations

import gc
import resource
import tracemalloc
from collections.abc import Callable
from typing import Any

from ..fleets import balancer_data
from ..worker import Setting

__all__ = ("peak", "per_host", "plain_peak", "plain_per_host")


def _validate() -> Callable[[Any], Any]:
    from airflow_balancer import BalancerConfiguration

    validate: Callable[[Any], Any] = BalancerConfiguration.model_validate
    validate(balancer_data(3, 3))
    return validate


def _plain() -> Callable[[Any], Any]:
    from ..plain import PlainFleet

    PlainFleet.model_validate(balancer_data(3, 3))
    return PlainFleet.model_validate


def peak(setting: Setting) -> list[float]:
    """Bytes that were resident at most, Airflow's included."""
    return _peak(setting, _validate())


def plain_peak(setting: Setting) -> list[float]:
    """The same of a process with bare models, and no Airflow."""
    return _peak(setting, _plain())


def per_host(setting: Setting) -> list[float]:
    """Bytes that the objects keep, by host."""
    return _per_host(setting, _validate())


def plain_per_host(setting: Setting) -> list[float]:
    """The same of bare models."""
    return _per_host(setting, _plain())


def _peak(setting: Setting, validate: Callable[[Any], Any]) -> list[float]:
    kept = validate(balancer_data(setting.hosts, setting.ports))
    del kept
    return [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0]


def _per_host(setting: Setting, validate: Callable[[Any], Any]) -> list[float]:
    """What is kept once the data is gone: texts that the objects share with it count, as they would after a load."""
    gc.collect()
    tracemalloc.start()
    kept = validate(balancer_data(setting.hosts, setting.ports))
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return [size / setting.hosts]
