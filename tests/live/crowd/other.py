"""The tasks of another Airflow with the same hosts."""

from datetime import UTC, datetime, timedelta

from airflow.providers.ssh.operators.ssh import SSHOperator
from airflow.sdk import DAG

from airflow_balancer import BalancedSSHOperator, load

balancer = load("balancer.yaml")
RETRIES = {"retries": 9, "retry_delay": timedelta(seconds=3)}

with DAG("other", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, default_args=RETRIES):
    for host in balancer.all_hosts:
        for number in range(2):
            name = f"other_{host.name}_{number}"
            SSHOperator(task_id=name, ssh_hook=host.hook(), pool=host.pool.pool, command=f"sh ~/work.sh {name} 2")

    BalancedSSHOperator.partial(
        task_id="mapped", balancer=balancer, query={"queue": "small"}, pool=balancer.queue_pool("small"), failover=True
    ).expand(command=[f"sh ~/work.sh other_{number} 2" for number in range(6)])
