"""The first description of this package, snippet by snippet: what it promised works as it was printed."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import HAS_AIRFLOW, Write

BALANCER = """\
_target_: airflow_balancer.BalancerConfiguration
default_username: timkpaine
hosts:
  - name: host1
    size: 16
    os: ubuntu
    queues: [primary]

  - name: host2
    os: ubuntu
    size: 16
    queues: [workers]

  - name: host3
    os: macos
    size: 8
    queues: [workers]

ports:
  - host: host1
    port: 8080

  - host_name: host2
    port: 8793
"""

SELECT = """\
from airflow_balancer import BalancerConfiguration, load

balancer_config: BalancerConfiguration = load("balancer.yaml")

host = balancer_config.select_host(queue="workers")
port = balancer_config.free_port(host=host)
"""

# The dots of the printed snippet stand for what every operator needs.
OPERATOR = """
operator = SSHOperator(ssh_hook=host.hook(), task_id="task", command="uptime")
"""

TREE_ROOT = """\
# @package _global_
_target_: airflow_config.Configuration
defaults:
  - extensions/balancer@extensions.balancer
"""

TREE_EXTENSION = """\
# @package extensions.balancer
_target_: airflow_balancer.BalancerConfiguration

default_username: airflow
default_key_file: /home/airflow/.ssh/id_rsa
hosts:
  - name: worker1
    size: 16
    os: ubuntu
    queues: [workers]
"""

TREE_SELECT = """\
from airflow_config import load_config

config = load_config("config", "config")
balancer = config.extensions["balancer"]

# Select a host and use its SSH hook
host = balancer.select_host(queue="workers")
"""

TESTING = """\
from airflow_balancer import BalancerConfiguration, Host
from airflow_balancer.testing import pools, variables
from airflow_pydantic import Variable

# Testing with mocked pools
with pools():
    config = BalancerConfiguration(
        hosts=[Host(name="test-host", size=8, queues=["test"])]
    )
    assert config.select_host(queue="test").name == "test-host"

# Using Airflow Variables for credentials
host = Host(
    name="secure-host",
    username="admin",
    password=Variable(key="host_password"),
)
"""

needs_airflow = pytest.mark.skipif(not HAS_AIRFLOW, reason="Airflow is not installed")


def run(path: Path, **names: Any) -> Mapping[str, Any]:
    """Run a file as Airflow runs a DAG file, and return its names."""
    return runpy.run_path(str(path), init_globals=names)


def address(hook: Any) -> dict[str, Any]:
    return {key: getattr(hook, key) for key in ("remote_host", "username", "password", "key_file")}


def ssh_operator() -> Any:
    from airflow.providers.ssh.operators.ssh import SSHOperator

    return SSHOperator


@pytest.fixture
def dag_file(write: Write) -> Path:
    write("balancer.yaml", BALANCER)
    return write("etl.py", SELECT)


@pytest.fixture
def tree_dag_file(write: Write) -> Path:
    write("config/config.yaml", TREE_ROOT)
    write("config/extensions/balancer.yaml", TREE_EXTENSION)
    return write("etl.py", TREE_SELECT)


def test_yaml_loads_with_the_default_user_and_hosts_by_name(dag_file: Path) -> None:
    balancer = run(dag_file)["balancer_config"]
    hosts = [(host.name, host.os, host.size, host.queues, host.username) for host in balancer.all_hosts]
    assert hosts == [
        ("host1", "ubuntu", 16, ["primary"], "timkpaine"),
        ("host2", "ubuntu", 16, ["workers"], "timkpaine"),
        ("host3", "macos", 8, ["workers"], "timkpaine"),
    ]
    assert [(port.host.name, port.port) for port in balancer.all_ports] == [("host1", 8080), ("host2", 8793)]


def test_each_host_and_port_has_a_pool(dag_file: Path) -> None:
    balancer = run(dag_file)["balancer_config"]
    assert [(host.pool.pool, host.pool.slots) for host in balancer.all_hosts] == [("host1", 16), ("host2", 16), ("host3", 8)]
    assert [port.pool for port in balancer.all_ports] == ["host1-8080", "host2-8793"]


def test_select_host_gives_a_worker_and_the_same_at_each_parse(dag_file: Path) -> None:
    picked = [run(dag_file)["host"].name for _ in range(5)]
    assert picked == ["host3"] * 5


def test_free_port_is_on_the_selected_host_and_not_a_tracked_one(dag_file: Path) -> None:
    parsed = run(dag_file)
    port = parsed["port"]
    assert port.host is parsed["host"]
    assert 1000 <= port.port <= 65535
    assert port.port != 8793


def test_hook_reaches_the_host_as_the_default_user(dag_file: Path) -> None:
    hook = run(dag_file)["host"].hook()
    assert address(hook) == {"remote_host": "host3.local", "username": "timkpaine", "password": None, "key_file": None}


@needs_airflow
def test_operator_runs_over_the_hook_of_the_selected_host(dag_file: Path) -> None:
    dag_file.write_text(SELECT + OPERATOR)
    operator = run(dag_file, SSHOperator=ssh_operator())["operator"]
    assert operator.ssh_hook.remote_host == "host3.local"


def test_extension_of_airflow_config_is_this_packages_balancer(tree_dag_file: Path) -> None:
    from airflow_balancer import BalancerConfiguration

    balancer = run(tree_dag_file)["balancer"]
    assert type(balancer) is BalancerConfiguration
    assert [(host.name, host.size, host.os, host.queues) for host in balancer.hosts] == [("worker1", 16, "ubuntu", ["workers"])]


def test_host_of_the_extension_is_reached_with_the_default_user_and_key(tree_dag_file: Path) -> None:
    hook = run(tree_dag_file)["host"].hook()
    key = "/home/airflow/.ssh/id_rsa"
    assert address(hook) == {"remote_host": "worker1.local", "username": "airflow", "password": None, "key_file": key}


@needs_airflow
def test_operator_runs_over_the_hook_of_the_extensions_host(tree_dag_file: Path) -> None:
    tree_dag_file.write_text(TREE_SELECT + OPERATOR)
    operator = run(tree_dag_file, SSHOperator=ssh_operator())["operator"]
    assert operator.ssh_hook.remote_host == "worker1.local"


@pytest.mark.parametrize("file", ["config", "config/config.yaml"], ids=["folder", "file"])
def test_tree_of_airflow_config_loads_directly_too(tree_dag_file: Path, file: str) -> None:
    from airflow_balancer import load

    balancer = load(file, basepath=tree_dag_file)
    assert [host.name for host in balancer.hosts] == ["worker1"]


def test_testing_snippet_needs_no_metadata_database(write: Write) -> None:
    parsed = run(write("test_balancer.py", TESTING))
    assert [host.name for host in parsed["config"].hosts] == ["test-host"]
    assert (parsed["host"].username, parsed["host"].password.key) == ("admin", "host_password")


def test_password_comes_from_the_airflow_variable(write: Write) -> None:
    from airflow_balancer.testing import variables

    host = run(write("secure.py", TESTING))["host"]
    with variables("from the Variable") as get:
        hook = host.hook(use_local=False)
    assert address(hook) == {"remote_host": "secure-host", "username": "admin", "password": "from the Variable", "key_file": None}
    assert get.call_args.args == ("host_password",)


def test_extras_for_both_airflows_exist() -> None:
    assert {"airflow", "airflow3"} <= set(metadata("airflow-balancer").get_all("Provides-Extra") or ())
