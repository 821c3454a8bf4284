"""What the documentation of 0.7.12, of airflow-config and of airflow-pydantic shows of a balancer, in words of our own.

Each snippet prints the same with 0.7.12 and with this package, but for those that give another output here.
"""

from __future__ import annotations

from typing import NamedTuple


class Snippet(NamedTuple):
    """Code, what it prints with 0.7.12, and what it prints here if that differs."""

    code: str
    printed: str
    here: str = ""


FILES = {
    "balancer.yaml": """\
_target_: airflow_balancer.BalancerConfiguration
default_username: airflow
default_key_file: /home/airflow/.ssh/id_rsa
primary_queue: primary
secondary_queue: workers
default_queue: default
default_size: 8
override_pool_size: false
create_connection: false
hosts:
  - {name: head, size: 32, os: ubuntu, queues: [primary], tags: [scheduler]}
  - {name: worker-01, size: 16, os: ubuntu, queues: [workers], tags: [compute]}
  - {name: worker-02, size: 16, os: ubuntu, queues: [workers], tags: [compute]}
  - {name: gpu, os: ubuntu, queues: [gpu], tags: [compute, cuda, ml]}
  - name: mac
    os: macos
    username: deploy
    password: {_target_: airflow_pydantic.Variable, key: mac_password}
ports:
  - {host_name: worker-01, port: 8080, tags: [api]}
  - {host: "${...hosts[0]}", port: 8793}
  - {name: flower, host_name: worker-01, port: 5555, tags: [monitoring]}
""",
    "managed.yaml": """\
_target_: airflow_balancer.BalancerConfiguration
hosts: [{name: worker-01}]
pool_manager: {backend: auto, connection_id: airflow_laminar_api}
""",
    "config/config.yaml": """\
# @package _global_
_target_: airflow_config.Configuration
defaults:
  - extensions/balancer@extensions.balancer
  - _self_
dags:
  report:
    start_date: "2025-01-01"
    tasks:
      run:
        _target_: airflow_config.SSHTask
        command: report
        ssh_hook:
          _target_: airflow_balancer.BalancerHostQueryConfiguration
          balancer: ${extensions.balancer}
          tag: cpu
""",
    "config/production.yaml": """\
# @package _global_
_target_: airflow_config.Configuration
defaults:
  - extensions/production@extensions.balancer
""",
    "config/extensions/balancer.yaml": """\
# @package extensions.balancer
_target_: airflow_balancer.BalancerConfiguration
default_username: airflow
hosts:
  - {name: worker1, os: linux, queues: [workers], tags: [cpu]}
""",
    "config/extensions/production.yaml": """\
# @package extensions.balancer
defaults:
  - balancer
default_key_file: /home/airflow/.ssh/prod_key
hosts:
  - {name: prod-01, size: 32, queues: [workers]}
""",
}

_LOAD = """\
from airflow_balancer import BalancerConfiguration
balancer = BalancerConfiguration.load_path("balancer.yaml")
"""
_NAMES = "names = lambda hosts: [host.name for host in hosts]\n"

