"""Whatever goes wrong with the balancer in a live scheduler, other DAGs run, and the log says once what to do."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.live.rig import Rig

PAUSE = 5.5
"""In seconds: after it, what the database refused is tried again."""
BROKEN_CODE = """
from airflow_balancer.airflow.sync import Sync

def broken(self):
    raise ZeroDivisionError("no answer")

Sync.at_start = Sync._look = broken
"""
SQLITE_REFUSES = "CREATE TRIGGER refuse BEFORE INSERT ON slot_pool BEGIN SELECT RAISE(ABORT, 'no more pools'); END"
POSTGRES_REFUSES = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no more pools'; END $$",
    "CREATE TRIGGER refuse BEFORE INSERT ON slot_pool FOR EACH ROW EXECUTE FUNCTION refuse()",
)


def said(rig: Rig, since: int, pattern: str) -> list[str]:
    """The parts of the scheduler's log that a pattern finds."""
    return re.findall(pattern, rig.scheduler_log()[since:])


def run_again_and_again(rig: Rig) -> None:
    """Run a DAG that knows nothing of balancers, with the pauses after which what was refused is tried again."""
    for _ in range(2):
        rig.airflow.run_dag("plain")
        time.sleep(PAUSE)
    rig.airflow.run_dag("plain")


def add_port(rig: Rig, name: str, **node: object) -> None:
    """Let the balancer YAML want one more pool."""
    fleet = rig.fleet()
    fleet["ports"].append({"name": name, "host": "127.0.0.4", "port": 7300})
    rig.write({**fleet, **node})


def test_exception_in_our_code_is_said_once_and_other_dags_run(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BROKEN_CODE)
    start = len(rig.scheduler_log())
    with rig.other_scheduler(PYTHONPATH=str(tmp_path)):
        run_again_and_again(rig)
    advice = "set [balancer] sync = false to go without"
    assert said(rig, start, r"airflow-balancer: (makes no pools here.*? without)") == [f"makes no pools here; {advice}"]
    assert said(rig, start, r"airflow-balancer: (failed with .*? without)") == [f"failed with ZeroDivisionError: no answer; {advice}"]


def test_unreadable_file_is_said_once_and_other_dags_run(rig: Rig) -> None:
    link, start = rig.airflow.home.dags / "x.yaml", len(rig.scheduler_log())
    link.symlink_to("nowhere")
    try:
        add_port(rig, "beside-a-link")
        run_again_and_again(rig)
    finally:
        link.unlink()
    assert said(rig, start, r"x\.yaml: (.*? remove it)") == ["cannot be read: No such file or directory; make it readable, or remove it"]
    assert rig.airflow.client.pools()["beside-a-link"] == 1


def test_missing_table_is_said_once_and_other_dags_run(rig: Rig) -> None:
    start = len(rig.scheduler_log())
    with rig.altered("ALTER TABLE connection RENAME TO elsewhere", back=["ALTER TABLE elsewhere RENAME TO connection"]):
        add_port(rig, "beside-no-table", create_connection=True)
        run_again_and_again(rig)
    assert len(said(rig, start, r"the metadata database refuses .*connection.*; once that is mended, a run that starts tries again")) == 1
    assert rig.airflow.client.pools()["beside-no-table"] == 1


def test_refused_write_is_said_once_and_made_up_for_later(rig: Rig) -> None:
    start = len(rig.scheduler_log())
    sqlite = rig.airflow.home.database.startswith("sqlite")
    refuses = [SQLITE_REFUSES] if sqlite else POSTGRES_REFUSES
    with rig.altered(*refuses, back=["DROP TRIGGER refuse"] if sqlite else ["DROP TRIGGER refuse ON slot_pool", "DROP FUNCTION refuse"]):
        add_port(rig, "refused")
        run_again_and_again(rig)
        assert "refused" not in rig.airflow.client.pools()
    assert len(said(rig, start, r"the metadata database refuses .*no more pools")) == 1

    time.sleep(PAUSE)
    rig.airflow.run_dag("plain")
    assert rig.airflow.client.pools()["refused"] == 1
