"""A DAG of six tasks in Airflow's own pool, on a host that runs two commands at once."""

import os
from datetime import UTC, datetime

from airflow.providers.ssh.operators.ssh import SSHOperator

from airflow_balancer import load

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

SPAN = "date +%s.%N; sleep 3; date +%s.%N"
SLOTS = ["hold_slots=true", "slot_wait=2", f"slot_dir={os.environ['AIRFLOW_HOME']}/slots"]

balancer = load("balancer.yaml", overrides=SLOTS)

with DAG("held", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    for number in range(6):
        SSHOperator(task_id=f"task{number}", ssh_hook=balancer.select_host(name="127.0.0.2").hook(), command=SPAN, pool="default_pool")
