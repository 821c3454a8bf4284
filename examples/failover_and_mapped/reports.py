"""A task that moves to another host if its own is down, and one that runs once for each region."""

from datetime import datetime, timedelta

from airflow_balancer import BalancedSSHOperator, load

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

REGIONS = ["africa", "america", "asia", "europe"]

balancer = load("balancer.yaml")
retries = {"retries": 2, "retry_delay": timedelta(seconds=10)}

with DAG("reports", start_date=datetime(2026, 1, 1), schedule="@daily", catchup=False, default_args=retries) as dag:
    # Attempt 1 runs on the first host of the task's ranking, attempt 2 on the second. With `failover`, a host that
    # does not answer costs no attempt.
    collect = BalancedSSHOperator(task_id="collect", balancer=balancer, query={"queue": "workers"}, failover=True, command="collect")

    # Each region has its own host, and counts in that host's pool.
    report = BalancedSSHOperator.partial(task_id="report", balancer=balancer, query={"queue": "workers"}).expand(
        command=[f"report {region}" for region in REGIONS]
    )

    # Counts with all tasks on the queue's hosts, no matter where its attempts run.
    mail = BalancedSSHOperator(
        task_id="mail", balancer=balancer, query={"queue": "workers"}, pool=balancer.queue_pool("workers"), command="mail"
    )

    collect >> report >> mail
