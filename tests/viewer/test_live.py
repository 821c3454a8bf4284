"""What the API says of Airflow's pools and tasks, over made data; test_airflow.py has the real ones."""

from __future__ import annotations

import pytest

from airflow_balancer.airflow.pools import mark
from airflow_balancer.airflow.serialized import tasks_of
from airflow_balancer.fleet.pools import PoolSlots

FLEET = "hosts: [{name: host1, size: 2}, {name: host2, size: 3}, {name: host3, size: 4}, {name: host4, size: 5}]\n"


def pool(name: str, slots: int, given: int) -> PoolSlots:
    return PoolSlots(name, slots, mark(f"Balancer pool for host({name})", given), include_deferred=True)


def test_pools_that_differ_are_listed_with_what_to_run(api, write, monkeypatch) -> None:
    write("a.yaml", FLEET)
    write("b.yaml", "hosts: [{name: elsewhere}]\n")
    there = [pool("host2", 1, 1), pool("host3", 9, 4), pool("host4", 5, 5), pool("gone", 1, 1), pool("elsewhere", 8, 8)]
    monkeypatch.setattr("airflow_balancer.viewer.pools.read_target", lambda *_, **__: there)
    answer = api().of("pools", "a.yaml").json()
    kept = "has 9 slots, not 4: edited by hand; set override_pool_size to change it"
    assert answer == {
        "available": True,
        "why": "",
        "changes": [
            {
                "change": "orphaned",
                "name": "gone",
                "slots": 1,
                "wanted": None,
                "note": "no configuration read here wants it; prune=true deletes it",
            },
            {"change": "create", "name": "host1", "slots": None, "wanted": 2, "note": ""},
            {"change": "update", "name": "host2", "slots": 1, "wanted": 3, "note": ""},
            {"change": "kept", "name": "host3", "slots": 9, "wanted": 4, "note": kept},
        ],
        "same": [{"change": "same", "name": "host4", "slots": 5, "wanted": 5, "note": ""}],
        "unchanged": 1,
        "command": "airflow-balancer pools a.yaml apply=true",
        "prune": "airflow-balancer pools a.yaml prune=true",
    }


def test_the_command_names_the_server_that_the_page_reads(api, write, monkeypatch) -> None:
    write("a.yaml", FLEET)
    monkeypatch.setattr("airflow_balancer.viewer.pools.read_target", lambda *_, **__: [])
    monkeypatch.setenv("AIRFLOW__BALANCER__API_URL", "https://me:hunter2@airflow.example.org")
    monkeypatch.setenv("AIRFLOW__BALANCER__API_USERNAME", "me")
    answer = api().of("pools", "a.yaml").json()
    server = "'api_url=https://me:**********@airflow.example.org' api_username=me"
    assert (answer["command"], answer["prune"]) == (f"airflow-balancer pools a.yaml apply=true {server}", "")


def test_the_command_has_the_environment(tree) -> None:
    command = tree.of("pools", "config.yaml", environment="prod").json()["command"]
    assert command == "airflow-balancer pools config.yaml env=prod apply=true"


@pytest.mark.parametrize(
    ("task", "found"),
    [
        ({"task_id": "a", "pool": "host1"}, [("a", "host1")]),
        ({"__type": "operator", "__var": {"task_id": "a", "pool": "host1"}}, [("a", "host1")]),
        ({"__var": {"task_id": "a", "partial_kwargs": {"__var": {"pool": {"__var": "host1"}}}}}, [("a", "host1")]),
        ({"task_id": "a", "pool": "default_pool"}, []),
        ({"task_id": "a"}, []),
        ({}, []),
        (None, []),
    ],
    ids=["plain", "wrapped", "mapped", "default pool", "no pool", "empty", "nothing"],
)
def test_a_serialized_task_tells_its_pool(task: object, found: list[tuple[str, str]]) -> None:
    assert [task[:2] for task in tasks_of({"dag": {"tasks": [task]}})] == found


@pytest.mark.parametrize(
    "task",
    [
        {"task_id": "a", "pool": "host1", "candidates": "balanced pool=host1"},
        {"task_id": "a", "partial_kwargs": {"pool": "host1", "balancer": "balanced pool=host1"}, "_is_mapped": True},
        {"__var": {"task_id": "a", "partial_kwargs": {"__var": {"pool": "host1", "ssh_hook": "balanced pool=host1"}}, "_is_mapped": True}},
    ],
    ids=["plain", "mapped", "mapped hook"],
)
def test_a_serialized_task_tells_its_candidates(task: dict[str, object]) -> None:
    is_mapped = "candidates" not in task
    assert list(tasks_of({"dag": {"tasks": [task]}})) == [("a", "host1", "balanced pool=host1", is_mapped)]


def test_without_airflow_the_live_answers_say_why(tree, monkeypatch) -> None:
    monkeypatch.setattr("airflow_balancer.airflow.versions.has_airflow", lambda: False)
    for path in ("occupancy", "health", "assignments", "moved", "pools"):
        answer = tree.of(path, "config.yaml").json()
        assert answer["available"] is False
        assert answer["why"]
