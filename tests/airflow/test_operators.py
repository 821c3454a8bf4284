"""The operator: its pool and its key, what a DAG keeps of it, and its attempts over real SSH servers."""

from __future__ import annotations

import base64
import json
from datetime import datetime

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")
pytest.importorskip("asyncssh", reason="asyncssh is not installed")

from airflow.exceptions import AirflowException

from airflow_balancer import BalancedSSHOperator, BalancerConfiguration, ConfigurationError, HostUnreachable, NoMatch
from airflow_balancer.files.reading import reading
from airflow_balancer.lock.file import Lock
from airflow_balancer.lock.recorder import Recorder
from airflow_balancer.picking.serialized import Described
from tests.airflow.ssh import KEY, WHERE, addressed, balancer_of, context, order

try:
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization as Serialization
except ImportError:
    from airflow import DAG
    from airflow.serialization.serialized_objects import SerializedDAG as Serialization

HOSTS = [{"name": f"host{number}", "size": number, "queues": ["workers"], "password": "geheim"} for number in (1, 2, 3)]


def dag(dag_id="etl", **arguments):
    return DAG(dag_id, start_date=datetime(2026, 1, 1), schedule=None, **arguments)


def extract(balancer, **arguments):
    with dag():
        return BalancedSSHOperator(task_id="extract", balancer=balancer, **{"command": WHERE, **arguments})


def serialized(dag):
    return json.dumps(Serialization.to_dict(dag)["dag"]["tasks"], sort_keys=True)


class TestInADag:
    def test_the_pool_is_that_of_the_first_attempts_host(self):
        balancer = BalancerConfiguration(hosts=[{**host, "pool": f"pool-of-{host['name']}"} for host in HOSTS])
        selected = balancer.select_host(queue="workers", key=KEY)
        assert extract(balancer, query={"queue": "workers"}).pool == selected.pool.pool == f"pool-of-{selected.name}"

    def test_a_given_pool_stays(self):
        balancer = BalancerConfiguration(hosts=HOSTS, queue_pools=True)
        assert extract(balancer, pool=balancer.queue_pool("workers")).pool == "queue-workers"

    def test_a_pool_of_the_default_arguments_stays(self):
        with dag(default_args={"pool": "etl"}):
            assert BalancedSSHOperator(task_id="extract", balancer=BalancerConfiguration(hosts=HOSTS)).pool == "etl"

    def test_the_key_does_not_depend_on_the_other_tasks(self):
        balancer = BalancerConfiguration(hosts=[{"name": f"host{number}"} for number in range(20)])
        alone = extract(balancer).pool
        with dag():
            BalancedSSHOperator(task_id="other", balancer=balancer)
            assert BalancedSSHOperator(task_id="extract", balancer=balancer).pool == alone

    @pytest.mark.parametrize("locked", ["host1", "host2", "host3"])
    def test_the_first_host_is_that_of_the_lock_file_for_the_policy_too(self, tmp_path, locked):
        lock = tmp_path / "balancer.lock.yaml"
        lock.write_text(f"hosts: [{{requester: etl.extract, query: {{queue: workers}}, host: {locked}}}]\n")
        given = {"query": {"queue": "workers"}}
        task, alone = (
            extract(BalancerConfiguration(hosts=HOSTS, lock=str(lock)), **given),
            extract(BalancerConfiguration(hosts=HOSTS), **given),
        )
        assert (task.pool, task.ssh_hook.ranked("etl.extract")[0].name) == (locked, locked)
        assert Described.parse(task.candidates).first == ("" if locked == alone.pool else locked)

    def test_an_index_of_a_mapped_task_is_not_locked(self, tmp_path):
        recorder = Recorder(Lock(tmp_path / "balancer.lock.yaml"))
        balancer = BalancerConfiguration(hosts=HOSTS, lock=str(recorder.lock.file))
        with reading(recorder=recorder), dag():
            BalancedSSHOperator.partial(task_id="mapped", balancer=balancer).expand(command=["a", "b"])
            BalancedSSHOperator.partial(task_id="shared", balancer=balancer, key="shared").expand(command=["a", "b"])
            BalancedSSHOperator(task_id="plain", balancer=balancer, command="a")
        assert {request.requester for request in recorder.hosts} == {"shared", "etl.plain"}
        assert {pick.key for pick in recorder.in_order} == {"etl.mapped", "shared", "etl.plain"}

    def test_airflows_queue_is_not_the_querys(self):
        with dag(default_args={"queue": "celery"}):
            task = BalancedSSHOperator(task_id="extract", balancer=BalancerConfiguration(hosts=HOSTS), query={"queue": "workers"})
        assert (task.queue, task.ssh_hook.query["queue"]) == ("celery", "workers")

    def test_default_arguments_may_give_the_balancer(self):
        with dag(default_args={"balancer": BalancerConfiguration(hosts=HOSTS[:1]), "conn_timeout": 5}):
            task = BalancedSSHOperator(task_id="extract", command="true")
        assert (task.pool, task.ssh_hook.conn_timeout) == ("host1", 5)

    @pytest.mark.parametrize("mapped", [False, True])
    def test_every_parse_serializes_to_the_same_without_a_secret(self, mapped):
        def parse():
            balancer = BalancerConfiguration(hosts=HOSTS)
            with dag() as parsed:
                if mapped:
                    BalancedSSHOperator.partial(task_id="t", balancer=balancer, query={"queue": "workers"}).expand(command=["a", "b"])
                else:
                    BalancedSSHOperator(task_id="t", balancer=balancer, query={"queue": "workers"}, command="a")
            return serialized(parsed)

        assert parse() == parse()
        assert "geheim" not in parse()

    def test_another_host_may_be_the_first(self):
        balancer = BalancerConfiguration(hosts=HOSTS)
        assigned = balancer.assign_hosts([f"t{number}" for number in range(6)])
        with dag():
            tasks = [BalancedSSHOperator(task_id=name, balancer=balancer, first=host.name) for name, host in assigned.items()]
        assert {task.task_id: task.pool for task in tasks} == {name: host.name for name, host in assigned.items()}
        for task in tasks:
            first, *others = [host.name for host in task.ssh_hook.ranked(f"etl.{task.task_id}")]
            by_score = [host.name for host in balancer.rank_hosts(key=f"etl.{task.task_id}")]
            assert [first, *others] == [first, *(name for name in by_score if name != first)]

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"query": {"queue": "wokers"}}, NoMatch, "no host matches queue='wokers'; did you mean 'workers'"),
            ({"query": {"queu": "workers"}}, ConfigurationError, "key 'query': unknown key 'queu'; did you mean 'queue'?"),
            ({"first": "host9"}, NoMatch, "host 'host9', which is to be the first, is not a candidate (host1, host2, host3)"),
            ({"remote_host": "host1"}, ConfigurationError, "takes no remote_host: the balancer chooses the host"),
            ({"ssh_conn_id": "ssh"}, ConfigurationError, "takes no ssh_conn_id: the balancer chooses the host"),
        ],
        ids=lambda value: str(value) if isinstance(value, dict) else "",
    )
    def test_what_is_wrong_is_an_error_of_the_dag_file(self, arguments, error, message):
        with pytest.raises(error) as raised:
            extract(BalancerConfiguration(hosts=HOSTS), **arguments)
        assert message in str(raised.value)

    def test_without_a_dag_a_key_or_a_pool_is_needed(self):
        balancer = BalancerConfiguration(hosts=HOSTS)
        with pytest.raises(ConfigurationError, match="task 'extract' is in no DAG yet"):
            BalancedSSHOperator(task_id="extract", balancer=balancer)
        first = balancer.select_host(key="nightly").name
        assert BalancedSSHOperator(task_id="extract", balancer=balancer, key="nightly").pool == first


