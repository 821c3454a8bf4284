"""Several processes apply at once, and one is killed in the middle."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy", reason="Airflow is not installed")
pytestmark = pytest.mark.slow

from airflow_balancer.airflow import sync, versions  # noqa: E402
from airflow_balancer.airflow.metadata import read_pools  # noqa: E402
from airflow_balancer.airflow.pools import is_ours  # noqa: E402

from .worker import fleet  # noqa: E402

WORKER = Path(__file__).with_name("worker.py")


def start(url: str, hosts: int, size: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, WORKER, url, str(hosts), str(size)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def go(*processes: subprocess.Popen[str]) -> None:
    """Let processes apply, once all of them are ready."""
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()


def slots(url: str) -> dict[str, int]:
    """Return the slots of the balancer's pools by name."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        return {pool.name: pool.slots for pool in read_pools(connection) if is_ours(pool)}


def expected(hosts: int, size: int) -> dict[str, int]:
    ports = {f"host{n}-{port}": 1 for n in range(hosts) for port in range(8000, 8004)}
    return {f"host{n}": size for n in range(hosts)} | ports


def test_eight_processes_apply_the_same_plan_at_once(database: str) -> None:
    workers = [start(database, 500, 8) for _ in range(8)]
    go(*workers)
    answers = [worker.communicate(timeout=120) for worker in workers]
    assert [(worker.returncode, error) for worker, (_, error) in zip(workers, answers, strict=True)] == [(0, "")] * 8
    assert sum(int(output) for output, _ in answers) == 2500
    assert slots(database) == expected(500, 8)


@pytest.mark.parametrize("delay", [0.02, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_a_process_killed_in_the_middle_leaves_the_old_or_the_new_state(
    database: str, delay: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = sqlalchemy.create_engine(database, poolclass=sqlalchemy.pool.NullPool)
    monkeypatch.setattr(versions, "engine", lambda: engine)
    sync.apply_patiently({"fleet.yaml": fleet(500, 8)})
    process = start(database, 500, 4)
    go(process)
    time.sleep(delay)
    process.kill()
    process.wait()
    assert slots(database) in (expected(500, 8), expected(500, 4))
    sync.apply_patiently({"fleet.yaml": fleet(500, 4)})
    assert slots(database) == expected(500, 4)
