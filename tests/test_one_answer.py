"""One key has one host: the command line, the page, the resolvers and Python name the same one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_balancer import load
from airflow_balancer.hydra.compose import compose_file
from airflow_balancer.lock.entries import HostEntry
from airflow_balancer.lock.file import Lock, write_lock
from airflow_balancer.picking.filters import HostFilter
from airflow_balancer.viewer.catalogue import Catalogue
from airflow_balancer.viewer.configuration import Places
from airflow_balancer.viewer.service import Viewer

QUEUES = ("etl", "web")
STRATEGIES = ("rendezvous", {"_target_": "airflow_balancer.strategies.Bounded", "c": 1}, "bounded", "least_loaded")

hosts = st.lists(
    st.fixed_dictionaries({"size": st.integers(1, 9), "queues": st.lists(st.sampled_from(QUEUES), min_size=1, unique=True)}),
    min_size=2,
    max_size=6,
).filter(lambda found: {queue for host in found for queue in host["queues"]} == set(QUEUES))
requests = st.lists(st.tuples(st.sampled_from(QUEUES), st.sampled_from(["", "a", "b", "c"])), min_size=1, max_size=12)


def tree(fleet: list[dict[str, Any]], strategy: Any, asked: list[tuple[str, str]]) -> dict[str, Any]:
    balancer = {
        "strategy": strategy,
        "lock": "balancer.lock.yaml",
        "hosts": [{"name": f"host{at}", **host} for at, host in enumerate(fleet)],
    }
    tasks = {}
    for at, (queue, key) in enumerate(asked):
        named = f",key:{key}" if key else ""
        tasks[f"task{at}"] = {"host": f"${{balancer.name:{{queue:{queue}{named}}}}}"}
    return {"balancer": balancer, "tasks": tasks}


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.tuples(hosts, st.sampled_from(STRATEGIES), requests),
    other=st.tuples(st.sampled_from(QUEUES), st.just("other")),
    locked=st.dictionaries(st.tuples(st.sampled_from(["a", "b", "other"]), st.sampled_from(QUEUES)), st.integers(0, 5)),
)
def test_a_key_has_one_host_wherever_it_is_looked_up(cli: Any, tmp_path: Path, made: Any, other: Any, locked: Any) -> None:
    fleet, strategy, asked = made
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(tree(fleet, strategy, asked)))
    entries = [HostEntry(key, HostFilter.of(queue=queue), (f"host{at}",)) for (key, queue), at in locked.items()]
    write_lock(Lock.sorted(tmp_path / "balancer.lock.yaml", entries))
    tasks: Any = compose_file(file).resolved(("tasks",))
    balancer, viewer = load(file), Viewer(Catalogue(lambda: Places((tmp_path,), ((file, ()),))))
    (shown,) = json.loads(viewer.api_of("configurations", {}).body)["configurations"]
    keyed = [(queue, key or f"tasks.task{at}") for at, (queue, key) in enumerate(asked)]
    by_python = [balancer.select_host(queue=queue, key=key).name for queue, key in [*keyed, other]]
    asks = [{"configuration": shown["id"], "queue": [queue], "key": key} for queue, key in [*keyed, other]]
    by_page = [json.loads(viewer.api_of("query", ask).body)["picked"] for ask in asks]
    assert by_python[:-1] == [tasks[f"task{at}"]["host"] for at in range(len(asked))]
    assert by_page == by_python
    for (queue, key), host in [(keyed[-1], by_python[-2]), (other, by_python[-1])]:
        assert cli("select", str(file), f"query.queue={queue}", f"query.key={key}").stdout == f"{host}\n"
