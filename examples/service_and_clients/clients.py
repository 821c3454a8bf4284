"""Clients of the service. They run on the workers, and connect to the service's host and port."""

from datetime import datetime

from airflow.providers.ssh.operators.ssh import SSHOperator
from places import place_of

from airflow_balancer import load

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

balancer = load("balancer.yaml")
service = place_of("search", balancer)

with DAG("clients", start_date=datetime(2026, 1, 1), schedule="@hourly", catchup=False) as dag:
    for client in ("index", "query"):
        host = balancer.select_host(queue="workers", key=client)
        SSHOperator(
            task_id=client,
            ssh_hook=host.hook(),
            pool=host.pool.pool,
            command=f"{client} --search {service.host.name}:{service.port}",
        )
