"""What tests of DAGs need: pools and Variables without a metadata database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import MagicMock

from airflow_pydantic import testing

__all__ = ("pools", "variables")


@contextmanager
def pools(return_value: Any = None, side_effect: Callable[..., Any] | Exception | None = None) -> Iterator[MagicMock]:
    """Stand in for Airflow's pools within a `with` block: none is read or written in the metadata database.

    Args:
        return_value: The pool that every look-up gives; by default there is none.
        side_effect: A function that is called in place of a look-up, or an exception that it raises.

    Yields:
        The mock of `Pool.get_pool`, which knows its calls.

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
    """Stand in for Airflow's Variables within a `with` block: each has the same value.

    Args:
        return_value: The value of every Variable, such as the password of a host.
        side_effect: A function that is called with a Variable's key in place of a look-up, or an exception that it raises.

    Yields:
        The mock of `Variable.get`, which knows its calls.

    >>> from airflow_balancer import Host
    >>> with variables("swordfish"):
    ...     Host(name="host1", username="etl", password={"key": "host_password"}).hook().password == "swordfish"
    True
    """
    with testing.variables(return_value, side_effect) as get:
        yield get
