"""Pools and Variables for tests of DAGs, without a metadata database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import MagicMock

from airflow_pydantic import testing

__all__ = ("pools", "variables")


@contextmanager
def pools(return_value: Any = None, side_effect: Callable[..., Any] | Exception | None = None) -> Iterator[MagicMock]:
    """Replace Airflow's pools within a `with` block, so that the metadata database is not used.

    Args:
        return_value: The pool that every look-up returns; default: None.
        side_effect: A function to call in place of a look-up, or an exception to raise.

    Yields:
        The mock of `Pool.get_pool`, which records its calls.

    >>> from airflow_balancer import BalancerConfiguration
    >>> with pools():
    ...     balancer = BalancerConfiguration(hosts=[{"name": "host1", "size": 8}])
    >>> balancer.select_host(key="etl.extract").pool.slots
    8
    """
    with testing.pools(return_value, side_effect) as get_pool:
        yield get_pool


@contextmanager
def variables(return_value: Any = None, side_effect: Callable[..., Any] | Exception | None = None) -> Iterator[MagicMock]:
    """Replace Airflow's Variables within a `with` block: all have the same value.

    Args:
        return_value: The value of every Variable, such as the password of a host.
        side_effect: A function to call with a Variable's key in place of a look-up, or an exception to raise.

    Yields:
        The mock of `Variable.get`, which records its calls.

    >>> from airflow_balancer import Host
    >>> with variables("swordfish"):
    ...     Host(name="host1", username="etl", password={"key": "host_password"}).hook().password == "swordfish"
    True
    """
    with testing.variables(return_value, side_effect) as get:
        yield get
