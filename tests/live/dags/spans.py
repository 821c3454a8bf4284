"""Two DAGs of four tasks that say when they started and ended: one in a port's pool, one in a host's."""

from datetime import UTC, datetime

from airflow.providers.ssh.operators.ssh import SSHOperator

from airflow_balancer import load

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

COMMAND = "date +%s.%N; sleep 1.5; date +%s.%N"

balancer = load("balancer.yaml")
host = balancer.select_host(name="127.0.0.2")
port = balancer.select_port(name="single")

for dag_id, pool in (("port_spans", port.pool), ("host_spans", host.pool.pool)):
    with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
        for number in range(4):
            SSHOperator(task_id=f"task_{number}", ssh_hook=host.hook(), pool=pool, command=COMMAND)
