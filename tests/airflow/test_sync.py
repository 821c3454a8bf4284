"""What the listener does in a scheduler: inside its transaction, and never in its way."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")

import sqlalchemy
from airflow.models.pool import Pool
from airflow.utils.sqlalchemy import prohibit_commit
from sqlalchemy.orm import Session

from airflow_balancer.airflow import listener, versions
from airflow_balancer.airflow.pools import is_ours
from airflow_balancer.airflow.sources import Source
from airflow_balancer.airflow.sync import Sync, _load_fleet, find_fleets, load_sources
from airflow_balancer.fleet import PoolSlots

GOOD = "_target_: airflow_balancer.BalancerConfiguration\nhosts:\n  - {name: good1, size: 8}\n"
AFTER = "airflow-balancer: the pools of the above are left as they are; `airflow-balancer pools` shows the difference"


class Scheduler:
    """A session that may not be committed but by its guard, as in a scheduler's loop; counts statements."""

    def __init__(self, url: str) -> None:
        self.engine = sqlalchemy.create_engine(url)
        self.statements: list[str] = []
        sqlalchemy.event.listen(self.engine, "before_cursor_execute", lambda *args: self.statements.append(args[2]))

    @contextmanager
    def loop(self) -> Iterator[Any]:
        """Give what stands for a DAG run: an object of the session."""
        with Session(self.engine) as session, prohibit_commit(session) as guard:
            run = session.query(Pool).first()
            self.statements.clear()
            yield run
            guard.commit()

    def run(self, sync: Sync) -> None:
        with self.loop() as run:
            sync.at_run(run)

    def pools(self) -> dict[str, int]:
        with Session(self.engine) as session:
            rows = [PoolSlots(pool.pool, pool.slots, pool.description or "", include_deferred=False) for pool in session.query(Pool)]
        return {pool.name: pool.slots for pool in rows if is_ours(pool)}


@pytest.fixture
def scheduler(database: str) -> Iterator[Scheduler]:
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


