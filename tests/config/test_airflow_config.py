"""airflow-config composes our groups, and its tasks take what the resolvers pick."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.conftest import HAS_AIRFLOW, REPOSITORY

pytestmark = pytest.mark.slow

CODE = """
import json
from airflow_config import load_config
config = load_config("config", "config", overrides={overrides!r}, basepath={path!r})
task = config.dags["etl"].tasks["extract"]
print(json.dumps({{
    "sizes": {{host.name: host.size for host in config.extensions["balancer"].hosts}},
    "host": task.ssh_hook_host.name,
    "pool": task.pool,
    "command": str(task.command),
}}))
"""


@pytest.fixture
def tree(tmp_path):
    shutil.copytree(REPOSITORY / "conf", tmp_path / "config")
    return tmp_path


@pytest.mark.parametrize(
    ("overrides", "sizes"),
    [([], {"host1": 16, "host2": 16, "host3": 2}), (["env=prod", "hosts=listed"], {"host1": 16, "host2": 16, "host3": 12})],
    ids=["dev", "prod"],
)
def test_a_tasks_host_pool_and_command_agree(python, tree, overrides, sizes):
    result = python(CODE.format(overrides=overrides, path=str(tree)))
    assert json.loads(result.stdout.splitlines()[-1]) == {
        "sizes": sizes,
        "host": "host2",
        "pool": "host2",
        "command": "extract --on host2 --port 9651",
    }


@pytest.mark.skipif(not HAS_AIRFLOW, reason="Airflow is not installed")
def test_its_dag_instantiates(python, tree, write):
    dag = write("dag.py", "")
    code = (
        "from airflow_config import DAG, load_config\n"
        f"config = load_config('config', 'config', overrides=['env=prod'], basepath={str(dag)!r})\n"
        "with DAG(dag_id='etl', config=config) as dag:\n"
        "    pass\n"
        "extract, publish = dag.get_task('extract'), dag.get_task('publish')\n"
        "print()\n"
        "print(extract.ssh_hook.remote_host, extract.ssh_hook.username, extract.pool, extract.command)\n"
        "print(publish.ssh_hook.remote_host, publish.ssh_hook.username, publish.pool, publish.upstream_task_ids)\n"
    )
    assert python(code).stdout.splitlines()[-2:] == [
        "host2.local airflow-prod host2 extract --on host2 --port 9651",
        "host1.local airflow-prod host1 {'extract'}",
    ]


BALANCED = """\
# @package dags.etl
_target_: airflow_config.Dag
schedule: null
tasks:
  extract:
    _target_: airflow_balancer.BalancedSSHTask
    hosts: ${balancer.hosts:{queue:workers}}
    command: extract --on ${balancer.name:{queue:workers}}
    failover: true
    retries: 2
  load:
    _target_: airflow_balancer.BalancedSSHTask
    balancer: ${extensions.balancer}
    query: {os: ubuntu, exclude: host1}
    command: load
    pool: loads
    dependencies: [extract]
"""
RUN_BALANCED = """
import json
from airflow_config import load_config

def made():
    secret = "extensions.balancer.default_password=geheim"
    config = load_config("config", "config", overrides=[secret], basepath={path!r})
    print("rendered:", config.dags["etl"].tasks["load"].render()[2].replace(chr(10), " "))
    config.generate_in_mem()
    assert "airflow_laminar_pool_manager" not in globals()
    return globals()["etl"]

def seen(task):
    hosts = [host.name for host in task.ssh_hook.ranked(task.ssh_hook.key or f"etl.{{task.task_id}}")]
    return [task.pool, hosts, task.ssh_hook.failover, task.command, task.retries, sorted(task.upstream_task_ids)]

def tasks(dag):
    return [seen(dag.get_task(name)) for name in ("extract", "load")]

etl, again = made(), made()
code = etl.doc_md.split("```python")[1].split("```")[0]
exec(code, equivalent := {{}})
print()
print(json.dumps([tasks(etl), tasks(again) == tasks(etl), again.doc_md == etl.doc_md, tasks(equivalent["dag"]) == tasks(etl)]))
assert "geheim" not in code
"""


@pytest.mark.skipif(not HAS_AIRFLOW, reason="Airflow is not installed")
def test_balanced_tasks_of_a_tree_are_operators_and_so_are_those_of_its_code_equivalent(python, tree, write):
    write("config/dags/etl.yaml", BALANCED)
    result = python(RUN_BALANCED.format(path=str(write("dag.py", ""))))
    assert json.loads(result.stdout.splitlines()[-1]) == [
        [["host2", ["host2", "host3"], True, "extract --on host2", 2, []], ["loads", ["host2"], False, "load", 0, ["extract"]]],
        *(True, True, True),
    ]


@pytest.mark.skipif(HAS_AIRFLOW, reason="Airflow is installed")
def test_balanced_tasks_of_a_tree_are_rendered_without_airflow(python, tree, write):
    write("config/dags/etl.yaml", BALANCED)
    rendered = next(line for line in python(RUN_BALANCED.format(path=str(tree))).stdout.splitlines() if line.startswith("rendered:"))
    login = "'username': 'airflow', 'password': '**********', 'key_file': '~/.ssh/id_ed25519'"
    slots = "'hold_slots': True, 'slot_dir': '~/.airflow-balancer/slots', 'slot_wait': 60.0, 'slot_timeout': 86400.0"
    host = f"{{'name': 'host2', {login}, 'size': 16, {slots}}}"
    strategy = "{'_target_': 'airflow_balancer.strategies.Bounded', 'c': 1.25}"
    balancer = f"BalancerConfiguration(hosts=[{host}], strategy={strategy})"
    assert rendered == f"rendered: BalancedSSHOperator(pool='loads', command='load', task_id='load', balancer={balancer})"


@pytest.mark.parametrize(
    "imports",
    ["import airflow_config", "import airflow_balancer.config, airflow_config", "import airflow_config, airflow_balancer.config"],
)
def test_either_may_be_imported_first(python, imports):
    code = f"{imports}; import sys; print(sys.modules['airflow_balancer.config'].load_config, airflow_config.load_config)"
    ours, theirs = "<function BalancerConfiguration.load at", "<function Configuration.load at"
    last = python(code).stdout.splitlines()[-1]
    assert (last.startswith(ours), theirs in last) == (True, True)
