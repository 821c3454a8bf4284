"""One Airflow for all the tests that share it; on Airflow 2 over PostgreSQL where there is one, since SQLite has no LocalExecutor there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.airflow.databases import postgres_cluster, postgres_programs

if TYPE_CHECKING:
    from tests.live.rig import Rig


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="package")
def postgres() -> Iterator[str | None]:
    """The URL of a PostgreSQL cluster, up to the database's name; None where PostgreSQL or its driver is not installed."""
    programs = postgres_programs()
    if programs is None or importlib.util.find_spec("psycopg2") is None:
        yield None
        return
    with postgres_cluster(programs) as url:
        yield url


@pytest.fixture(scope="package")
def airflow_rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    from tests.live.rig import IS_AIRFLOW_2, new_database, running_rig

    url = request.getfixturevalue("postgres") if IS_AIRFLOW_2 else None
    database = new_database(url, "shared") if url else None
    with running_rig(tmp_path_factory.mktemp("airflow"), database=database) as rig:
        yield rig


@pytest.fixture
def rig(airflow_rig: Rig) -> Rig:
    """The running Airflow, its balancer YAML as at the start."""
    airflow_rig.write(airflow_rig.fleet())
    return airflow_rig
