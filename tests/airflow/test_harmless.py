"""Whatever goes wrong in the listener, the scheduler goes on, and the log says it once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")

import sqlalchemy
from airflow.models.pool import Pool
from sqlalchemy.orm import Session

from airflow_balancer.airflow import listener
from airflow_balancer.airflow.sync import Sync
from tests.airflow.scheduler import GOOD, Scheduler

AFTER = "airflow-balancer: the pools of these configurations stay as they are; `airflow-balancer pools` shows the difference"

HOSTILE = {
    "top": "_target_: builtins.open\nfile: {path}\nmode: w\nextensions: {{balancer: {{hosts: [{{name: bad}}]}}}}\n",
    "node": "extensions:\n  balancer:\n    _target_: builtins.open\n    file: {path}\n    mode: w\n    hosts: [{{name: bad}}]\n",
    "list": "balancer:\n  hosts: [{{name: bad, _target_: builtins.open, file: {path}, mode: w}}]\n",
    "nested": "balancer:\n  hosts: [{{name: bad, ssh_hook_args: {{ciphers: {{_target_: builtins.open, file: {path}, mode: w}}}}}}]\n",
    "interpolation": "evil: {{_target_: builtins.open, file: {path}, mode: w}}\nbalancer:\n  hosts: [{{name: bad, pool: '${{evil}}'}}]\n",
    "strategy": "balancer:\n  strategy: {{_target_: builtins.open, file: {path}, mode: w}}\n  hosts: [{{name: bad}}]\n",
    "password": "balancer:\n  default_password: {{_target_: builtins.open, key: x, file: {path}, mode: w}}\n  hosts: [{{name: bad}}]\n",
}


@pytest.mark.slow
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
        assert len([text for text in said() if "is not valid YAML" in text]) == 2

    def test_what_stays_broken_is_not_said_again_when_another_file_changes(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        sync = Sync()
        for size in (8, 7, 6):
            dags(bad="balancer: {hosts: [", good=GOOD.replace("8", str(size)))
            scheduler.run(sync)
        assert len([text for text in said() if "is not valid YAML" in text]) == 1
        assert scheduler.pools() == {"good1": 6}

    def test_files_that_contradict_each_other_stop_only_that_pool(self, scheduler: Scheduler, dags: Any, said: Any) -> None:
        dags(a=GOOD, b=GOOD.replace("8", "4") + "  - {name: more}\n")
        scheduler.run(Sync())
        assert scheduler.pools() == {"more": 8}
        assert [line for line in said() if "pool 'good1': is wanted with 4 slots" in line] != []

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


def test_a_password_never_stands_in_a_log(scheduler: Scheduler, dags: Any, said: Any) -> None:
    dags(fleet=GOOD + "create_connection: true\ndefault_password: s3cr3t-word\n")
    with scheduler.loop() as run:
        session = sqlalchemy.orm.object_session(run)
        assert session
        session.execute(sqlalchemy.text("ALTER TABLE connection RENAME COLUMN extra TO elsewhere"))
        Sync().at_run(run)
        session.rollback()
    assert "s3cr3t" not in "".join(said())
