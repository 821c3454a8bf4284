"""An operator's questions, each answered by at most two clicks from the first view, on an Airflow that is busy.

A host is full with tasks waiting, the sshd of another one is killed, and a host was drained since the DAG's first version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import yaml

pytest.importorskip("airflow.models", reason="Airflow is not installed")
pytest.importorskip("asyncssh", reason="asyncssh is not installed")
pytest.importorskip("psutil", reason="psutil is not installed")

import psutil

from examples.demo.openssh_hosts import OpenSshHosts
from examples.demo.ssh_hosts import SshHost
from tests.live.airflow_pages import AirflowPages
from tests.live.rig import IS_AIRFLOW_2, Fleet, Rig, find_sshd, wait_until
from tests.viewer.browser.chromium import chromium, missing
from tests.viewer.browser.page import Page

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.skipif(find_sshd() is None, reason="no sshd: apt-get install openssh-server"),
]
FULL, DEAD = "127.0.0.2", "127.0.0.5"
WHERE = ["127.0.0.3", "127.0.0.4"]
"""The candidates of the task that moves."""
DAG = """
from datetime import UTC, datetime, timedelta

from airflow_balancer import BalancedSSHOperator, load

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

balancer = load("balancer.yaml")
AGAIN = {"retries": 2, "retry_delay": timedelta(seconds=1)}

with DAG("questions", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    BalancedSSHOperator(task_id="moves", balancer=balancer, query={"tag": "moves"}, command="true")
    BalancedSSHOperator(task_id="fails", balancer=balancer, query={"tag": "dead"}, command="true", **AGAIN)
"""


class Person:
    """Somebody who opens the page, and clicks; each click is counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, text: str) -> Person:
        """Click the button, link or tab of that text."""
        self.clicks += 1
        self.page.click(text)
        return self

    def click_tile(self, host: str) -> Person:
        """Click a host's tile."""
        self.clicks += 1
        self.page.find(f".host-tile[data-name='{host}']").click()
        self.page.settle()
        return self


