"""A dead host costs a task one attempt; a drained host gets no new task."""

from __future__ import annotations

from airflow_balancer import Fleet
from airflow_balancer.picking.rendezvous import rank
from tests.live.rig import IS_AIRFLOW_2, Rig


def ranked(rig: Rig) -> list[str]:
    """The names of the hosts in the order of the attempts of the DAG `failover`."""
    return [host.name for host in rank("where", Fleet.from_data(rig.fleet()).hosts)]


def test_killed_host_costs_each_task_one_attempt(rig: Rig) -> None:
    first, second, _ = ranked(rig)
    with rig.servers.dead(first):
        run_id = rig.airflow.run_dag("failover")
    tasks, client = rig.airflow.client.tasks("failover", run_id), rig.airflow.client
    ran = {task.task_id: (task.state, task.attempts, client.output("failover", run_id, task.task_id)) for task in tasks}
    assert ran == dict.fromkeys(("operator", "taskflow"), ("success", 2, second))
    # Airflow 2 asks the policy again when an attempt starts.
    counted = second if IS_AIRFLOW_2 else first
    assert {task.task_id: task.pool for task in tasks} == {"operator": counted, "taskflow": "default_pool"}

    attempts = rig.airflow.home.task_log("failover", run_id, "operator").parent
    said = [(attempts / f"attempt={number}.log").read_text() for number in (1, 2)]
    assert f"attempt 1 of failover.operator fails here, a next one goes to host '{second}'" in said[0]
    assert f"attempt 2 of failover.operator goes to host '{second}', counted in pool '{counted}'" in said[1]


def test_drained_host_gets_no_new_task_and_keeps_its_pool(rig: Rig) -> None:
    first, second, _ = ranked(rig)
    fleet = rig.fleet()
    for host in fleet["hosts"]:
        host["drain"] = host["name"] == first
    rig.write(fleet)
    rig.parse_again("failover", "failover.py")
    run_id, client = rig.airflow.run_dag("failover"), rig.airflow.client
    tasks = client.tasks("failover", run_id)
    assert {client.output("failover", run_id, task.task_id) for task in tasks} == {second}
    assert {task.task_id: task.pool for task in tasks} == {"operator": second, "taskflow": "default_pool"}
    assert first in client.pools()


def test_queue_has_a_pool_with_the_slots_of_its_hosts(rig: Rig) -> None:
    rig.write({**rig.fleet(), "queue_pools": True})
    rig.airflow.run_dag("plain")
    pools = rig.airflow.client.pools()
    assert {name: pools[name] for name in pools if name.startswith("queue-")} == {"queue-extract": 5, "queue-workers": 5}