class TestAtRun:
    def test_pools_are_made_in_the_schedulers_transaction(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        dags(fleet=GOOD)
        scheduler.run(Sync())
        assert scheduler.pools() == {"good1": 8}
        assert said() == ["airflow-balancer: pools: 1 created, 0 updated, 0 unchanged, 0 orphaned"]

    def test_unchanged_files_cost_no_statement_and_no_parse(self, scheduler: Scheduler, dags: Any) -> None:
        dags(fleet=GOOD)
        sync = Sync()
        scheduler.run(sync)
        sync._load = lambda *_: pytest.fail("composed again")  # type: ignore[assignment]
        with scheduler.loop() as run:
            sync.at_run(run)
            assert scheduler.statements == []

    def test_a_changed_file_changes_the_pools_before_the_next_tasks(self, scheduler: Scheduler, dags: Any) -> None:
        dags(fleet=GOOD)
        sync = Sync()
        scheduler.run(sync)
        dags(fleet=GOOD.replace("8", "4"), other=GOOD.replace("good1", "good2"))
        scheduler.run(sync)
        assert scheduler.pools() == {"good1": 4, "good2": 8}

    def test_a_removed_file_leaves_its_pools(self, scheduler: Scheduler, dags: Any, tmp_path: Path) -> None:
        dags(fleet=GOOD, other=GOOD.replace("good1", "good2"))
        sync = Sync()
        scheduler.run(sync)
        (tmp_path / "dags" / "other.yaml").unlink()
        scheduler.run(sync)
        assert scheduler.pools() == {"good1": 8, "good2": 8}

    def test_nothing_is_done_when_switched_off(self, scheduler: Scheduler, dags: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW__BALANCER__SYNC", "false")
        dags(fleet=GOOD)
        scheduler.run(Sync())
        assert scheduler.pools() == {}

    def test_the_named_configuration_is_composed_with_its_overrides(
        self, scheduler: Scheduler, dags: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW__BALANCER__CONFIG_PATH", "fleet.yaml")
        monkeypatch.setenv("AIRFLOW__BALANCER__OVERRIDES", "hosts.0.size=3")
        dags(fleet=GOOD, other=GOOD.replace("good1", "good2"))
        scheduler.run(Sync())
        assert scheduler.pools() == {"good1": 3}


HOSTILE = {
    "top": "_target_: builtins.open\nfile: {path}\nmode: w\nextensions: {{balancer: {{hosts: [{{name: bad}}]}}}}\n",
    "node": "extensions:\n  balancer:\n    _target_: builtins.open\n    file: {path}\n    mode: w\n    hosts: [{{name: bad}}]\n",
    "list": "balancer:\n  hosts: [{{name: bad, _target_: builtins.open, file: {path}, mode: w}}]\n",
    "nested": "balancer:\n  hosts: [{{name: bad, ssh_hook_args: {{x: {{_target_: builtins.open, file: {path}, mode: w}}}}}}]\n",
    "interpolation": "evil: {{_target_: builtins.open, file: {path}, mode: w}}\nbalancer:\n  hosts: [{{name: bad, pool: '${{evil}}'}}]\n",
    "strategy": "balancer:\n  strategy: {{_target_: builtins.open, file: {path}, mode: w}}\n  hosts: [{{name: bad}}]\n",
    "password": "balancer:\n  default_password: {{_target_: builtins.open, key: x, file: {path}, mode: w}}\n  hosts: [{{name: bad}}]\n",
}


COMPOSE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from airflow_balancer.airflow import sync
sync.versions.dag_folders = lambda: [Path(sys.argv[1])]
print(sync._load_fleet(Path(sys.argv[1], "config.yaml"), ()).pools[0].name)
"""


def test_python_modules_beside_the_dags_are_not_imported_as_plugins_of_hydra(tmp_path: Path) -> None:
    evil = tmp_path / "hydra_plugins" / "evil"
    evil.mkdir(parents=True)
    (evil / "__init__.py").write_text(f"open({str(tmp_path / 'opened')!r}, 'w')")
    (tmp_path / "config.yaml").write_text("defaults: [balancer@balancer]\n")
    (tmp_path / "balancer.yaml").write_text(GOOD)
    done = subprocess.run([sys.executable, "-c", COMPOSE, tmp_path], capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout.splitlines()[-1:], (tmp_path / "opened").exists()) == (["good1"], False), done.stderr


def test_a_large_plain_file_is_loaded_in_seconds(tmp_path: Path) -> None:
    hosts = [{"name": f"host{n}", "size": 8, "queues": ["workers"]} for n in range(1000)]
    ports = [{"host": f"host{n}", "port": port} for n in range(1000) for port in range(8000, 8004)]
    (tmp_path / "fleet.yaml").write_text(json.dumps({"hosts": hosts, "ports": ports}))
    start = time.monotonic()
    fleets, problems = load_sources([Source(tmp_path / "fleet.yaml")], _load_fleet)
    assert (len(fleets[str(tmp_path / "fleet.yaml")].pools), problems) == (5000, [])
    assert time.monotonic() - start < 5


class TestHarmless:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_no_target_of_a_yaml_is_called_and_the_good_ones_pools_are_made(
        self, scheduler: Scheduler, dags: Any, tmp_path: Path, name: str
    ) -> None:
        dags(good=GOOD, bad=HOSTILE[name].format(path=tmp_path / "opened"))
        scheduler.run(Sync())
        assert scheduler.pools().items() >= {"good1": 8}.items()
        assert not (tmp_path / "opened").exists()

    def test_a_broken_file_is_said_once_and_the_others_count(self, scheduler: Scheduler, dags: Any, said: Any, tmp_path: Path) -> None:
        dags(good=GOOD, bad="balancer: {hosts: [{name: bad, sise: 3}]}\n")
        sync = Sync()
        for _ in range(3):
            scheduler.run(sync)
        assert scheduler.pools() == {"good1": 8}
        messages = said()
        assert [text for text in messages if "bad.yaml" in text and "'sise'; did you mean 'size'?" in text] == messages[1:2]
        assert messages[2:] == [AFTER]

    def test_a_file_that_is_mended_and_broken_again_is_said_again(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        sync = Sync()
        for content in ("balancer: {hosts: [", GOOD, "balancer: {hosts: ["):
            dags(fleet=content)
            scheduler.run(sync)
        assert len([text for text in said() if "is no YAML" in text]) == 2

    def test_what_stays_broken_is_not_said_again_when_another_file_changes(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        sync = Sync()
        for size in (8, 7, 6):
            dags(bad="balancer: {hosts: [", good=GOOD.replace("8", str(size)))
            scheduler.run(sync)
        assert len([text for text in said() if "is no YAML" in text]) == 1
        assert scheduler.pools() == {"good1": 6}

    def test_two_files_that_contradict_each_other_write_nothing(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        dags(a=GOOD, b=GOOD.replace("8", "4") + "  - {name: more}\n")
        scheduler.run(Sync())
        assert scheduler.pools() == {}
        assert "pool 'good1': is wanted with 4 slots" in said()[0]

    def test_an_error_in_our_code_is_said_once(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        def load(*_: object) -> Any:
            raise ZeroDivisionError

        dags(fleet=GOOD)
        sync = Sync(load)
        for _ in range(3):
            scheduler.run(sync)
        assert len(said()) == 2

    def test_a_missing_table_is_said_once_and_the_scheduler_goes_on(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        dags(fleet=GOOD)
        sync = Sync()
        for _ in range(2):
            with scheduler.loop() as run:
                session = sqlalchemy.orm.object_session(run)
                assert session
                session.execute(sqlalchemy.text("ALTER TABLE slot_pool RENAME TO elsewhere"))
                sync.at_run(run)
                assert session.execute(sqlalchemy.text("SELECT count(*) FROM elsewhere")).scalar() == 1
                session.execute(sqlalchemy.text("ALTER TABLE elsewhere RENAME TO slot_pool"))
                sync._not_before = 0
        messages = said()
        assert len(messages) == 2
        assert "the metadata database refuses" in messages[0]

    def test_a_read_only_database_is_said_and_tried_again(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        dags(fleet=GOOD)
        sync = Sync()
        read_only = "PRAGMA query_only = ON" if scheduler.engine.name == "sqlite" else "SET TRANSACTION READ ONLY"
        with Session(scheduler.engine) as session:
            session.execute(sqlalchemy.text(read_only))
            sync.at_run(session.query(Pool).first())
        scheduler.engine.dispose()
        assert "the metadata database refuses" in said()[0]
        sync._not_before = 0
        scheduler.run(sync)
        assert scheduler.pools() == {"good1": 8}

    def test_another_process_that_holds_the_table_is_not_waited_for(self, postgres_database: str, dags: Any, said: Any) -> None:
        scheduler = Scheduler(postgres_database)
        dags(fleet=GOOD)
        sync = Sync()
        with scheduler.engine.begin() as other:
            other.execute(sqlalchemy.text("LOCK TABLE slot_pool IN SHARE ROW EXCLUSIVE MODE"))
            scheduler.run(sync)
        assert "lock timeout" in said()[0]
        sync._not_before = 0
        scheduler.run(sync)
        assert scheduler.pools() == {"good1": 8}

    def test_a_run_without_a_session_is_survived(self, dags: Any, said: Any) -> None:
        dags(fleet=GOOD)
        Sync().at_run(Pool())
        assert "the DAG run belongs to no session" in said()[0]

    def test_a_missing_config_path_is_said(self, scheduler: Scheduler, said: Any, dags: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW__BALANCER__CONFIG_PATH", "gone.yaml")
        dags(fleet=GOOD)
        scheduler.run(Sync())
        assert "[balancer] config_path names no file or directory" in said()[0]

    def test_a_listener_that_cannot_even_start_says_so_once(self, monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
        def broken() -> Sync:
            raise ImportError

        monkeypatch.setattr(listener, "_sync", broken)
        listener.on_dag_run_running(dag_run=object())
        listener.on_dag_run_running(dag_run=object())
        assert len(said()) == 1


def test_the_command_line_finds_what_the_listener_finds(dags: Any, tmp_path: Path) -> None:
    dags(fleet=GOOD)
    fleets, problems = find_fleets()
    assert (list(fleets), problems) == ([str(tmp_path / "dags" / "fleet.yaml")], [])


def test_local_dag_bundles_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    local, remote = "airflow.dag_processing.bundles.local.LocalDagBundle", "airflow.providers.git.bundles.git.GitDagBundle"
    bundles = [{"name": "a", "classpath": local, "kwargs": {"path": "/a"}}, {"name": "b", "classpath": local, "kwargs": {}}]
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", "/dags")
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([*bundles, {"name": "c", "classpath": remote}]))
    assert versions.dag_folders() == [Path("/a"), Path("/dags")]


def test_only_the_jobs_of_airflow_are_jobs() -> None:
    from airflow.jobs.job import Job

    assert versions.is_job(Job.__new__(Job))
    assert not versions.is_job(object())


def test_a_password_never_stands_in_a_log(scheduler: Scheduler, dags: Any, said: Any) -> None:
    dags(fleet=GOOD + "create_connection: true\ndefault_password: s3cr3t-word\n")
    with scheduler.loop() as run:
        session = sqlalchemy.orm.object_session(run)
        assert session
        session.execute(sqlalchemy.text("ALTER TABLE connection RENAME COLUMN extra TO elsewhere"))
        Sync().at_run(run)
        session.rollback()
    assert "s3cr3t" not in "".join(said())
