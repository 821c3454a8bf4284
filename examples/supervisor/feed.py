"""A program that supervisord keeps running, controlled on the host and port that the balancer picks."""

from datetime import datetime

from airflow_supervisor import ProgramConfiguration, SSHOperatorArgs, SupervisorSSH, SupervisorSSHAirflowConfiguration

from airflow_balancer import load

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

balancer = load("balancer.yaml")
host = balancer.select_host(queue="services", key="feed")
port = balancer.free_port(host, min=9001, max=9099, key="feed")

with DAG("feed", start_date=datetime(2026, 1, 1), schedule="@daily", catchup=False) as dag:
    supervisor = SupervisorSSH(
        dag=dag,
        cfg=SupervisorSSHAirflowConfiguration(
            working_dir="/var/tmp/feed",
            ssh_operator_args=SSHOperatorArgs(cmd_timeout=60),
            program={"feed": ProgramConfiguration(command="/usr/local/bin/feed --listen 8000")},
        ),
        host=host,
        port=port,
    )