@pytest.fixture(scope="module")
def busy(airflow_rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Make the rig's Airflow busy; at the end it is as it was."""
    home, client = airflow_rig.airflow.home, airflow_rig.airflow.client
    servers = OpenSshHosts([DEAD], tmp_path_factory.mktemp("sshd"))
    with ExitStack() as stack:
        [host] = stack.enter_context(servers)
        with (home.home / ".ssh/known_hosts").open("a") as known:
            known.write(host.key_file.with_name("known_hosts").read_text())
        fleet = fleet_with(airflow_rig, host)
        stack.callback(forget, airflow_rig)
        airflow_rig.write(fleet)
        (home.dags / "questions.py").write_text(DAG)
        airflow_rig.airflow.wait_for_dag("questions")
        run_id = airflow_rig.airflow.run_dag("questions")
        drained = next(task.pool for task in client.tasks("questions", run_id) if task.task_id == "moves")
        kill(servers)
        run_id = client.trigger("questions")
        wait_until(lambda: client.run_state("questions", run_id) == "failed", "the last attempt on the dead host")
        next(one for one in fleet["hosts"] if one["name"] == drained)["drain"] = "its disks are replaced"
        airflow_rig.write(fleet)
        airflow_rig.parse_again("questions", "questions.py")
        stack.enter_context(held(airflow_rig))
        yield airflow_rig


def kill(servers: OpenSshHosts) -> None:
    """Kill the sshd, and what it has started, by their ids."""
    server = psutil.Process(servers.servers[DEAD].pid)
    for process in [server, *server.children(recursive=True)]:
        process.kill()


@contextmanager
def held(rig: Rig) -> Iterator[None]:
    """Fill a host, with two tasks waiting; at the end let them go."""
    client, hold = rig.airflow.client, rig.airflow.home.dags / "hold"
    hold.touch()
    runs = [client.trigger("holding") for _ in range(2)]
    states = lambda: sorted(str(task.state) for run in runs for task in client.tasks("holding", run))  # noqa: E731
    wait_until(lambda: states() == ["running", "running", "scheduled", "scheduled"], "two tasks that run and two that wait")
    yield
    hold.unlink()
    for run in runs:
        rig.airflow.wait_for_run("holding", run)


def fleet_with(rig: Rig, host: SshHost) -> Fleet:
    """The rig's fleet, and a host more."""
    fleet = rig.fleet()
    for one in fleet["hosts"]:
        one["tags"] = ["moves"] if one["name"] in WHERE else []
    login = {"username": host.username, "key_file": str(host.key_file), "ssh_hook_args": {"port": host.port}}
    fleet["hosts"].append({"name": DEAD, "size": 1, "tags": ["dead"], **login})
    return fleet


def forget(rig: Rig) -> None:
    """Take the DAG and the host away."""
    dags = rig.airflow.home.dags
    (dags / "questions.py").unlink(missing_ok=True)
    rig.write(rig.fleet())
    rig.balancer("pools", str(dags / "balancer.yaml"), "apply=true", "prune=true")


@pytest.fixture(scope="module")
def pages(busy: Rig) -> Iterator[AirflowPages]:
    """Log in once."""
    with chromium() as driver:
        pages = AirflowPages(driver, busy.airflow.home).login()
        pages.open_viewer()
        yield pages


@pytest.fixture
def person(pages: AirflowPages) -> Iterator[Person]:
    """Give the first view, as after a reload."""
    pages.viewer.run("location.hash = '#fleet'; location.reload()")
    person = Person(pages.viewer.settle())
    yield person
    assert person.clicks <= 2


def moved_to(rig: Rig) -> tuple[str, str]:
    """Where the task that moves was, and is."""
    hosts = yaml.safe_load((rig.airflow.home.dags / "balancer.yaml").read_text())["hosts"]
    drained = next(host["name"] for host in hosts if host.get("drain"))
    return drained, next(name for name in WHERE if name != drained)


def test_what_is_overloaded(person: Person) -> None:
    assert person.page.text(".hottest li").split() == [FULL, "2/2", "+2"]
    assert f"{FULL} is full: 2 tasks wait for a slot" in person.page.text(".wrong")


def test_what_is_down(person: Person) -> None:
    assert re.search(rf"{DEAD} the last 3 attempts failed, last success \d+ minutes? ago", person.page.text(".wrong"))


def test_what_moved(person: Person, busy: Rig) -> None:
    person.click("Tasks").click("What moved")
    if IS_AIRFLOW_2:
        assert "Airflow 2 keeps the newest version of each DAG alone" in person.page.text("main")
        return
    before, after = moved_to(busy)
    [row] = [row for row in person.page.rows("Tasks that moved") if row[0].startswith("questions.")]
    assert row[:3] + row[4:] == ["questions.moves", before, after, "1 → 2", f"{before} is drained: its disks are replaced"]
    assert re.fullmatch(r"\d minutes? ago", row[3])


def test_what_if_a_host_is_drained(person: Person, busy: Rig) -> None:
    _, left = moved_to(busy)
    person.click_tile(left).click("What if this host is drained?")
    assert ["questions.moves", left, "no host", "no candidate is left"] in person.page.rows("Tasks of DAG files that move")
    assert person.page.copied("the YAML") == f"host_overrides:\n  {left}:\n    drain: true\n"


def test_where_a_task_runs(person: Person, busy: Rig) -> None:
    before, after = moved_to(busy)
    person.click("Tasks").page.fill("search", "questions.moves")
    [row] = person.page.rows("Tasks")
    assert (row[:4], row[4].split(":")[0]) == (["questions.moves", before, "success", before], f"the next run goes to {after}")


def test_which_port_is_free(person: Person) -> None:
    person.click("Ports").click("Free ports")
    assert re.match(r"Port \d+ is free on ", person.page.text(".picked-line [role=status]"))


def test_why_a_task_is_on_its_host(person: Person, busy: Rig) -> None:
    before, _ = moved_to(busy)
    person.click("Tasks").page.fill("search", "questions.moves")
    [why] = person.page.column("Tasks", 4)
    assert why.split(": ")[1] == f"the only candidate; 1 of 4 hosts are candidates, without {FULL} (tag), {before} (drained), {DEAD} (tag)"
