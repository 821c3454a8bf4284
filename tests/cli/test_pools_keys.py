"""`airflow-balancer pools`: what its keys write, and to which fleets; Airflow is a stand-in that notes what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

import pytest

from airflow_balancer.airflow.connections import Plans
from airflow_balancer.airflow.options import environment_option
from airflow_balancer.airflow.pools import Plan, plan_pools, wanted_pools
from airflow_balancer.errors import Problem
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.fleet.pools import PoolSlots, mark

ORPHAN = PoolSlots("orphan", 1, mark("Balancer pool for host(orphan)", 1), include_deferred=True)
OTHER = {"other.yaml": Fleet.from_data({"hosts": [{"name": "host2", "size": 4}]})}


class Target:
    """An Airflow with one pool, that no configuration wants."""

    def __init__(self) -> None:
        self.written: list[tuple[list[str], bool]] = []

    def plan(self, fleets: Mapping[str, Fleet]) -> Plans:
        return Plans(plan_pools(wanted_pools(fleets), [ORPHAN]), Plan())

    def apply(self, fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
        self.written.append(([name.rpartition("/")[2] for name in fleets], prune))
        return self.plan(fleets)


@pytest.fixture
def target(monkeypatch, write):
    pytest.importorskip("sqlalchemy", reason="Airflow, which brings it, is not installed")
    write("own.yaml", "hosts: [{name: host1, size: 4}]\n")
    made = Target()
    monkeypatch.setattr("airflow_balancer.airflow.target.open_target", lambda _: nullcontext(made))
    monkeypatch.setattr("airflow_balancer.airflow.sync.find_fleets", lambda: (OTHER, []))
    monkeypatch.setattr("airflow_balancer.airflow.versions.has_airflow", lambda: True)
    monkeypatch.setattr("airflow_balancer.airflow.versions.option", environment_option)
    return made


@pytest.mark.parametrize(
    ("words", "written", "state"),
    [
        (["own.yaml"], [], "differ; apply=true writes the above"),
        (["own.yaml", "apply=false", "prune=false"], [], "differ; apply=true writes the above"),
        (["own.yaml", "apply=true"], [(["own.yaml"], False)], "applied"),
        (["own.yaml", "prune=true"], [(["other.yaml", "own.yaml"], True)], "applied"),
        (["own.yaml", "prune=true", "api_url=http://airflow.test"], [(["own.yaml"], True)], "applied"),
        (["apply=true"], [(["other.yaml"], False)], "applied"),
    ],
    ids=["nothing", "false", "apply", "prune", "prune by the API", "no file"],
)
def test_apply_and_prune_write_what_differs(target, cli, words, written, state):
    answer = cli("pools", *words)
    assert (answer.stderr, answer.returncode, target.written) == ("", 0 if written else 3, written)
    assert answer.stdout.splitlines()[-1].endswith(f" above: {state}")


def test_without_a_file_what_airflow_cannot_read_is_an_error(target, cli, monkeypatch):
    monkeypatch.setattr("airflow_balancer.airflow.sync.find_fleets", lambda: (OTHER, [Problem("is wrong", origin="x.yaml")]))
    assert (*cli("pools", "apply=true"), target.written) == ("", "airflow-balancer: x.yaml: is wrong\n", 1, [])


@pytest.mark.parametrize(
    ("has_airflow", "message"),
    [
        (True, "there is no balancer's YAML in the DAGs folder; give one, or name it in [balancer] config_path"),
        (False, "no configuration is given, and Airflow, which would have some, is not installed here"),
    ],
    ids=["Airflow", "no Airflow"],
)
def test_without_a_file_there_must_be_one_that_airflow_syncs(target, cli, monkeypatch, has_airflow, message):
    monkeypatch.setattr("airflow_balancer.airflow.sync.find_fleets", lambda: ({}, []))
    monkeypatch.setattr("airflow_balancer.airflow.versions.has_airflow", lambda: has_airflow)
    monkeypatch.setattr("airflow_balancer.airflow.versions.option", environment_option)
    assert cli("pools") == ("", f"airflow-balancer: {message}\n", 1)


def test_nothing_but_what_is_wanted_is_as_configured(target, cli, write):
    write("own.yaml", "hosts: [{name: orphan, size: 1}]\n")
    answer = cli("pools", "own.yaml")
    assert (answer.returncode, answer.stdout.splitlines()[-1]) == (0, "1 unchanged: as configured")
