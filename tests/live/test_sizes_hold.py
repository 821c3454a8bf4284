"""No host runs more than its size: counted on the hosts, while two Airflows use them and things break."""

from __future__ import annotations

import json
import logging
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live.crowd_rig import Crowd, Run, crowded
from tests.live.logging_hosts import Moment, most, overruns, started, twice_held
from tests.live.rig import find_sshd, wait_until

pytest.importorskip("airflow.providers.celery", reason="Celery's provider is not installed; with Airflow 3 it is")

LOG = logging.getLogger(__name__)
EDITED = {"two": 3, "eight": 4}
DEAD, DRAINED = "three", "four"
OF_A_KILL = re.compile("^killed$|exit status = -1|Unable to connect to port|^HostUnreachable")
"""Why an attempt fails whose process or whose host was killed."""
MISTAKEN = re.compile("reported that the task instance .* finished with state success, but")


@pytest.fixture(scope="module")
def crowd(postgres: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    if postgres is None or find_sshd() is None or shutil.which("redis-server") is None:
        pytest.skip("not all are installed: apt-get install postgresql openssh-server redis-server; pip install psycopg2-binary asyncpg")
    with crowded(tmp_path_factory.mktemp("crowd"), postgres) as crowd:
        yield crowd


@dataclass
class Story:
    """What happened: the runs; when a host was drained; which of its slots were held then; when its drain ended and the
    sizes were edited. Times are in nanoseconds."""

    runs: list[Run]
    drained: int
    held: list[str]
    edited: int


def story(crowd: Crowd, **keys: Any) -> Story:
    """Run everything, and meanwhile kill a worker, a host, a scheduler and six tasks, drain a host and edit sizes."""
    crowd.hosts.clear()
    crowd.write(**keys)
    runs = crowd.start_runs()
    after(crowd, 8)
    crowd.kill("worker-1")
    after(crowd, 16)
    crowd.hosts.kill(DEAD)
    after(crowd, 32)
    crowd.kill("scheduler-1")
    after(crowd, 48)
    crowd.hosts.start(DEAD)
    with crowd.hosts.drained(DRAINED):
        held, drained, sessions = crowd.hosts.held(DRAINED), time.time_ns(), crowd.hosts.sessions(DRAINED)
        after(crowd, 64)
        wait_until(lambda: crowd.hosts.sessions(DRAINED) > sessions, "a session on the drained host", processes=crowd.servers)
        edited = time.time_ns()
    crowd.write(host_overrides={name: {"size": size} for name, size in EDITED.items()}, **keys)
    for commands in range(68, 104, 6):
        after(crowd, commands)
        crowd.kill_a_task()
    wait_until(lambda: all(map(ended, runs)) and crowd.hosts.are_idle(), "the end of all runs", processes=crowd.servers, timeout=600)
    return Story(runs, drained, held, edited)


def after(crowd: Crowd, commands: int) -> None:
    """Wait until so many commands have started."""
    wait_until(lambda: crowd.hosts.started() >= commands, f"the start of {commands} commands", processes=crowd.servers, timeout=300)


def ended(run: Run) -> bool:
    airflow, dag_id, run_id = run
    return airflow.client.run_state(dag_id, run_id) in {"success", "failed"}


def overrun(crowd: Crowd, told: Story) -> dict[str, list[int]]:
    """How many commands ran on each host whenever it was more than its size."""
    found = {
        name: overruns(crowd.hosts.commands(name), size, edited=told.edited, then=EDITED.get(name, size))
        for name, size in crowd.hosts.sizes.items()
    }
    return {name: counts for name, counts in found.items() if counts}


def unsuccessful(runs: list[Run]) -> list[str]:
    """The tasks that did not succeed."""
    tasks = [(dag_id, task) for airflow, dag_id, run_id in runs for task in airflow.client.tasks(dag_id, run_id)]
    return [f"{dag_id}.{task.task_id}: {task.state}" for dag_id, task in tasks if task.state != "success"]


def spent_retries(runs: list[Run]) -> dict[str, str]:
    """Why each attempt failed after which there was another one, by its log; `killed` where that ends before."""
    return {
        f"{dag_id}/{log.relative_to(folder)}": failure(log)
        for airflow, dag_id, run_id in runs
        for folder in [airflow.home.logs / f"dag_id={dag_id}" / f"run_id={run_id}"]
        for log in folder.rglob("attempt=*.log")
        if log.with_name(f"attempt={int(log.stem.partition('=')[2]) + 1}.log").exists()
    }


def failure(log: Path) -> str:
    """The exceptions of an attempt that failed."""
    entries = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    errors = [error for entry in entries if entry["event"] == "Task failed with exception" for error in entry["error_detail"]]
    return "; ".join(f"{error['exc_type']}: {error['exc_value']}" for error in errors) or "killed"


def mistaken(crowd: Crowd) -> list[str]:
    """What the schedulers say of tasks that they believe dead, and that no one killed, which uses a retry."""
    logs = [airflow.home.logs / "scheduler-1.log" for airflow in (crowd.main, crowd.other)]
    found = [line for log in logs for line in log.read_text().splitlines() if MISTAKEN.search(line)]
    return [line for line in found if not any(killed in line for killed in crowd.killed)]


def show(crowd: Crowd, told: Story) -> None:
    """Log the figures: `pytest -o log_cli=true` shows them."""
    for name in crowd.hosts.sizes:
        commands, sessions = crowd.hosts.commands(name), crowd.hosts.sessions(name)
        LOG.info("%s: at most %d at once, %d commands in %d sessions", name, most(commands), len(commands) // 2, sessions)
    LOG.info("%d tasks were killed", len(crowd.killed))
    LOG.info("%s was drained for %.0f s", DRAINED, (told.edited - told.drained) / 10**9)
    LOG.info("attempts that failed: %s", dict(Counter(spent_retries(told.runs).values())))


def log_of(text: str) -> list[Moment]:
    """A host's log: `+0` starts a command with slot 0, at the time of its place in the text."""
    return [Moment(1 if word[0] == "+" else -1, time, "task", word[1:]) for time, word in enumerate(text.split(), 1)]


@pytest.mark.parametrize(
    ("log", "size", "then", "found"),
    [
        pytest.param("+0 +1 -0 +0 -1 +1", 2, 2, [], id="never over"),
        pytest.param("+0 +1 +0 -1 +0", 2, 2, [3, 3], id="over twice"),
        pytest.param("+0 +1 -0 +0 +2", 2, 3, [], id="larger in the middle"),
        pytest.param("+0 +1 +2 -2 -1 +1", 2, 3, [3], id="over before it is larger"),
        pytest.param("+0 +1 +2 -0 +0 -2 -1 -0 +0 +1", 3, 2, [], id="smaller, what runs ends in peace"),
        pytest.param("+0 +1 +2 -0 -2 +0 +1", 3, 2, [3], id="over after it is smaller"),
    ],
)
def test_overruns_go_by_the_size_of_the_moment(log: str, size: int, then: int, found: list[int]) -> None:
    assert overruns(log_of(log), size, edited=4, then=then) == found


def test_a_slot_that_two_hold_is_seen() -> None:
    assert [moment.time for moment in twice_held(log_of("+0 +1 -0 +0 +1"))] == [5]


@pytest.mark.parametrize(
    ("log", "held", "found"),
    [
        pytest.param("+0 +1 -0 -1", "01", {}, id="none"),
        pytest.param("+0 -0 +1 -1", "1", {}, id="one that had its slot before"),
        pytest.param("+0 -0 +1 -1 +1", "1", {"1": 1}, id="and another one in that slot"),
        pytest.param("+0 +1 -0 +0", "01", {"0": 1}, id="one in the slot of one that ran"),
        pytest.param("+0 -0 -1 -2 -3 -4 -5 -6 +0", "", {}, id="one after that"),
    ],
)
def test_what_starts_on_a_drained_host_is_seen(log: str, held: str, found: dict[str, int]) -> None:
    assert started(log_of(log), list(held), since=2, until=9) == found


def test_with_slots_no_host_runs_more_than_its_size_and_waiting_uses_no_retry(crowd: Crowd) -> None:
    told = story(crowd, hold_slots=True, slot_dir="~/slots", slot_wait=10)
    show(crowd, told)
    assert overrun(crowd, told) == {}
    assert [moment for name in crowd.hosts.sizes for moment in twice_held(crowd.hosts.commands(name))] == []
    assert started(crowd.hosts.commands(DRAINED), told.held, since=told.drained, until=told.edited) == {}
    assert unsuccessful(told.runs) == ["plain.wrong: failed"]
    assert [reason for reason in spent_retries(told.runs).values() if not OF_A_KILL.search(reason)] == []
    assert mistaken(crowd) == []
    assert sum(map(crowd.hosts.sessions, crowd.hosts.sizes)) > crowd.hosts.started()
    assert {name: crowd.hosts.held(name) for name in crowd.hosts.sizes} == {name: [] for name in crowd.hosts.sizes}


def test_without_slots_hosts_run_more_than_their_size(crowd: Crowd) -> None:
    crowd.hosts.clear()
    crowd.write(hold_slots=False)
    told = Story(crowd.start_runs(), drained=0, held=[], edited=time.time_ns() + 10**15)
    wait_until(lambda: overrun(crowd, told), "a host with more commands than its size", processes=crowd.servers)
    assert overrun(crowd, told)
