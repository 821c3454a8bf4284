"""A DAG whose task names no more than an SSH connection, which is there only if the balancer makes it."""

from datetime import UTC, datetime

from airflow.providers.ssh.operators.ssh import SSHOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

with DAG("connected", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    SSHOperator(task_id="where", ssh_conn_id="127.0.0.3", command='set -- $SSH_CONNECTION; echo "$3"')
