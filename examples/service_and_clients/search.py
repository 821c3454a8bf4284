"""The service, in a separate DAG file: Airflow parses it apart from its clients."""

from datetime import datetime

from airflow.providers.ssh.operators.ssh import SSHOperator
from places import place_of

from airflow_balancer import load

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

host, port = place_of("search", load("balancer.yaml"))

with DAG("search", start_date=datetime(2026, 1, 1), schedule="@daily", catchup=False) as dag:
    SSHOperator(task_id="serve", ssh_hook=host.hook(), pool=host.pool.pool, command=f"serve-search --port {port}", cmd_timeout=86400)
