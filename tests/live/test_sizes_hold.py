"""No host runs more than its size: counted on the hosts, while two Airflows use them and things break."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live.crowd_rig import Crowd, Run, crowded
from tests.live.logging_hosts import Moment, most, overruns
from tests.live.rig import find_sshd, wait_until

pytest.importorskip("airflow.providers.celery", reason="Celery's provider is not installed; with Airflow 3 it is")

LOG = logging.getLogger(__name__)
EDITED = {"two": 3, "eight": 4}
DEAD, DRAINED = "three", "four"


@pytest.fixture(scope="module")
def crowd(postgres: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    if postgres is None or find_sshd() is None or shutil.which("redis-server") is None:
        pytest.skip("not all are installed: apt-get install postgresql openssh-server redis-server; pip install psycopg2-binary asyncpg")
    with crowded(tmp_path_factory.mktemp("crowd"), postgres) as crowd:
        yield crowd


@dataclass
class Story:
    """What happened: the runs, and when the sizes were edited, in nanoseconds."""

    runs: list[Run]
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
        after(crowd, 64)
    edited = time.time_ns()
    crowd.write(host_overrides={name: {"size": size} for name, size in EDITED.items()}, **keys)
    for commands in range(68, 104, 6):
        after(crowd, commands)
        crowd.kill_a_task()
    wait_until(lambda: all(map(ended, runs)) and crowd.hosts.are_idle(), "the end of all runs", processes=crowd.servers, timeout=600)
    return Story(runs, edited)


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


def show(crowd: Crowd, told: Story) -> None:
    """Log the figures: `pytest -o log_cli=true` shows them."""
    for name in crowd.hosts.sizes:
        commands, sessions = crowd.hosts.commands(name), crowd.hosts.sessions(name)
        LOG.info("%s: at most %d at once, %d commands in %d sessions", name, most(commands), len(commands) // 2, sessions)
    LOG.info("%d tasks were killed", len(crowd.killed))
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


def test_without_slots_hosts_run_more_than_their_size(crowd: Crowd) -> None:
    told = story(crowd)
    show(crowd, told)
    assert unsuccessful(told.runs) == ["plain.wrong: failed"]
    assert overrun(crowd, told)
