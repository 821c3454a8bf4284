"""All kinds of tasks over the same hosts at once, and one that fails; each tells its host who it is."""

from datetime import UTC, datetime, timedelta
from itertools import cycle

from airflow.providers.ssh.operators.ssh import SSHOperator
from airflow.sdk import DAG, task

from airflow_balancer import BalancedSSHHook, BalancedSSHOperator, load

balancer = load("balancer.yaml")
executors = cycle(["LocalExecutor", "CeleryExecutor"])
SECONDS = cycle([3, 2, 3, 1])
SETTINGS = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "default_args": {"retries": 9, "retry_delay": timedelta(seconds=3)},
}


def work(name, seconds=None):
    """The command of a task on its host."""
    return f"sh ~/work.sh {name} {seconds or next(SECONDS)}"


with DAG("plain", **SETTINGS):
    for host in balancer.all_hosts:
        for number in range(3):
            name = f"{host.name}_{number}"
            # The last is in no host's pool, as many are in DAG files.
            pool = {} if number == 2 else {"pool": host.pool.pool}
            SSHOperator(task_id=name, ssh_hook=host.hook(), command=work(name), executor=next(executors), **pool)
    wrong = balancer.select_host(name="eight")
    SSHOperator(task_id="wrong", ssh_hook=wrong.hook(), command="exit 7", retries=0)

with DAG("balanced", **SETTINGS):
    for number in range(12):
        name = f"balanced_{number}"
        BalancedSSHOperator(
            task_id=name,
            balancer=balancer,
            query={"queue": ["small", "workers"]},
            failover=number % 2 == 0,
            command=work(name),
            executor=next(executors),
        )

with DAG("mapped", **SETTINGS):
    BalancedSSHOperator.partial(
        task_id="literal", balancer=balancer, query={"queue": "small"}, pool=balancer.queue_pool("small"), executor="CeleryExecutor"
    ).expand(command=[work(f"literal_{number}") for number in range(12)])

    @task
    def commands():
        return [work(f"xcom_{number}") for number in range(12)]

    BalancedSSHOperator.partial(
        task_id="xcom", balancer=balancer, query={"queue": "workers"}, pool=balancer.queue_pool("workers"), failover=True
    ).expand(command=commands())

with DAG("queued", **SETTINGS):
    for number in range(8):
        name = f"queued_{number}"
        host = balancer.select_host(queue="small")
        SSHOperator(task_id=name, ssh_hook=host.hook(), pool=balancer.queue_pool("small"), command=work(name), executor=next(executors))

with DAG("taskflow", **SETTINGS):

    @task(executor="CeleryExecutor", priority_weight=9)
    def several(number, name):
        """Run three commands, one after the other, on a host that others want, too."""
        hook = BalancedSSHHook(balancer, name=name)
        with hook.get_conn() as client:
            for part in range(3):
                command = work(f"several_{number}_{part}", 3)
                status, _, errors = hook.exec_ssh_client_command(client, command, get_pty=False, environment=None, timeout=60)
                if status:
                    raise RuntimeError(errors.decode())

    # The first six run at once, more on two of the hosts than these have room for.
    names = ["one", "one", "two", "two", "two", "pair"] * 2
    several.expand_kwargs([{"number": number, "name": name} for number, name in enumerate(names)])
