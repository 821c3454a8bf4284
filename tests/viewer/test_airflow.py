"""The viewer within a real Airflow: its web application, its login, its metadata database."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")

from tests.airflow.databases import AIRFLOW, environment

pytestmark = pytest.mark.slow

CLIENT = Path(__file__).with_name("airflow_client.py")
ADDRESSES = (
    "",
    "index.html",
    "js/main.js",
    "nothing",
    "api/occupancy",
    "api/fleet?configuration=OTHER",
    *(f"api/{name}?configuration=ID" for name in ("configurations", "fleet", "pools", "health", "assignments", "moved")),
)
FLEET = """
hosts: [{name: host1, size: 2, queues: [workers]}, {name: host2, size: 3, password: hunter2, drain: true}]
queue_pools: true
"""
DAG = """
try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

with DAG("etl", schedule=None):

    @task(pool="host1")
    def one(): ...

    @task(pool="host2")
    def many(x): ...

    @task(pool="queue-workers")
    def anywhere(): ...

    @task
    def none(): ...

    one()
    many.expand(x=[1, 2])
    anywhere()
    none()
"""
Answers = dict[tuple[str, str], tuple[int, str]]


@pytest.fixture(scope="module")
def home(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an Airflow with a database that has the DAG, and with two configurations in its DAGs folder."""
    home = tmp_path_factory.mktemp("viewed")
    shutil.copy(sqlite_template, home / "airflow.db")
    (home / "dags").mkdir()
    (home / "dags/etl.py").write_text(DAG)
    env = environment(home, f"sqlite:///{home}/airflow.db")
    subprocess.run([AIRFLOW, "dags", "reserialize"], cwd=home, env=env, capture_output=True, timeout=240, check=True)
    (home / "dags/balancer.yaml").write_text(FLEET)
    (home / "dags/config.yaml").write_text("defaults: [_self_]\nbalancer: {hosts: [{name: other}]}\n")
    (home / "dags/hydra_plugins").mkdir()
    (home / "dags/hydra_plugins/code.py").write_text(f"open({str(home / 'called')!r}, 'w')\n")
    return home


@pytest.fixture(scope="module")
def answers(home: Path) -> Answers:
    """What Airflow's web application answers to each user, asked in a process of its own; see airflow_client.py."""
    asked = [(user, f"/airflow-balancer/{path}") for path in ADDRESSES for user in ("nobody", "public", "admin")]
    command = [sys.executable, "-W", "ignore", str(CLIENT), json.dumps(asked)]
    env = environment(home, f"sqlite:///{home}/airflow.db")
    done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    return {(user, path.removeprefix("/airflow-balancer/")): (status, text) for user, path, status, text in told}


def of_admin(answers: Answers, path: str) -> Any:
    """What an answer to the admin says."""
    status, text = answers["admin", path]
    assert status == 200, text
    return json.loads(text)


def test_everything_is_behind_airflows_login_and_permission(answers: Answers) -> None:
    for (user, path), (status, text) in answers.items():
        if user == "admin":
            assert status == (404 if path == "nothing" else 200), (path, text)
        else:
            # Airflow 2 leads from the page to its login.
            assert status in ((401, 302) if user == "nobody" else (403,)), (user, path, text)
            assert "host1" not in text
        assert "hunter2" not in text


def test_code_in_the_dags_folder_is_not_imported(answers: Answers, home: Path) -> None:
    assert of_admin(answers, "api/fleet?configuration=OTHER")["hosts"][0]["name"] == "other"
    assert not (home / "called").exists()


def test_pools_and_their_occupancy_are_those_of_the_database(answers: Answers) -> None:
    create = {"change": "create", "slots": None, "note": ""}
    assert of_admin(answers, "api/pools?configuration=ID") == {
        "available": True,
        "why": "",
        "changes": [
            {**create, "name": "host1", "wanted": 2},
            {**create, "name": "host2", "wanted": 3},
            {**create, "name": "queue-workers", "wanted": 2},
        ],
        "same": [],
        "unchanged": 0,
        "command": "airflow-balancer pools balancer.yaml apply=true",
        "prune": "",
    }
    nothing = {"running": 0, "queued": 0, "deferred": 0, "scheduled": 0}
    assert of_admin(answers, "api/occupancy")["pools"] == {"default_pool": {"total": 128, **nothing, "open": 128}}


def test_the_tasks_of_each_host_are_those_of_the_serialized_dags(answers: Answers) -> None:
    answer = of_admin(answers, "api/assignments?configuration=ID")
    assert answer["hosts"] == [
        {"host": "host1", "pool": "host1", "slots": 2, "tasks": [{"dag_id": "etl", "task_id": "one"}], "drain": False},
        {"host": "host2", "pool": "host2", "slots": 3, "tasks": [{"dag_id": "etl", "task_id": "many"}], "drain": True},
    ]
    assert answer["queues"] == [{"pool": "queue-workers", "slots": 2, "tasks": [{"dag_id": "etl", "task_id": "anywhere"}]}]


def test_what_moved_is_known_where_airflow_keeps_versions(answers: Answers) -> None:
    answer = of_admin(answers, "api/moved?configuration=ID")
    kept = {"available": True, "why": "", "versions": 5, "dags": 1, "moves": []}
    lost = {**kept, "available": False, "versions": 0, "dags": 0}
    assert answer == (
        kept
        if answer["available"]
        else {**lost, "why": "Airflow 2 keeps the newest version of each DAG alone; Airflow 3 keeps the earlier ones too"}
    )


def test_a_viewer_that_fails_takes_no_web_server_down(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_balancer.plugin import AirflowBalancerPlugin

    # What an import of these raises where FastAPI, or anything else that the viewer needs, is missing.
    monkeypatch.setitem(sys.modules, "airflow_balancer.viewer.airflow2", None)
    monkeypatch.setitem(sys.modules, "airflow_balancer.viewer.airflow3", None)
    monkeypatch.delattr("airflow_balancer.viewer.airflow3", raising=False)
    plugin = AirflowBalancerPlugin()
    assert (plugin.fastapi_apps, plugin.external_views, plugin.appbuilder_views) == ([], [], [])
    assert "the viewer cannot be shown" in caplog.text
