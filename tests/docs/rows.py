"""The rows of docs/migration.md, each of which a test shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from airflow_balancer import BalancerConfiguration, Host
from tests.conftest import HAS_AIRFLOW, REPOSITORY

PAGE = REPOSITORY / "docs" / "migration.md"
SHOWN: list[str] = []
needs_airflow = pytest.mark.skipif(not HAS_AIRFLOW, reason="Airflow is not installed")
_TABLE = re.compile(r"^\|.*\n\|[ |-]+\|\n((?:\|.*\n)+)", re.MULTILINE)
_Test = TypeVar("_Test", bound=Callable[..., None])


def rows() -> list[str]:
    """Return the first cell of each row of the page's tables."""
    return [line.split(" | ")[0].removeprefix("| ") for table in _TABLE.findall(PAGE.read_text()) for line in table.splitlines()]


def shows(*cells: str) -> Callable[[_Test], _Test]:
    """Note that a test shows what the rows with these first cells say of this package."""
    SHOWN.extend(cells)
    return lambda test: test


def fleet(*hosts: Host | dict[str, Any] | str, **values: Any) -> BalancerConfiguration:
    return BalancerConfiguration(hosts=[{"name": host} if isinstance(host, str) else host for host in hosts], **values)


def problem(*hosts: Any, **values: Any) -> str:
    """Return what is wrong with a balancer of these."""
    with pytest.raises(ValidationError) as error:
        fleet(*hosts, **values)
    return str(error.value)
