"""Tasks run on the hosts that the balancer picked, in pools that the plugin made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live.rig import IS_AIRFLOW_2, Rig, most_at_once, overlaps

POOLS = {"127.0.0.2": 2, "127.0.0.3": 3, "127.0.0.4": 3, "warehouse": 1, "single": 1}


def test_pools_are_there_once_airflow_has_started(rig: Rig) -> None:
    assert rig.pools_at_start == {"default_pool": 128, **POOLS}


def test_each_task_runs_on_its_picked_host_in_its_pool(rig: Rig) -> None:
    picked = rig.picks("etl.py")
    run_id = rig.airflow.run_dag("etl")
    client = rig.airflow.client
    ran = {
        task.task_id: {"host": client.output("etl", run_id, task.task_id).rpartition(" on ")[2], "pool": task.pool}
        for task in client.tasks("etl", run_id)
    }
    assert ran == picked

    tasks, slots = client.tasks("etl", run_id), client.pools()
    for pool in {task.pool for task in tasks}:
        assert most_at_once([task for task in tasks if task.pool == pool]) <= slots[pool]
    assert {pick["host"] for pick in picked.values()} == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}


def test_port_pool_runs_one_task_at_a_time(rig: Rig) -> None:
    assert overlaps(rig.run("port_spans")) == 0


def test_parses_under_other_hash_seeds_give_one_serialized_dag(rig: Rig) -> None:
    with ThreadPoolExecutor(2) as processes:
        assert len(set(processes.map(lambda seed: rig.serialized("etl.py", seed), range(8)))) == 1


@pytest.mark.skipif(IS_AIRFLOW_2, reason="Airflow 2 keeps no DAG versions")
def test_runs_with_parsing_between_them_leave_one_dag_version(rig: Rig) -> None:
    assert rig.run_often("picks", "picks.py", 4) == 1


@pytest.mark.skipif(IS_AIRFLOW_2, reason="Airflow 2 keeps no DAG versions")
def test_random_picks_make_dag_versions(rig: Rig) -> None:
    before = rig.airflow.client.dag_versions("picks")
    rig.write({**rig.fleet(), "strategy": "random"})
    assert rig.run_often("picks", "picks.py", 4) > before