SNIPPETS = {
    "load and select": Snippet(
        f"""{_LOAD}
host, port = balancer.select_host(queue="primary", os="ubuntu", tag="sched*"), balancer.select_port(name="flower")
print(host.name, host.username, host.key_file, host.size, host.pool.pool, port.host.name, port.port, port.pool)
""",
        "head airflow /home/airflow/.ssh/id_rsa 32 head worker-01 5555 flower",
    ),
    "filter hosts": Snippet(
        f"""{_LOAD}{_NAMES}
print(names(balancer.filter_hosts(queue="workers")), names(balancer.filter_hosts(queue=["workers", "gpu"])))
print(names(balancer.filter_hosts(os="mac*")), names(balancer.filter_hosts(tag=["cuda", "ml"])), names(balancer.filter_hosts(tag="comp*")))
print(names(balancer.filter_hosts(name="worker-*")), names(balancer.filter_hosts(custom=lambda host: host.size >= 32)))
print(balancer.select_host(queue="workers").name in names(balancer.filter_hosts(queue="workers")))
""",
        """['worker-01', 'worker-02'] ['gpu', 'worker-01', 'worker-02']
['mac'] ['gpu'] ['gpu', 'worker-01', 'worker-02']
['worker-01', 'worker-02'] ['head']
True""",
    ),
    "filter ports": Snippet(
        f"""{_LOAD}
print([port.pool for port in balancer.all_ports])
print(balancer.select_port(tag="monitoring").port, [port.port for port in balancer.filter_ports(tag="api")])
print(balancer.ports[0].host.name, balancer.ports[0].port)
""",
        "['flower', 'head-8793', 'worker-01-8080']\n5555 [8080]\nhead 8793",
    ),
    "a free port": Snippet(
        f"""{_LOAD}
print(8000 <= balancer.free_port(host=balancer.select_host(queue="workers"), min=8000, max=9000).port <= 9000)
""",
        "True",
    ),
    "no match": Snippet(
        f"""{_LOAD}
try:
    balancer.select_host(queue="none")
except RuntimeError as error:
    print(type(error).__name__)
""",
        "RuntimeError",
        "NoMatch",
    ),
    "hooks": Snippet(
        f"""{_LOAD}
host = balancer.select_host(name="head")
print(host.hook().remote_host, host.hook(use_local=False).remote_host, host.hook(username="admin").username, host.hook(port=2222).port)
admin = host.override(username="admin")
print(admin.name, admin.hook().username, admin.hook().key_file)
""",
        "head.local head admin 2222\nhead admin /home/airflow/.ssh/id_rsa",
    ),
    "a password in a Variable": Snippet(
        f"""{_LOAD}
from airflow_balancer.testing import variables
with variables("hunter22"):
    print(balancer.select_host(name="mac").hook().password == "hunter22")
""",
        "True",
    ),
    "objects": Snippet(
        """
from airflow_balancer import BalancerConfiguration, Host, Port
from airflow_balancer.testing import pools
with pools():
    balancer = BalancerConfiguration(
        default_username="airflow",
        hosts=[Host(name="a", os="linux", size=8, queues=["workers"], pool={"pool": "cpu", "slots": 8}), Host(name="b", size=4)],
        ports=[Port(name="api", host_name="a", port=8080, tags=["api"])],
    )
print(balancer.select_host(queue="workers", os="linux").pool.pool, balancer.select_port(name="api").port, balancer.hosts[1].username)
""",
        "cpu 8080 airflow",
    ),
    "pools by a generated DAG": Snippet(
        """
from airflow_balancer import BalancerConfiguration
for name in ("managed.yaml", "balancer.yaml"):
    print(sorted(BalancerConfiguration.load_path(name).generated_files(airflow_major_version=3)))
""",
        "['airflow_laminar_pool_manager.py']\n['airflow_laminar_pool_manager.py']",
        "['airflow_laminar_pool_manager.py']\n[]",
    ),
    "an extension of airflow-config": Snippet(
        """
from airflow_config import load_config
config = load_config("config", "config", basepath=__file__)
task = config.dags["report"].tasks["run"]
print(config.extensions["balancer"].select_host(queue="workers").name, task.ssh_hook.remote_host, task.pool.pool)
""",
        "worker1 worker1.local worker1",
    ),
    "environments of airflow-config": Snippet(
        """
from airflow_config import load_config
for host in load_config("config", "production", basepath=__file__).extensions["balancer"].hosts:
    print(host.name, host.size, host.username, host.key_file)
""",
        "prod-01 32 airflow /home/airflow/.ssh/prod_key",
    ),
    "load_config of the balancer": Snippet(
        """
from airflow_balancer import load_config
print([host.name for host in load_config("config", "config", basepath=__file__).hosts])
""",
        "['worker1']",
    ),
}
