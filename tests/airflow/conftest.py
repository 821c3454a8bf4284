"""Metadata databases of both kinds; each test that asks for `database` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.airflow.databases import migrate, postgres_cluster, postgres_programs

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from examples.demo.ssh_hosts import EmbeddedHosts, SshHost
    from tests.airflow.scheduler import Scheduler

# Airflow writes its configuration where it is first imported.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="balancer-home-"))


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("airflow", reason="Airflow is not installed")
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed: pip install psycopg2-binary")
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres_cluster(programs) as url:
        _execute(url + "postgres", "CREATE DATABASE template")
        migrate(tmp_path_factory.mktemp("home"), url + "template")
        yield url


@pytest.fixture(scope="module")
def ssh_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedHosts]:
    """SSH servers on three addresses; `dead` ends one of them for a while."""
    pytest.importorskip("asyncssh", reason="asyncssh is not installed")
    from examples.demo.ssh_hosts import EmbeddedHosts

    servers = EmbeddedHosts(("127.0.0.2", "127.0.0.3", "127.0.0.4"), tmp_path_factory.mktemp("servers"))
    with servers:
        yield servers


@pytest.fixture
def ssh_home(ssh_servers: EmbeddedHosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that knows the servers' keys, and has no key to log in with."""
    (tmp_path / ".ssh").mkdir()
    shutil.copy(ssh_servers.hosts[0].key_file.with_name("known_hosts"), tmp_path / ".ssh")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


@pytest.fixture
def hosts(ssh_servers: EmbeddedHosts, ssh_home: Path) -> list[SshHost]:
    """Where the servers listen, and how to log in there."""
    return ssh_servers.hosts


def _execute(url: str, statement: str) -> None:
    from sqlalchemy import create_engine, pool, text

    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> str:
    shutil.copy(sqlite_template, tmp_path / "airflow.db")
    return f"sqlite:///{tmp_path}/airflow.db"


@pytest.fixture
def postgres_database(postgres_template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    _execute(postgres_template + "postgres", f"CREATE DATABASE {name} TEMPLATE template")
    yield postgres_template + name
    _execute(postgres_template + "postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.thorough), pytest.param("postgres", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh metadata database."""
    if importlib.util.find_spec("airflow") is None:
        pytest.skip("Airflow is not installed")
    url: str = request.getfixturevalue(f"{request.param}_database")
    return url


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A connection that checks no foreign keys."""
    from sqlalchemy import create_engine

    engine = create_engine(database)
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET session_replication_role = replica")
        yield connection
    engine.dispose()


@pytest.fixture
def scheduler(database: str) -> Iterator[Scheduler]:
    from tests.airflow.scheduler import Scheduler

    scheduler = Scheduler(database)
    yield scheduler
    scheduler.engine.dispose()


@pytest.fixture
def dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write files into the DAGs folder."""
    folder = tmp_path / "dags"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(folder))

    def write(**files: str) -> None:
        for name, content in files.items():
            (folder / f"{name}.yaml").write_text(content)

    return write


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, logger="airflow_balancer")

    def messages() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.name == "airflow_balancer"]
        caplog.clear()
        return found

    return messages
