"""The same DAG in each environment. `FLEET_ENV`, set on each Airflow machine, names the environment."""

import os
from datetime import datetime

from airflow.providers.ssh.operators.ssh import SSHOperator

from airflow_balancer import load

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

env = os.environ.get("FLEET_ENV", "dev")
balancer = load("conf", overrides=[f"env={env}"])

with DAG("etl", start_date=datetime(2026, 1, 1), schedule="@daily", catchup=False) as dag:
    for task_id, queue in {"extract": "workers", "transform": "workers", "store": "warehouse"}.items():
        host = balancer.select_host(queue=queue, key=task_id)
        SSHOperator(task_id=task_id, ssh_hook=host.hook(), pool=host.pool.pool, command=task_id)
