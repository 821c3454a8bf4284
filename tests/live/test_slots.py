"""A host runs no more commands than its size, whatever the pools say, and its tasks wait without using a retry."""

from __future__ import annotations

from tests.live.rig import Rig, spans


def test_tasks_without_a_slot_wait_and_use_no_retry(rig: Rig) -> None:
    client = rig.airflow.client
    run_id = rig.airflow.run_dag("held")
    tasks = client.tasks("held", run_id)
    assert [(task.state, task.attempts) for task in tasks] == [("success", 1)] * 6
    ran = spans({task.task_id: client.output("held", run_id, task.task_id) for task in tasks})
    assert max(sum(start <= moment < end for start, end in ran) for moment, _ in ran) == 2
    said = "".join(rig.airflow.home.task_log("held", run_id, task.task_id).read_text() for task in tasks)
    assert "no slot is free: host '127.0.0.2' is full (slot 0: " in said
