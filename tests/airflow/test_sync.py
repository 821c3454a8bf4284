"""What the listener does when a scheduler starts and when a DAG run does, inside its transaction."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")

import sqlalchemy

from airflow_balancer.airflow import versions
from airflow_balancer.airflow.composing import Composer, load_sources
from airflow_balancer.airflow.sources import Source
from airflow_balancer.airflow.sync import Sync, find_fleets
from tests.airflow.scheduler import GOOD, Scheduler


class TestAtRun:
    def test_pools_are_made_in_the_schedulers_transaction(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        dags(fleet=GOOD)
        scheduler.run(Sync())
        assert scheduler.pools() == {"good1": 8}
        assert said() == ["airflow-balancer: pools: 1 created, 0 updated, 0 unchanged, 0 orphaned"]

    def test_a_problem_that_another_process_found_is_said_once(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        dags(wrong=GOOD.replace("size", "sise"))
        sync, found = Sync(), list[str]()
        Sync(tell=found.extend).at_start()
        sync.say(found)
        scheduler.run(sync)
        assert (len(found), said().count(f"airflow-balancer: {found[0]}")) == (1, 1)

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


class TestAtStart:
    def test_pools_are_made_where_a_connection_cannot_be(
        self, scheduler: Scheduler, dags: Any, said: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(versions, "engine", lambda: scheduler.engine)
        dags(fleet=GOOD + "create_connection: true\ndefault_password: {key: missing}\n")
        Sync().at_start()
        assert scheduler.pools() == {"good1": 8}
        assert "its password is Airflow Variable 'missing', which cannot be read" in said()[0]

    @pytest.mark.slow
    def test_a_refusal_is_said_in_one_line_without_the_values_of_its_row(
        self, postgres_database: str, dags: Any, said: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scheduler = Scheduler(postgres_database)
        with scheduler.engine.begin() as connection:
            connection.execute(sqlalchemy.text("ALTER TABLE connection ADD CHECK (password IS NULL)"))
        monkeypatch.setattr(versions, "engine", lambda: scheduler.engine)
        dags(fleet=GOOD + "create_connection: true\ndefault_password: s3cr3t-word\n")
        Sync().at_start()
        refused = 'CheckViolation: new row for relation "connection" violates check constraint "connection_password_check"'
        advice = "once that is mended, a run that starts tries again"
        assert said()[0] == f"airflow-balancer: the metadata database refuses ({refused}); {advice}"


COMPOSE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from airflow_balancer.airflow.composing import Composer
folder = Path(sys.argv[1])
with Composer([folder], [folder], named=False) as composer:
    print(composer.load(folder / "config.yaml", ()).pools[0].name)
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
    with Composer([tmp_path], [], named=False) as composer:
        fleets, problems = load_sources([Source(tmp_path / "fleet.yaml")], composer.load)
    assert (len(fleets[str(tmp_path / "fleet.yaml")].pools), problems) == (5000, [])
    assert time.monotonic() - start < 5


def test_the_command_line_finds_what_the_listener_finds(dags: Any, tmp_path: Path) -> None:
    dags(fleet=GOOD)
    fleets, problems = find_fleets()
    assert (list(fleets), problems) == ([str(tmp_path / "dags" / "fleet.yaml")], [])


def test_the_strategy_of_another_balancer_is_not_called(dags: Any, tmp_path: Path) -> None:
    made = tmp_path / "made"
    touch = f"{{_target_: pathlib.Path.touch, self: {{_target_: pathlib.Path, _args_: [{made}]}}}}"
    evil = f"evil: {{hosts: [{{name: x}}], strategy: {touch}}}"
    dags(fleet=f"balancer: {{hosts: [{{name: '${{balancer.name:{{balancer:evil}}}}'}}]}}\n{evil}\n")
    _, (problem,) = find_fleets()
    assert "'pathlib.Path.touch' is of another package, and not called here" in str(problem)
    assert not made.exists()


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
