"""How even the load is that DAG files, each of which knows only its own picks, put on a fleet together."""

from __future__ import annotations

import runpy
from collections import Counter

import yaml


def shares(tmp_path, sizes: list[int], strategy: object) -> dict[str, float]:
    """Each host's share of the tasks of ten DAG files with ten tasks each, in shares of its slots."""
    hosts = [{"name": f"host{number}", "size": size} for number, size in enumerate(sizes, start=1)]
    (tmp_path / "balancer.yaml").write_text(yaml.safe_dump({"hosts": hosts, "strategy": strategy}))
    picked = Counter[str]()
    for number in range(10):
        dag = tmp_path / f"dag_{number}.py"
        dag.write_text("from airflow_balancer import load\nb = load('balancer.yaml')\nhosts = [b.select_host() for _ in range(10)]\n")
        picked.update(host.name for host in runpy.run_path(str(dag))["hosts"])
    return {host["name"]: round(picked[host["name"]] * sum(sizes) / (100 * host["size"]), 2) for host in hosts}


def test_ten_dag_files_of_ten_tasks_load_five_unequal_hosts_within_a_quarter_of_their_shares(tmp_path):
    assert shares(tmp_path, [8, 16, 16, 32, 32], "bounded") == {"host1": 1.17, "host2": 0.97, "host3": 0.84, "host4": 0.97, "host5": 1.07}


def test_with_c_1_each_dag_file_loads_the_hosts_by_their_sizes(tmp_path):
    most_even = {"_target_": "airflow_balancer.strategies.Bounded", "c": 1}
    assert shares(tmp_path, [8, 8, 16, 16, 32], most_even) == dict.fromkeys(["host1", "host2", "host3", "host4", "host5"], 1.0)
