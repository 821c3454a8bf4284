"""Nothing that stands in the DAGs folder stops a scheduler, and nothing there is run by it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.rig import Rig

BROKEN = "_target_: airflow_balancer.BalancerConfiguration\nhosts: [\n"
UNKNOWN = "_target_: airflow_balancer.BalancerConfiguration\nhosts: [{name: broken-host, sise: 3}]\n"


@pytest.fixture
def dags(rig: Rig) -> Iterator[Path]:
    """The DAGs folder; YAML files that a test adds are removed after it."""
    folder = rig.airflow.home.dags
    yield folder
    for path in {*folder.glob("*.yaml")} - {folder / "balancer.yaml"}:
        path.unlink()


@pytest.mark.parametrize("content", [BROKEN, UNKNOWN], ids=["no YAML", "misspelt key"])
def test_broken_yaml_is_said_once_and_other_pools_are_made(rig: Rig, dags: Path, content: str) -> None:
    before = len(rig.scheduler_log())
    name = f"broken-{len(content)}"
    (dags / f"{name}.yaml").write_text(content)
    fleet = rig.fleet()
    fleet["ports"].append({"name": f"beside-{name}", "host": "127.0.0.4", "port": 7100})
    rig.write(fleet)

    rig.airflow.run_dag("plain")
    rig.airflow.run_dag("plain")

    assert rig.airflow.client.pools()[f"beside-{name}"] == 1
    complaints = [line for line in rig.scheduler_log()[before:].splitlines() if f"{name}.yaml" in line]
    assert len(complaints) == 1, complaints


def test_scheduler_starts_and_schedules_beside_a_broken_yaml(rig: Rig, dags: Path) -> None:
    (dags / "broken.yaml").write_text(BROKEN)
    rig.airflow.restart("scheduler-1")
    rig.airflow.run_dag("plain")


def test_file_that_would_never_end_does_not_hold_the_scheduler(rig: Rig, dags: Path) -> None:
    os.mkfifo(dags / "pipe.yaml")
    rig.airflow.run_dag("plain")


@pytest.mark.parametrize(
    "node",
    [
        "hosts: [{{_target_: builtins.open, file: {file}, mode: w}}]",
        "hosts: [{{name: a, password: {{_target_: builtins.open, file: {file}, mode: w}}}}]",
        "hosts: ${{evil}}\nevil: [{{_target_: builtins.open, file: {file}, mode: w}}]",
        "strategy: {{_target_: builtins.open, file: {file}, mode: w}}\nhosts: [{{name: evil-host}}]",
    ],
    ids=["in a list", "nested", "behind an interpolation", "as a strategy"],
)
def test_target_in_a_yaml_is_not_called_by_the_scheduler(rig: Rig, dags: Path, tmp_path: Path, node: str) -> None:
    opened = tmp_path / "opened"
    (dags / "evil.yaml").write_text("_target_: airflow_balancer.BalancerConfiguration\n" + node.format(file=opened))
    fleet = rig.fleet()
    fleet["ports"].append({"name": f"beside-{tmp_path.name}", "host": "127.0.0.4", "port": 7200})
    rig.write(fleet)
    rig.airflow.run_dag("plain")
    assert rig.airflow.client.pools()[f"beside-{tmp_path.name}"] == 1
    assert not opened.exists()
