"""`least_loaded` picks by what a running Airflow's pools hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from examples.demo.processes import wait_until
from tests.live.rig import IS_AIRFLOW_2, Rig

BUSY, IDLE = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def busy(airflow_rig: Rig) -> Iterator[Rig]:
    """The running Airflow while two tasks are in the pool of one of two equal hosts."""
    airflow_rig.write(airflow_rig.fleet(sizes={BUSY: 4, IDLE: 4}))
    airflow_rig.airflow.run_dag("plain")
    hold = airflow_rig.airflow.home.dags / "hold"
    hold.touch()
    client = airflow_rig.airflow.client
    run_id = client.trigger("holding")
    try:
        wait_until(lambda: {task.state for task in client.tasks("holding", run_id)} == {"running"}, "the tasks that hold slots")
        yield airflow_rig
    finally:
        hold.unlink()
        airflow_rig.airflow.wait_for_run("holding", run_id)


def select(rig: Rig, strategy: str, key: str, *words: str, **env: str) -> Any:
    """Return the report on a pick of one of the two hosts."""
    file = str(rig.airflow.home.dags / "balancer.yaml")
    asked = (f"query.name=[{BUSY},{IDLE}]", f"query.key={key}", f"strategy={strategy}")
    printed = rig.balancer("select", file, *asked, *words, "output=json", **env)
    return json.loads(printed[printed.index("{") :])


@pytest.fixture(scope="module")
def key(busy: Rig) -> str:
    """A key that rendezvous gives to the busy host."""
    return next(key for key in map(str, range(99)) if select(busy, "rendezvous", key)["host"] == BUSY)


def test_the_idle_host_is_selected_by_the_metadata_database(busy: Rig, key: str) -> None:
    report = select(busy, "least_loaded", key)
    assert report["host"] == IDLE
    assert report["live"] == {
        "picked_by": "least_loaded",
        "source": "the metadata database",
        "why": None,
        "candidates": [{"name": IDLE, "taken": 0, "size": 4}, {"name": BUSY, "taken": 2, "size": 4}],
    }


@pytest.mark.skipif(IS_AIRFLOW_2, reason="Airflow 2 has no REST API of version 2")
def test_the_idle_host_is_selected_by_the_api_server(busy: Rig, key: str) -> None:
    home = busy.airflow.home
    address = (f"api_url={home.url}", f"api_username={home.username}")

    def selected() -> bool:
        report = select(busy, "least_loaded", key, *address, AIRFLOW__BALANCER__API_PASSWORD=home.password)
        return bool(report["host"] == IDLE and report["live"]["source"] == f"the API server at {home.url}")

    wait_until(selected, "an answer of the API server within two seconds")


def test_a_wrong_password_lets_rendezvous_pick(busy: Rig, key: str) -> None:
    if IS_AIRFLOW_2:
        pytest.skip("Airflow 2 has no REST API of version 2")
    home = busy.airflow.home
    report = select(busy, "least_loaded", key, f"api_url={home.url}", "api_username=nobody", AIRFLOW__BALANCER__API_PASSWORD="wrong")
    assert (report["host"], report["live"]["picked_by"]) == (BUSY, "rendezvous")
