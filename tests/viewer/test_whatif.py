"""What would move if the fleet were another."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

FLEET = """
defaults: [_self_]
balancer:
  strategy: rendezvous
  hosts: {ws1: {size: 4, queues: [q], password: hunter2-hunter2}, ws2: {size: 4, queues: [q]}, ws3: {size: 4, queues: [other]}}
  ports: [{host: ws2, port: 8000}]
dags: {etl: {tasks: {a: '${balancer.name:{queue:q}}', b: {on: '${balancer.name:{queue:q}}'}, c: {on: '${balancer.name:ws3}'}}}}
"""


@pytest.fixture
def ask(api, write):
    write("config.yaml", FLEET)
    viewer = api("config.yaml")

    def get(**query: Any) -> Any:
        answer = viewer.of("whatif", "config.yaml", **query)
        return answer.json() if answer.status_code == 200 else answer.json()["error"]["message"]

    return get


def picked(ask) -> dict[str, str]:
    return {row["host"]: row["before"] for row in ask()["loads"]}


def test_nothing_moves_where_nothing_changes(ask) -> None:
    answer = ask()
    assert (answer["picks"], answer["moves"], answer["yaml"]) == (3, [], "")
    assert sum(row["before"] for row in answer["loads"]) == 3


@pytest.mark.parametrize(("key", "why"), [("drain", "is drained"), ("remove", "is gone")])
def test_the_picks_of_a_drained_or_removed_host_move_to_the_other_candidate(ask, key: str, why: str) -> None:
    left = max(("ws1", "ws2"), key=picked(ask).__getitem__)
    other = {"ws1": "ws2", "ws2": "ws1"}[left]
    answer = ask(**{key: left})
    assert {(row["before"], row["after"], row["why"]) for row in answer["moves"]} == {(left, other, f"{left} {why}")}
    assert len(answer["moves"]) == picked(ask)[left]
    assert {row["host"]: row["after"] for row in answer["loads"]}[other] == 2


def test_the_picks_are_those_of_the_changed_file(ask, api, write) -> None:
    answer = ask(drain="ws1", size="ws2:2", add="ws9", add_size=64, add_queue="q")
    change = yaml.safe_load(answer["yaml"])
    config = yaml.safe_load(FLEET)
    config["balancer"]["hosts"] |= change["hosts"]
    config["balancer"]["host_overrides"] = change["host_overrides"]
    assert (change["host_overrides"], change["hosts"]) == (
        {"ws1": {"drain": True}, "ws2": {"size": 2}},
        {"ws9": {"size": 64, "queues": ["q"]}},
    )
    write("config.yaml", yaml.safe_dump(config))
    rows = api("config.yaml").of("picks", "config.yaml").json()["picks"]
    hosts = [row["host"] for row in rows]
    assert {row["host"]: row["after"] for row in answer["loads"]} == {name: hosts.count(name) for name in ("ws1", "ws2", "ws3", "ws9")}


def test_a_removed_host_is_to_be_deleted_where_it_is_written(ask) -> None:
    assert ask(remove="ws2")["yaml"] == "# in balancer\n# delete the host 'ws2', and its ports, where they are written\n"


def test_a_pick_that_only_a_removed_host_serves_is_lost(ask) -> None:
    [move] = ask(remove="ws3")["moves"]
    assert (move["before"], move["after"], move["why"]) == ("ws3", None, "no host matches any more")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"drain": "ws7"}, "there is no host 'ws7'"),
        ({"size": "ws1"}, "a size is given as host:number, not 'ws1'"),
        ({"size": "ws1:0"}, "host 'ws1': key 'size' must be a whole number from 1 to 2147483647, not 0"),
        ({"add": "ws1"}, "there is a host 'ws1' already"),
        ({"add": "default_pool"}, "its pool would be Airflow's own 'default_pool'"),
    ],
)
def test_what_cannot_be_is_said(ask, query: dict[str, str], message: str) -> None:
    assert message in ask(**query)


def test_no_secret_is_in_the_answer(ask) -> None:
    assert "hunter2" not in str(ask(drain="ws1", add="ws9"))


def test_a_file_without_picks_says_so(api, write) -> None:
    write("a.yaml", "hosts: [{name: ws1}, {name: ws2}]\n")
    answer = api().of("whatif", "a.yaml", drain="ws1", add="ws9").json()
    assert (answer["picks"], answer["moves"]) == (0, [])
    assert yaml.safe_load(answer["yaml"]) == {"host_overrides": {"ws1": {"drain": True}}, "hosts": [{"name": "ws9"}]}
