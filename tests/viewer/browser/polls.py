"""Print how much CPU the server takes for what the page reads again and again, over a database of Airflow with a busy day in it.

    python -m tests.viewer.browser.polls [hosts [ports [attempts]]]

The home and the database are made for it, and go with it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

TIMES = 5
DAGS = 100
POLLED = ("occupancy", "health")
OPENED = ("assignments", "moved", "pools")
STATES = ("running", "queued", "scheduled", *("success",) * 17)


def main(hosts: int = 1000, ports: int = 4000, attempts: int = 10_000) -> None:
    """Print the best of some times."""
    with tempfile.TemporaryDirectory(prefix="balancer-polls-") as folder:
        home = Path(folder)
        url = f"sqlite:///{home}/airflow.db"
        from tests.airflow.databases import environment, migrate

        migrate(home, url)
        os.environ.update(environment(home, url))
        write(home / "dags/balancer.yaml", hosts, ports)
        fill(url, hosts, attempts)
        sys.stdout.write(f"{hosts} hosts, {ports} ports, {attempts} attempts of the last day, best of {TIMES}\n")
        for name, seconds in measure().items():
            sys.stdout.write(f"{'poll' if name in POLLED else 'answer'} {name}: {1000 * seconds:.0f} ms of CPU\n")
        sys.stdout.flush()


def write(path: Path, hosts: int, ports: int) -> None:
    """Write the fleet."""
    rows = [f"  - {{name: host{number}, size: 8, queues: [workers]}}" for number in range(hosts)]
    tracked = [f"  - {{host: host{number % hosts}, port: {8000 + number // hosts}}}" for number in range(ports)]
    path.write_text("\n".join(["hosts:", *rows, "ports:", *tracked]) + "\n")


def fill(url: str, hosts: int, attempts: int) -> None:
    """Write pools, DAGs, and the attempts of their runs within the last day."""
    import sqlalchemy

    from airflow_balancer.airflow.metadata import POOLS
    from tests.airflow.test_attempts import row
    from tests.airflow.test_serialized import add_dag, add_forms, insert

    now, engine = datetime.now(UTC), sqlalchemy.create_engine(url)
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

    pools = [{"pool": f"host{number}", "slots": 8, "description": "", "include_deferred": True} for number in range(hosts)]
    with engine.begin() as connection:
        insert(connection, POOLS, *pools)
        for number in range(DAGS):
            add_dag(connection, f"dag{number}")
        add_forms(connection, *((f"dag{number}", 1, f"host{number}") for number in range(DAGS)))
        insert(connection, DagRun.__table__, *(_run(number, now) for number in range(DAGS)))
        insert(connection, TaskInstance.__table__, *(_attempt(row, number, hosts, now) for number in range(attempts)))
    engine.dispose()


def _run(number: int, now: datetime) -> dict[str, Any]:
    times = dict.fromkeys(("run_after", "logical_date", "execution_date"), now)
    kind = {"state": "running", "run_type": "manual", "clear_number": 0, "log_template_id": None, "span_status": "x"}
    return {"id": 1 + number, "dag_id": f"dag{number}", "run_id": "today", **kind, **times}


def _attempt(row: Callable[..., dict[str, Any]], number: int, hosts: int, now: datetime) -> dict[str, Any]:
    where = {"dag_id": f"dag{number % DAGS}", "task_id": "load", "run_id": "today", "map_index": number // DAGS}
    start = now - timedelta(seconds=8 * number)
    return {**row("now", start, **where, pool=f"host{number % hosts}", state=STATES[number % len(STATES)]), "pool_slots": 1}


def measure() -> dict[str, float]:
    """Return the least seconds of CPU of each answer, none of which is kept from the time before."""
    from airflow_balancer.viewer import health
    from airflow_balancer.viewer.synced import synced_viewer

    viewer = synced_viewer()
    [shown] = json.loads(viewer.api_of("configurations", {}).body)["configurations"]
    taken: dict[str, float] = {}
    for name in (*POLLED, *OPENED):
        query = {} if name == "occupancy" else {"configuration": shown["id"]}
        for _ in range(TIMES):
            health._kept.clear()
            start = time.process_time()
            reply = viewer.api_of(name, query)
            taken[name] = min(taken.get(name, 1e9), time.process_time() - start)
            answer = json.loads(reply.body)
            if not answer.get("available"):
                raise SystemExit(f"{name}: {answer}")
    return taken


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:4]))
