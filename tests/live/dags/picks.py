"""A short DAG whose tasks are picked hosts by queue, so that any change of a pick changes the DAG."""

from datetime import UTC, datetime

from airflow.providers.ssh.operators.ssh import SSHOperator

from airflow_balancer import load

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

balancer = load("balancer.yaml")

with DAG("picks", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False) as dag:
    for number in range(3):
        host = balancer.select_host(queue=["extract", "workers"])
        SSHOperator(task_id=f"task_{number}", ssh_hook=host.hook(), pool=host.pool.pool, command=f"echo {host.name}")
