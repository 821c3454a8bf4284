"""Strategies as written in YAML, checked without importing or building one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import listing, suggestion
from .masking import shown

CLASSES = {"rendezvous": "Rendezvous", "bounded": "Bounded", "least_loaded": "LeastLoaded", "random": "Random"}
"""This package's strategies: the name of each in YAML, and its class."""
STRATEGIES = tuple(CLASSES)
OPTIONS: Mapping[str, Mapping[str, float]] = {"Bounded": {"c": 1}, "LeastLoaded": {"deadline": 0.1}}
"""The options of the classes that have any, each with its smallest value."""
TARGETS = {f"{module}.{cls}": cls for module in ("airflow_balancer.strategies", "airflow_balancer") for cls in CLASSES.values()}
"""The class that each `_target_` of this package means."""


def is_own_target(target: object) -> bool:
    """Return whether a `_target_` is a strategy of this package."""
    return str(target) in TARGETS


def check_strategy(strategy: object) -> str:
    """Return what is wrong with a strategy as written, or an empty string."""
    if hasattr(strategy, "choose"):
        return ""
    name = strategy.get("_target_") if isinstance(strategy, Mapping) else strategy
    if not isinstance(name, str) or not name:
        return f"key 'strategy' must be one of {listing(CLASSES)}, or a mapping with a _target_, not {shown(strategy)}"
    if isinstance(strategy, Mapping) and (wrong := _check_options(name, strategy)):
        return wrong
    if name in CLASSES or name in TARGETS or (isinstance(strategy, Mapping) and not name.startswith("airflow_balancer.")):
        return ""
    return f"key 'strategy': unknown strategy {shown(name)}{suggestion(name, [*CLASSES, *TARGETS])} (strategies: {listing(CLASSES)})"


def _check_options(target: str, strategy: Mapping[Any, object]) -> str:
    if others := [key for key in strategy if not isinstance(key, str)]:
        return f"key 'strategy': option {others[0]!r} of {target} must be a string; put it in quotes"
    if target not in TARGETS:
        return ""
    cls = TARGETS[target]
    known = OPTIONS.get(cls, {})
    given = {key: value for key, value in strategy.items() if key != "_target_"}
    if unknown := sorted(given.keys() - known.keys()):
        return f"key 'strategy': {target} has no option {unknown[0]!r} (options: {listing(known)})"
    return next(filter(None, (option_problem(cls, key, value) for key, value in given.items())), "")


def option_problem(cls: str, key: str, value: object) -> str:
    """Return what is wrong with the value of an option, or an empty string."""
    least = OPTIONS[cls][key]
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value < math.inf:
        return ""
    return f"key 'strategy': {key} must be a number from {least}, not {shown(value)}"
