"""The examples' DAG files: where each task runs, and in which pool it is counted."""

from __future__ import annotations

import base64
import json
import os
from types import SimpleNamespace

import pytest
import yaml

pytest.importorskip("airflow.models", reason="Airflow is not installed")
pytest.importorskip("asyncssh", reason="asyncssh is not installed")

from airflow_balancer import NoFreePort, load
from airflow_balancer.airflow import policy
from tests.airflow.conftest import hosts, ssh_home, ssh_servers  # noqa: F401 (fixtures)
from tests.airflow.ssh import context
from tests.airflow.test_operators import Serialization

DAG_FILES = {
    "dags/etl.py": "dag",
    "environments/etl.py": "dag",
    "failover_and_mapped/reports.py": "dag",
    "service_and_clients/search.py": "dag",
    "service_and_clients/clients.py": "dag",
    "airflow_config/nightly.py": "nightly",
}


def hosts_of(dag):
    """The host and the pool of each task."""
    return {task.task_id: (task.ssh_hook.remote_host, task.pool) for task in dag.tasks}


@pytest.mark.parametrize(("file", "name"), DAG_FILES.items())
def test_a_dag_is_the_same_at_each_parse(parse, file, name):
    one, other = (json.dumps(Serialization.to_dict(parse(file)[name]), sort_keys=True, default=str) for _ in range(2))
    assert one == other


def test_plain_tasks_share_the_hosts_and_one_port_takes_one_task(parse):
    tasks = hosts_of(parse("dags/etl.py")["dag"])
    assert {pool for task, (_, pool) in tasks.items() if task.startswith("extract")} == {"ws1", "ws2", "ws4"}
    assert {place for task, place in tasks.items() if task.startswith("load")} == {("127.0.1.3", "warehouse")}


def test_each_environment_has_its_hosts(parse, monkeypatch):
    dev = hosts_of(parse("environments/etl.py")["dag"])
    assert dev == {"extract": ("localhost", "host2"), "transform": ("localhost", "host1"), "store": ("localhost", "db1")}
    monkeypatch.setenv("FLEET_ENV", "prod")
    names = parse("environments/etl.py")
    assert hosts_of(names["dag"]) == {
        "extract": ("host3.local", "host3"),
        "transform": ("host1.local", "host1"),
        "store": ("db1.local", "db1"),
    }
    assert {host.username for host in names["balancer"].hosts} == {"airflow-prod"}


def test_the_dag_of_the_tree_is_made_with_its_picks(parse):
    tasks = {task.task_id: task for task in parse("airflow_config/nightly.py")["nightly"].tasks}
    assert hosts_of(SimpleNamespace(tasks=tasks.values())) == {"extract": ("host2.local", "host2"), "publish": ("host1.local", "host1")}
    assert tasks["extract"].command == "extract --listen host2.local:9613"
    assert tasks["publish"].command == "publish --to http://host1:8080"


def test_each_region_is_counted_in_the_pool_of_a_host_of_its_own(parse):
    report = parse("failover_and_mapped/reports.py")["dag"].get_task("report")
    state = {"dag_id": "reports", "task_id": "report", "pool": report.pool, "try_number": 0, "state": None}
    pools = [policy.pool_of(SimpleNamespace(task=report, map_index=index, **state)) for index in range(4)]
    assert pools == ["worker3", "worker2", "worker1", "worker3"]


@pytest.fixture
def on_servers(copied, ssh_servers, ssh_home, write, monkeypatch):  # noqa: F811
    """Let the workers of an example be real SSH servers, on which `collect` says at which address it was reached."""
    login = [{"address": host.address, "username": host.username, "key_file": str(host.key_file)} for host in ssh_servers.hosts]
    arguments = {"ssh_hook_args": {"port": ssh_servers.hosts[0].port, "conn_retry_attempts": 1}, "slot_dir": f"{ssh_home}/slots"}
    overrides = {f"worker{number}": {**host, **arguments} for number, host in enumerate(login, 1)}
    with (copied("failover_and_mapped") / "balancer.yaml").open("a") as file:
        file.write(yaml.safe_dump({"host_overrides": overrides}))
    program = write("bin/collect", "#!/bin/sh\nset -- $SSH_CONNECTION\necho $3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return ssh_servers


def test_a_task_goes_on_to_the_next_host_when_its_own_is_down(parse, on_servers):
    collect = parse("failover_and_mapped/reports.py")["dag"].get_task("collect")

    def ran_on():
        told = context(1)
        told["ti"].dag_id, told["ti"].task_id = "reports", "collect"
        return base64.b64decode(collect.execute(told)).decode().strip()

    assert ran_on() == "127.0.0.2"
    with on_servers.dead("127.0.0.2"):
        assert ran_on() == "127.0.0.3"


def test_clients_know_the_port_of_the_service_before_and_after_it_is_locked(parse, cli, copied):
    def told():
        service, clients = parse("service_and_clients/search.py")["dag"], parse("service_and_clients/clients.py")["dag"]
        return [task.command for task in (*service.tasks, *clients.tasks)]

    told_before = told()
    assert told_before == ["serve-search --port 9091", "index --search host2:9091", "query --search host2:9091"]
    assert cli("lock", "balancer.yaml", "dag_files=.", cwd=copied("service_and_clients")).returncode == 0
    assert told() == told_before


def test_the_service_keeps_the_port_that_is_locked_and_nothing_else_gets_it(copied, parse):
    folder = copied("service_and_clients")
    (folder / "balancer.lock.yaml").write_text("ports: [{host: host2, port: 9050, requester: search, min: 9000, max: 9099}]\n")
    (task,) = parse("service_and_clients/search.py")["dag"].tasks
    assert task.command == "serve-search --port 9050"
    with pytest.raises(NoFreePort):
        load(folder / "balancer.yaml").free_port("host2", min=9050, max=9050, key="another")
