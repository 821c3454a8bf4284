"""Two schedulers on one PostgreSQL database, the listener in both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.live.rig import Rig, new_database, running_rig

TROUBLE = re.compile(r"^.*(?:\berror\b|\bcritical\b|Traceback|deadlock).*$", re.IGNORECASE | re.MULTILINE)


def widened(rig: Rig, turn: int) -> dict[str, object]:
    """The fleet with a port for each turn so far, and with other slots; sizes stay, so that no pick moves."""
    fleet = rig.fleet()
    fleet["ports"] += [{"name": f"extra-{number}", "host": "127.0.0.4", "port": 8000 + number} for number in range(turn)]
    for host in fleet["hosts"]:
        host["pool"] = {"pool": host["name"], "slots": 2 + turn % 3}
    return fleet


def test_runs_succeed_and_pools_are_right_while_the_yaml_changes(postgres: str | None, tmp_path: Path) -> None:
    if postgres is None:
        pytest.skip("PostgreSQL or psycopg2 is not installed: apt-get install postgresql; pip install psycopg2-binary asyncpg")
    with running_rig(tmp_path, database=new_database(postgres, "two_schedulers"), schedulers=2) as rig:
        client = rig.airflow.client
        runs = []
        for turn in (1, 2, 4):
            rig.write(widened(rig, turn))
            runs += [(dag_id, client.trigger(dag_id)) for dag_id in ("etl", "port_spans", "host_spans")]
            rig.airflow.wait_for_run(*runs[-1], timeout=300)
        for run in runs:
            rig.airflow.wait_for_run(*run, timeout=300)
        rig.write(widened(rig, 5))
        rig.airflow.run_dag("plain")

        pools = client.pools()
        assert {name: pools[name] for name in pools if name.startswith(("extra-", "127."))} == {
            **{f"extra-{number}": 1 for number in range(5)},
            **dict.fromkeys(("127.0.0.2", "127.0.0.3", "127.0.0.4"), 4),
        }
        assert [TROUBLE.findall(rig.scheduler_log(number)) for number in (1, 2)] == [[], []]