class TestOnHosts:
    @staticmethod
    def ran_on(task, number):
        return base64.b64decode(task.execute(context(number))).decode().strip()

    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    def test_each_attempt_runs_on_its_host(self, hosts, number):
        assert self.ran_on(extract(balancer_of(hosts)), number) == order(hosts)[(number - 1) % 3]

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_each_attempt_runs_at_its_hosts_address_and_is_counted_by_its_name(self, hosts, number):
        balancer = addressed(hosts)
        ranked = balancer.rank_hosts(key=KEY)
        task = extract(balancer)
        assert (self.ran_on(task, number), task.pool) == (ranked[number - 1].address, ranked[0].name)

    def test_a_dead_host_costs_one_attempt(self, ssh_servers, hosts):
        first, second, _ = order(hosts)
        task = extract(balancer_of(hosts))
        with ssh_servers.dead(first):
            with pytest.raises(HostUnreachable, match=f"attempt 1 of etl.extract fails here, a next one goes to host '{second}'"):
                task.execute(context(1))
            assert self.ran_on(task, 2) == second

    def test_with_failover_a_dead_host_costs_none(self, ssh_servers, hosts):
        first, second, _ = order(hosts)
        with ssh_servers.dead(first):
            assert self.ran_on(extract(balancer_of(hosts), failover=True), 1) == second

    def test_a_command_that_fails_does_not_move_on(self, hosts, tmp_path):
        file = tmp_path / "ran"
        with pytest.raises(AirflowException, match="exit status = 3"):
            extract(balancer_of(hosts), failover=True, command=f"echo once >> {file}; exit 3").execute(context(1))
        assert file.read_text() == "once\n"
