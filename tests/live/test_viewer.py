"""The viewer in Chromium within a running Airflow: through its login and its navigation, over the rig's own fleet."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")

from airflow_balancer import load
from airflow_balancer.fleet.masking import MASK
from examples.demo.processes import run
from tests.live.airflow_pages import AirflowPages
from tests.live.rig import IS_AIRFLOW_2, Fleet, Rig, wait_until
from tests.viewer.browser.chromium import chromium, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PASSWORD = "hunter2-of-the-fleet"
ADDRESSES = (
    "",
    "index.html",
    *(f"api/{name}" for name in ("configurations", "fleet", "occupancy", "pools", "assignments", "moved", "query")),
)
_SCHEME = "return getComputedStyle(document.documentElement).colorScheme"


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    """Give a browser of this module's own."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def airflow(driver: Any, airflow_rig: Rig) -> Iterator[AirflowPages]:
    """Log in once; before and after, the pools are as the fleet has them, whatever other tests left."""
    airflow_rig.write(airflow_rig.fleet())
    mend = ("pools", str(airflow_rig.airflow.home.dags / "balancer.yaml"), "apply=true", "prune=true")
    airflow_rig.balancer(*mend)
    yield AirflowPages(driver, airflow_rig.airflow.home).login()
    airflow_rig.write(airflow_rig.fleet())
    airflow_rig.balancer(*mend)


@pytest.fixture
def fleet(rig: Rig) -> Fleet:
    """Put a fleet with a secret and a setting into the DAGs folder."""
    fleet = {**rig.fleet(), "default_username": "batch"}
    fleet["hosts"][2]["password"] = PASSWORD
    rig.write(fleet)
    return fleet


@pytest.mark.parametrize("address", ADDRESSES)
def test_without_a_login_nothing_is_shown(airflow_rig: Rig, address: str) -> None:
    answer = httpx.get(f"{airflow_rig.airflow.home.url}/airflow-balancer/{address}", trust_env=False)
    # Airflow 2 leads from the page to its login.
    assert answer.status_code == (302 if IS_AIRFLOW_2 and not address else 401)
    assert "127.0.0.2" not in answer.text
    assert "/login" in answer.headers.get("location", "/login")


def test_navigation_leads_to_the_fleet_at_a_glance(airflow: AirflowPages, fleet: Fleet) -> None:
    tiles = airflow.open_viewer().all(".host-tile")
    assert sorted(tile.get_attribute("data-name") for tile in tiles) == [host["name"] for host in fleet["hosts"]]
    assert "No slot is taken, and no task waits." in airflow.viewer.text("main")


def test_hosts_have_the_occupancy_of_their_pools(airflow: AirflowPages, fleet: Fleet, rig: Rig) -> None:
    page, client, user = airflow.open_viewer().tab("Hosts"), rig.airflow.client, rig.hosts[0].username
    first = ["ubuntu", "extract workers", "", "2", user, "key file", "127.0.0.2"]
    assert (page.column("Hosts"), page.column("Hosts", 1)) == (["127.0.0.2", "127.0.0.3", "127.0.0.4"], ["0/2", "0/3", "0/3"])
    assert page.rows("Hosts")[0][-7:] == first  # between them is the last day, once a task has run
    run_id = client.trigger("host_spans")
    page.wait(lambda: page.click("Refresh").column("Hosts", 1)[0] in {"1/2", "2/2"}, "no task was seen running", timeout=60)
    rig.airflow.wait_for_run("host_spans", run_id)
    page.wait(lambda: page.click("Refresh").column("Hosts", 1) == ["0/2", "0/3", "0/3"], "the tasks were not seen ending")
    assert "9999" in page.click("127.0.0.2").text("dialog")


def test_ports_are_listed_by_host_and_one_by_one(airflow: AirflowPages, fleet: Fleet) -> None:
    page = airflow.open_viewer().tab("Ports")
    assert [row[:3] for row in page.rows("Ports by host")] == [["127.0.0.2", "1", "9999"], ["127.0.0.3", "1", "5432"]]
    rows = page.click("By port").rows("Ports")
    assert [row[:3] for row in rows] == [[port["host"], str(port["port"]), port["name"]] for port in reversed(fleet["ports"])]


