"""airflow-config composes our groups, and its tasks take what the resolvers pick."""

from __future__ import annotations

import json
import shutil

import pytest

from .conftest import HAS_AIRFLOW, REPOSITORY

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


@pytest.mark.parametrize(
    "imports",
    ["import airflow_config", "import airflow_balancer.config, airflow_config", "import airflow_config, airflow_balancer.config"],
)
def test_either_may_be_imported_first(python, imports):
    code = f"{imports}; import sys; print(sys.modules['airflow_balancer.config'].load_config, airflow_config.load_config)"
    ours, theirs = "<function BalancerConfiguration.load at", "<function Configuration.load at"
    last = python(code).stdout.splitlines()[-1]
    assert (last.startswith(ours), theirs in last) == (True, True)
