"""Picking by the load of now, on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.airflow.pools_server import serving_pools
from tests.conftest import REPOSITORY

FLEET = """
strategy: least_loaded
hosts:
  - {name: host1, size: 8, queues: [workers]}
  - {name: host2, size: 16, queues: [workers]}
  - {name: host3, size: 8, queues: [primary]}
"""
ASKED = ("balancer.yaml", "query.queue=workers")
PATIENCE = 30
"""Seconds that a server has to answer, on a machine however busy."""
NO_AIRFLOW = "there is no Airflow here; give the address of its API server in [balancer] api_url (AIRFLOW__BALANCER__API_URL)"


@pytest.fixture(autouse=True)
def _balancer(write) -> None:
    write("balancer.yaml", FLEET)


@pytest.fixture
def server(monkeypatch) -> Iterator[str]:
    """An API server by which host2, of twice the size, is the less loaded one of its queue."""
    pytest.importorskip("httpx", reason="httpx is not installed")
    monkeypatch.setattr("airflow_balancer.airflow.occupancy.SECONDS", PATIENCE)
    with serving_pools(host1=2, host2=3, host3=0) as url:
        yield url


@pytest.fixture(autouse=True)
def _no_airflow(monkeypatch) -> None:
    monkeypatch.setattr("airflow_balancer.airflow.versions.has_airflow", lambda: False)


def test_the_host_with_the_smallest_load_for_its_size_is_selected(cli, server):
    assert cli("select", *ASKED, f"api_url={server}") == ("host2\n", "", 0)
    assert cli("select", *ASKED, "host_overrides.host2.size=8", f"api_url={server}") == ("host1\n", "", 0)


def test_the_servers_address_may_stand_in_the_environment(cli, server):
    assert cli("select", *ASKED, AIRFLOW__BALANCER__API_URL=server) == ("host2\n", "", 0)


def test_the_report_has_each_candidates_load_and_whose_word_it_is(cli, server):
    report = json.loads(cli("select", *ASKED, f"api_url={server}", "output=json").stdout)
    assert (report["host"], report["candidates"], report["picked"]["name"]) == ("host2", ["host1", "host2"], "host2")
    assert report["live"] == {
        "picked_by": "least_loaded",
        "source": f"the API server at {server}",
        "why": None,
        "candidates": [{"name": "host2", "taken": 3, "size": 16}, {"name": "host1", "taken": 2, "size": 8}],
    }


def test_a_port_is_given_on_the_same_host(cli, server):
    asked = (*ASKED, f"api_url={server}", "query.min=9000", "query.max=9000")
    assert cli("port", *asked) == ("host2:9000\n", "", 0)
    assert json.loads(cli("port", *asked, "output=json").stdout)["live"]["picked_by"] == "least_loaded"


@pytest.mark.parametrize("command", ["select", "port"])
def test_where_nobody_knows_the_load_rendezvous_picks_and_it_is_said(cli, command):
    asked = (*ASKED, *(["query.min=9000"] if command == "port" else []))
    fallen_back, rendezvous = cli(command, *asked), cli(command, *asked, "strategy=rendezvous")
    host = rendezvous.stdout.strip().partition(":")[0]
    assert rendezvous.stderr == ""
    assert fallen_back == (rendezvous.stdout, f"airflow-balancer: {host} is picked by rendezvous, no load is known: {NO_AIRFLOW}\n", 0)


def test_programs_are_told_in_the_report(cli):
    result = cli("select", *ASKED, "output=yaml")
    live = yaml.safe_load(result.stdout)["live"]
    assert (result.stderr, live["picked_by"], live["source"], live["why"]) == ("", "rendezvous", None, NO_AIRFLOW)
    assert sorted(map(str, live["candidates"])) == [
        "{'name': 'host1', 'taken': None, 'size': 8}",
        "{'name': 'host2', 'taken': None, 'size': 16}",
    ]


def test_a_server_that_is_down_is_said(cli):
    pytest.importorskip("httpx", reason="httpx is not installed")
    result = cli("select", *ASKED, "api_url=http://127.0.0.1:1")
    assert result.returncode == 0
    assert "no load is known: http://127.0.0.1:1: cannot be reached (ConnectError:" in result.stderr


def test_a_tree_chooses_it_as_an_option(cli, server):
    words = ("select", "query.queue=workers", "strategy=least_loaded", f"api_url={server}", "output=json")
    report = json.loads(cli(*words, cwd=REPOSITORY).stdout)
    assert (report["host"], report["live"]["picked_by"]) == ("host3", "least_loaded")


@pytest.mark.parametrize("command", ["show", "plan", "validate"])
def test_other_commands_ask_nobody(cli, write, monkeypatch, command):
    monkeypatch.setattr("airflow_balancer.airflow.occupancy.read_occupancy", lambda **_: pytest.fail("asked"))
    write("balancer.yaml", FLEET)
    by_load, by_rendezvous = cli(command, "balancer.yaml"), cli(command, "balancer.yaml", "strategy=rendezvous")
    assert by_load == by_rendezvous
    assert by_load.stderr == ""


def test_other_strategies_ask_nobody(cli, monkeypatch):
    monkeypatch.setattr("airflow_balancer.airflow.occupancy.read_occupancy", lambda **_: pytest.fail("asked"))
    result = cli("select", *ASKED, "strategy=rendezvous", "output=json")
    assert "live" not in json.loads(result.stdout)