def test_pools_that_differ_are_mended_by_the_command(airflow: AirflowPages, fleet: Fleet, rig: Rig, monkeypatch) -> None:
    rig.write({**fleet, "ports": [*fleet["ports"], {"name": "removed", "host": "127.0.0.4", "port": 7100}]})
    client, home = rig.airflow.client, rig.airflow.home
    wait_until(lambda: "removed" in client.pools(), "the pool of a new port")
    client.delete_pool("removed")
    client.set_slots("127.0.0.3", 7)
    page = airflow.open_viewer().tab("Pools")
    differing = {row[0]: row[5] for row in page.rows("Pools") if row[5] != "as configured"}
    assert differing == {"removed": "missing", "127.0.0.3": "edited by hand"}
    monkeypatch.chdir(home.dags)
    run(shlex.split(page.copied("the command")), env=home.env, log=home.logs / "balancer.log")
    left = [row[0] for row in page.click("Refresh").rows("Pools") if row[5] != "as configured"]
    assert (client.pools()["removed"], left) == (1, ["127.0.0.3"])
    client.set_slots("127.0.0.3", 3)
    assert page.click("Refresh").text(".verdict") == "All pools are as configured: 6 pools, nothing to do."


def test_tasks_are_on_the_hosts_that_their_dags_picked(airflow: AirflowPages, fleet: Fleet, rig: Rig) -> None:
    files = {"etl": "etl.py", "picks": "picks.py", "host_spans": "spans.py"}
    for dag_id, file in files.items():
        rig.parse_again(dag_id, file)
    page = airflow.open_viewer().tab("Tasks").click("By host")
    shown = {row[0]: row[5].split(", ") for row in page.rows("Tasks by host")}
    for file, dag_id in (("etl.py", "etl"), ("picks.py", "picks")):
        for task_id, pick in rig.picks(file).items():
            assert (f"{dag_id}.{task_id}" in shown[pick["host"]]) is (pick["host"] == pick["pool"])
    assert {f"host_spans.task_{number}" for number in range(4)} <= set(shown["127.0.0.2"])


def test_settings_and_yaml_say_where_they_come_from_and_no_secret(airflow: AirflowPages, fleet: Fleet) -> None:
    rows = airflow.open_viewer().tab("Settings").rows("Settings")
    assert ["default_username", "batch", "balancer.yaml"] in rows
    assert ["default_size", "8", "default"] in rows
    page = airflow.viewer.tab("YAML")
    assert f"password: '{MASK}'" in page.copied("the composed YAML") == page.find("pre.yaml").get_property("textContent")
    assert page.fill("search", "password").rows("Where each value comes from") == [["hosts[2].password", MASK, "balancer.yaml"]]
    assert PASSWORD not in airflow.driver.page_source


def test_a_query_picks_what_python_picks(airflow: AirflowPages, fleet: Fleet, rig: Rig) -> None:
    page, balancer = airflow.open_viewer().tab("Try a query").fill("queue", "workers"), load(rig.airflow.home.dags / "balancer.yaml")
    for key in ("etl.one", "etl.two", "etl.three"):
        expected = f"Picks {balancer.select_host(queue='workers', key=key).name} of 2 candidates"
        python = f'load("balancer.yaml").select_host(queue="workers", key="{key}")'
        page.fill("key", key).wait(lambda told=python: told in page.text(), "the query was not answered")
        assert page.text(".picked-line") == expected
        assert (page.copied("the line of Python"), expected.split()[1]) == (python, page.column("Candidates", 1)[0].split()[0])


def test_a_link_opens_the_same_view(airflow: AirflowPages, fleet: Fleet) -> None:
    page = airflow.open_viewer().tab("Hosts").choose("queue", "extract").sort("size").sort("size")
    seen, link = page.column("Hosts"), page.copied("link to this view")
    assert (sorted(seen), page.address.startswith("#hosts?")) == (["127.0.0.2", "127.0.0.4"], True)
    airflow.driver.get_log("browser")  # so far, of Airflow's own pages
    airflow.driver.get("about:blank")  # or nothing is loaded: the address is that of the page already
    airflow.driver.get(link)
    assert (airflow.arrive().column("Hosts"), page.text(".tally")) == (seen, "2 of 3 hosts")
    # Chromium says of Airflow's frame that its sandbox is none.
    assert [said for said in page.refusals if "sandboxing" not in said] == []


@pytest.mark.skipif(IS_AIRFLOW_2, reason="Airflow 2 has one theme")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_theme_is_that_of_airflow(airflow: AirflowPages, theme: str) -> None:
    page = airflow.open_viewer()
    # Airflow's page hears of it as of a choice in another window, and changes its class.
    page.run("localStorage.setItem('theme', arguments[0])", theme)
    page.wait(lambda: page.run(_SCHEME) == theme, "the theme was not followed")
    with airflow.outside() as outer:
        assert theme in outer.find_element("css selector", "html").get_attribute("class").split()
        outer.refresh()
    assert page.run(_SCHEME) == theme
