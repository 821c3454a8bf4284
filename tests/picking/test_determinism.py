"""The same picks in every process: whatever the hash seed, and with or without Airflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

PICKS = [["host2", 28774], ["host1", 45504], ["host3", 32338], ["host1", 21349], ["host2", 6490], ["host2", 8318]]

FLEET_CODE = """
import json
from airflow_balancer.hydra.compose import compose_file
from airflow_balancer.cli.requests import requests_of
from airflow_balancer.files.locate import find_source
print(json.dumps([pick["gets"] for pick in requests_of(compose_file(find_source({path!r}), ["env=prod"]))]))
"""
DAG_CODE = """
import json
from airflow_balancer import load
balancer = load({path!r}, ["env=prod"])
picked = []
for queue in ("workers", "primary", "*", "*", "*", "*"):
    host = balancer.select_host(queue=queue)
    assert balancer.select_host(queue=queue, key="etl") is balancer.assign_hosts(["etl"], queue=queue)["etl"]
    picked.append([host.name, balancer.free_port(host).port])
print(json.dumps(picked))
"""


@pytest.mark.parametrize("seed", [0, 1, 42, "random"])
def test_a_composed_config_picks_the_same(python, seed):
    result = python(FLEET_CODE.format(path=str(REPOSITORY / "conf")), PYTHONHASHSEED=seed)
    assert json.loads(result.stdout) == ["host2", "host2", "extract --on host2 --port 9651", "host1", "publish --to http://host1:8080"]


@pytest.mark.parametrize("seed", [0, "random"])
@pytest.mark.slow
def test_a_dag_file_picks_the_same(tmp_path, write, seed):
    dag = write("dag.py", DAG_CODE.format(path=str(REPOSITORY / "conf")))
    environ = {**os.environ, "PYTHONHASHSEED": str(seed)}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", str(dag)], env=environ, capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(result.stdout.splitlines()[-1]) == PICKS
