"""The viewer within a real Airflow: its web application, its login, its metadata database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")

from tests.airflow.databases import AIRFLOW, environment, migrate

pytestmark = pytest.mark.slow

CLIENT = Path(__file__).with_name("airflow_client.py")
ADDRESSES = (
    "",
    "index.html",
    "js/main.js",
    "nothing",
    *(f"api/{name}?configuration=ID" for name in ("configurations", "fleet", "assignments")),
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
Ask = Callable[..., dict[tuple[str, str], Any]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an Airflow with a database and a configuration in its DAGs folder."""
    home = tmp_path_factory.mktemp("viewed")
    migrate(home, f"sqlite:///{home}/airflow.db")
    (home / "dags/balancer.yaml").write_text(FLEET)
    (home / "dags/config.yaml").write_text("defaults: [_self_]\nbalancer: {hosts: [{name: other}]}\n")
    (home / "dags/hydra_plugins").mkdir()
    (home / "dags/hydra_plugins/code.py").write_text(f"open({str(home / 'called')!r}, 'w')\n")
    return home


@pytest.fixture(scope="module")
def ask(home: Path) -> Ask:
    """Ask Airflow's web application in a process of its own; see airflow_client.py."""

    def ask_all(*asked: tuple[str, str], **settings: str) -> dict[tuple[str, str], Any]:
        command = [sys.executable, "-W", "ignore", str(CLIENT), json.dumps([(user, f"/airflow-balancer/{path}") for user, path in asked])]
        env = environment(home, f"sqlite:///{home}/airflow.db", **settings)
        done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        answers = json.loads(done.stdout.splitlines()[-1])
        return {(user, path.removeprefix("/airflow-balancer/")): (status, text) for user, path, status, text in answers}

    return ask_all


def test_everything_is_behind_airflows_login_and_permission(ask: Ask) -> None:
    answers = ask(*((user, path) for path in ADDRESSES for user in ("nobody", "public", "admin")))
    for (user, path), (status, text) in answers.items():
        if user == "admin":
            assert status == (404 if path == "nothing" else 200), (path, text)
        else:
            # Airflow 2 leads from the page to its login.
            assert status in ((401, 302) if user == "nobody" else (403,)), (user, path, text)
            assert "host1" not in text
        assert "hunter2" not in text


def test_code_in_the_dags_folder_is_not_imported(ask: Ask, home: Path) -> None:
    ((status, text),) = ask(("admin", "api/fleet?configuration=OTHER")).values()
    assert (status, json.loads(text)["hosts"][0]["name"]) == (200, "other")
    assert not (home / "called").exists()


def test_pools_and_their_occupancy_are_those_of_the_database(ask: Ask) -> None:
    answers = ask(("admin", "api/pools?configuration=ID"), ("admin", "api/occupancy"))
    (_, pools), (_, occupancy) = answers.values()
    create = {"change": "create", "slots": None, "note": ""}
    assert json.loads(pools) == {
        "available": True,
        "why": "",
        "changes": [
            {**create, "name": "host1", "wanted": 2},
            {**create, "name": "host2", "wanted": 3},
            {**create, "name": "queue-workers", "wanted": 2},
        ],
        "unchanged": 0,
        "command": "airflow-balancer pools balancer.yaml apply=true",
    }
    nothing = {"running": 0, "queued": 0, "deferred": 0, "scheduled": 0}
    assert json.loads(occupancy)["pools"] == {"default_pool": {"total": 128, **nothing, "open": 128}}


def test_the_tasks_of_each_host_are_those_of_the_serialized_dags(ask: Ask, home: Path) -> None:
    (home / "dags/etl.py").write_text(DAG)
    env = environment(home, f"sqlite:///{home}/airflow.db")
    subprocess.run([AIRFLOW, "dags", "reserialize"], cwd=home, env=env, capture_output=True, timeout=240, check=True)
    ((_, text),) = ask(("admin", "api/assignments?configuration=ID")).values()
    answer = json.loads(text)
    assert answer["hosts"] == [
        {"host": "host1", "pool": "host1", "slots": 2, "tasks": [{"dag_id": "etl", "task_id": "one"}], "drain": False},
        {"host": "host2", "pool": "host2", "slots": 3, "tasks": [{"dag_id": "etl", "task_id": "many"}], "drain": True},
    ]
    assert answer["queues"] == [{"pool": "queue-workers", "slots": 2, "tasks": [{"dag_id": "etl", "task_id": "anywhere"}]}]


def test_a_viewer_that_fails_takes_no_web_server_down(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_balancer.plugin import AirflowBalancerPlugin

    # What an import of these raises where FastAPI, or anything else that the viewer needs, is missing.
    monkeypatch.setitem(sys.modules, "airflow_balancer.viewer.airflow2", None)
    monkeypatch.setitem(sys.modules, "airflow_balancer.viewer.airflow3", None)
    monkeypatch.delattr("airflow_balancer.viewer.airflow3", raising=False)
    plugin = AirflowBalancerPlugin()
    assert (plugin.fastapi_apps, plugin.external_views, plugin.appbuilder_views) == ([], [], [])
    assert "the viewer cannot be shown" in caplog.text
