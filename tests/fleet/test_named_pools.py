"""Pools under `pools:`, which belong to no host or port."""

from __future__ import annotations

import pytest

from airflow_balancer import ConfigurationError, NoMatch
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.fleet.pools import PoolSlots

HOSTS = {"host1": {"size": 2, "queues": ["workers"]}}
PORTS = [{"name": "web", "host": "host1", "port": 80}]
API = {"slots": 2, "description": "calls of the API", "include_deferred": False}


def pools(given: object, **node: object) -> tuple[PoolSlots, ...]:
    return Fleet.from_data({"hosts": {}, "pools": given, **node}).pools


def problems(**node: object) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        Fleet.from_data(node)
    return str(error.value).splitlines()


@pytest.mark.parametrize(
    "given",
    [{"warehouse": 4, "api": API}, {"warehouse": {"slots": 4}, "api": API}, [{"name": "warehouse", "slots": 4}, {"name": "api", **API}]],
    ids=["slots", "mappings", "list"],
)
def test_they_are_written_as_slots_as_mappings_or_as_a_list(given):
    assert pools(given) == (
        PoolSlots("api", 2, "calls of the API", include_deferred=False),
        PoolSlots("warehouse", 4, "", include_deferred=True),
    )


def test_a_value_of_null_is_one_left_out():
    assert pools({"api": {"slots": 2, "description": None, "include_deferred": None}}) == pools({"api": 2})


def test_they_come_after_those_of_hosts_ports_and_queues():
    names = [pool.name for pool in pools({"a": 1}, hosts=HOSTS, ports=PORTS, queue_pools=True)]
    assert names == ["host1", "web", "queue-workers", "a"]


def test_a_team_is_that_of_all_pools():
    found = pools({"a": 1}, hosts=HOSTS, ports=PORTS, queue_pools=True, team="payments")
    assert {pool.name: pool.team for pool in found} == dict.fromkeys(("host1", "web", "queue-workers", "a"), "payments")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("host1", "pool 'host1': is also the pool of host 'host1'; rename one of them"),
        ("web", "pool 'web': is also the pool of port 'web'; rename one of them"),
        ("queue-workers", "pool 'queue-workers': is also the pool of queue 'workers'; rename one of them"),
        ("default_pool", "pool 'default_pool': is Airflow's own; give it another name"),
    ],
)
def test_a_name_that_something_else_has_is_an_error_that_names_both(name, message):
    assert problems(hosts=HOSTS, ports=PORTS, queue_pools=True, pools={name: 2}) == [message]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (4, "key 'pools' must be a list of pools, or a mapping of pools by name, not 4"),
        ({"a": None}, "pool 'a': needs key 'slots': a whole number from 1 to 2147483647"),
        ({"a": 0}, "pool 'a': key 'slots' must be a whole number from 1 to 2147483647, not 0"),
        ({"a": "many"}, "pool 'a': key 'slots' must be a whole number from 1 to 2147483647, not 'many'"),
        ({"a": {"slot": 2}}, "pool 'a': unknown key 'slot'; did you mean 'slots'? (keys: description, include_deferred, name, slots)"),
        ({"a": [2]}, "pool 'a': must be a mapping such as {slots: 4}, not [2]"),
        ([2], "pools[0]: must be a mapping such as {name: pool1, slots: 4}, not 2"),
        ([{"slots": 2}], "pools[0]: needs key 'name': a string of 1 to 256 characters"),
        ([{"name": "a", "slots": 2}] * 2, "pool 'a': is defined twice, at pools[0] and pools[1]; pool names must differ"),
    ],
)
def test_a_wrong_one_is_named(given, message):
    assert problems(hosts={}, pools=given)[-1] == message


def test_size_is_called_slots():
    text = "unknown key 'size'; did you mean 'slots'? (keys: description, include_deferred, name, slots)"
    assert problems(hosts={}, pools={"a": {"slots": 2, "size": 2}}) == [f"pool 'a': {text}"]


@pytest.mark.parametrize("team", ["ab", "a team", "x" * 51, 3])
def test_a_team_has_a_name_that_airflow_allows(team):
    text = "must be the name of a team: 3 to 50 letters, digits, - or _, not"
    assert problems(hosts={}, team=team) == [f"key 'team' {text} {team!r}"]


def test_a_pool_is_asked_for_by_a_name_that_exists():
    fleet = Fleet.from_data({"hosts": HOSTS, "pools": {"warehouse": 4}})
    assert [fleet.pool("warehouse"), fleet.pool("host1")] == ["warehouse", "host1"]
    with pytest.raises(NoMatch) as error:
        fleet.pool("warehose")
    assert str(error.value) == "no pool is named 'warehose'; did you mean 'warehouse'? (pools: host1, warehouse)"


@pytest.mark.parametrize("key", ["token-service", "passwords"])
def test_a_pools_name_makes_its_values_no_secret(key):
    assert Fleet.from_data({"hosts": {}, "pools": {key: {"slots": 2, "description": "the vault"}}}).secrets == frozenset()
