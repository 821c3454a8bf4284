"""A DAG whose tasks go to another host at each attempt: one by the operator, one by the hook in a TaskFlow function."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

from airflow_balancer import BalancedSSHHook, BalancedSSHOperator, load

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

WHERE = 'set -- $SSH_CONNECTION; echo "$3"'
RETRIES = {"retries": 1, "retry_delay": timedelta(seconds=1)}

balancer = load("balancer.yaml")

with DAG("failover", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, default_args=RETRIES):
    BalancedSSHOperator(task_id="operator", balancer=balancer, key="where", command=WHERE)

    @task
    def taskflow() -> str:
        with BalancedSSHHook(balancer, key="where").get_conn() as ssh:
            return b64encode(ssh.exec_command(WHERE)[1].read()).decode()

    taskflow()
