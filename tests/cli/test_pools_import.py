"""`airflow-balancer pools` beside Airflow's own commands for pools and teams, on a real metadata database."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.databases import environment

Run = Callable[..., "subprocess.CompletedProcess[str]"]
YAML = """
hosts: {ws1: {size: 2}}
ports: [{name: web, host: ws1, port: 80}]
pools: {warehouse: 4, token-api: {slots: 3, description: calls of the API, include_deferred: false}}
"""
POOLS: dict[str, dict[str, Any]] = {
    "token-api": {"slots": 3, "description": "calls of the API [airflow-balancer: 3 slots]", "include_deferred": False},
    "warehouse": {"slots": 4, "description": "[airflow-balancer: 4 slots]", "include_deferred": True},
    "web": {"slots": 1, "description": "Balancer pool for host(ws1) port(80) [airflow-balancer: 1 slot]", "include_deferred": True},
    "ws1": {"slots": 2, "description": "Balancer pool for host(ws1) [airflow-balancer: 2 slots]", "include_deferred": True},
}
OF_PAYMENTS = {name: {**pool, "team_name": "payments"} for name, pool in POOLS.items()}
AS_CONFIGURED = {"pools": [], "connections": [], "unchanged": 4, "applied": False, "differs": False}


def test_it_prints_a_mapping_by_name_for_airflow_and_a_list_for_airflowctl(cli, write):
    write("fleet.yaml", YAML)
    assert json.loads(cli("pools", "fleet.yaml", "output=airflow").stdout) == POOLS
    assert json.loads(cli("pools", "fleet.yaml", "output=airflow", "team=payments").stdout) == OF_PAYMENTS
    assert json.loads(cli("pools", "fleet.yaml", "output=airflowctl").stdout) == [{"name": name, **pool} for name, pool in POOLS.items()]


def test_a_secret_in_a_description_is_masked(cli, write):
    write("fleet.yaml", "hosts: {}\ndefault_password: hunter2\npools: {a: {slots: 1, description: it is hunter2}}\n")
    [pool] = json.loads(cli("pools", "fleet.yaml", "output=airflowctl").stdout)
    assert pool["description"] == "it is ********** [airflow-balancer: 1 slot]"


@pytest.fixture
def run(sqlite_template: Path, tmp_path: Path) -> Run:
    """Run a program beside Python in an Airflow of its own, with the YAML in its DAGs folder."""
    shutil.copy(sqlite_template, tmp_path / "airflow.db")
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "fleet.yaml").write_text(YAML)

    def run_program(program: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        env = environment(tmp_path, f"sqlite:///{tmp_path}/airflow.db", AIRFLOW__CORE__UNIT_TEST_MODE="False", **more)
        command = [str(Path(sys.executable).with_name(program)), *words]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=180, check=False)

    return run_program


def exported(run: Run, folder: Path, **more: str) -> dict[str, Any]:
    """Return all pools as Airflow exports them, without its own."""
    assert run("airflow", "pools", "export", "exported.json", **more).returncode == 0
    pools: dict[str, Any] = json.loads((folder / "exported.json").read_text())
    pools.pop("default_pool")
    return pools


@pytest.mark.slow
def test_airflow_imports_what_is_printed_and_then_has_what_is_configured(run, tmp_path):
    (tmp_path / "pools.json").write_text(run("airflow-balancer", "pools", "dags/fleet.yaml", "output=airflow").stdout)
    assert run("airflow", "pools", "import", "pools.json").returncode == 0
    assert exported(run, tmp_path) == POOLS
    report = run("airflow-balancer", "pools", "dags/fleet.yaml", "output=json")
    assert (report.returncode, json.loads(report.stdout)) == (0, AS_CONFIGURED)


@pytest.mark.slow
def test_without_multi_team_a_team_is_ignored_with_one_warning(run, tmp_path):
    result = run("airflow-balancer", "pools", "dags/fleet.yaml", "team=payments", "apply=true", "output=json")
    why = "this Airflow runs without [core] multi_team, or is older than 3.3"
    assert json.loads(result.stdout)["warning"] == f"{tmp_path}/dags/fleet.yaml: team 'payments' is ignored: {why}"
    assert (result.returncode, exported(run, tmp_path)) == (0, POOLS)


@pytest.fixture
def of_teams(run: Run) -> Run:
    """Run a program with `[core] multi_team`, and a team `payments`."""
    if version("apache-airflow").startswith("2."):
        pytest.skip("Airflow 2 has no teams")

    def run_program(program: str, *words: str) -> subprocess.CompletedProcess[str]:
        return run(program, *words, AIRFLOW__CORE__MULTI_TEAM="True")

    assert run_program("airflow", "teams", "create", "payments").returncode == 0
    return run_program


@pytest.mark.slow
def test_a_scheduler_with_multi_team_gives_the_pools_their_team(of_teams, tmp_path):
    with (tmp_path / "dags" / "fleet.yaml").open("a") as yaml:
        yaml.write("team: payments\n")
    of_teams("airflow", "scheduler", "--num-runs", "1", "--skip-serve-logs")
    assert exported(of_teams, tmp_path) == OF_PAYMENTS
    report = of_teams("airflow-balancer", "pools", "output=json")
    assert (report.returncode, json.loads(report.stdout)) == (0, AS_CONFIGURED)


@pytest.mark.slow
def test_airflow_imports_pools_with_their_team(of_teams, tmp_path):
    (tmp_path / "pools.json").write_text(of_teams("airflow-balancer", "pools", "dags/fleet.yaml", "team=payments", "output=airflow").stdout)
    assert of_teams("airflow", "pools", "import", "pools.json").returncode == 0
    assert exported(of_teams, tmp_path) == OF_PAYMENTS


@pytest.mark.slow
def test_pools_of_a_team_that_does_not_exist_are_not_written(of_teams, tmp_path):
    result = of_teams("airflow-balancer", "pools", "dags/fleet.yaml", "team=paymnts", "apply=true", "output=json")
    text = "its team 'paymnts' does not exist; did you mean 'payments'?; create it with `airflow teams create paymnts`"
    assert (result.returncode, {row["note"] for row in json.loads(result.stdout)["pools"]}) == (3, {text})
    assert exported(of_teams, tmp_path) == {}
