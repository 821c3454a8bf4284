"""An ETL whose twelve tasks run over SSH on the hosts that `balancer.yaml` names.

No task names a host. The queue says where a task may run, and the balancer picks the same host at every parse.
"""

from datetime import UTC, datetime

from airflow.providers.ssh.operators.ssh import SSHOperator

from airflow_balancer import load

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

SOURCES = ("customers", "orders", "prices", "stock")
# sshd sets $SSH_CONNECTION, which has the address that the client connected to: each answer proves where it ran.
COMMAND = 'set -- $SSH_CONNECTION; sleep 1; echo "{source} on $3"'

balancer = load("balancer.yaml")
warehouse = balancer.select_port(name="warehouse")

with DAG("etl", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, tags=["balancer"]) as dag:
    for source in SOURCES:
        host = balancer.select_host(queue="extract")
        extract = SSHOperator(
            task_id=f"extract_{source}",
            ssh_hook=host.hook(),
            pool=host.pool.pool,
            command=COMMAND.format(source=source),
        )

        host = balancer.select_host(queue="workers")
        transform = SSHOperator(
            task_id=f"transform_{source}",
            ssh_hook=host.hook(),
            pool=host.pool.pool,
            command=COMMAND.format(source=source),
        )

        # The database takes one client at a time: its port has a pool of one slot.
        store = SSHOperator(
            task_id=f"load_{source}",
            ssh_hook=warehouse.host.hook(),
            pool=warehouse.pool,
            command=COMMAND.format(source=source),
        )

        extract >> transform >> store
