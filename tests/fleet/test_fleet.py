from __future__ import annotations

import doctest

import pytest

from airflow_balancer import ConfigurationError, Fleet, NoMatch
from airflow_balancer.fleet import fleet as module
from airflow_balancer.fleet.pools import PoolSlots

HOSTS = [{"name": "host2", "size": 4}, {"name": "host1"}]


def test_the_examples_of_the_docstrings_hold():
    assert doctest.testmod(module).failed == 0


def test_hosts_and_ports_are_sorted():
    fleet = Fleet.from_data({"hosts": HOSTS, "ports": [{"host": "host2", "port": 80}, {"host": "host1", "port": 90}]})
    assert [host.name for host in fleet.hosts] == ["host1", "host2"]
    assert [(port.host, port.port) for port in fleet.ports] == [("host1", 90), ("host2", 80)]


def test_list_and_mapping_of_hosts_are_the_same_fleet():
    mapping = {"host1": None, "host2": {"size": 4}}
    assert Fleet.from_data({"hosts": mapping}) == Fleet.from_data({"hosts": HOSTS})


def test_ports_may_be_a_mapping_by_name():
    fleet = Fleet.from_data({"hosts": HOSTS, "ports": {"web": {"host": "host1", "port": 80}}})
    assert [(port.name, port.host, port.port) for port in fleet.ports] == [("web", "host1", 80)]


@pytest.mark.parametrize(
    "port",
    [{"host": "host1"}, {"host_name": "host1"}, {"host": {"name": "host1", "size": 8}}, {"host": "host1", "host_name": "host1"}],
    ids=["host", "host_name", "the host itself", "both"],
)
def test_a_ports_host_is_known_by_each_way_to_write_it(port):
    fleet = Fleet.from_data({"hosts": HOSTS, "ports": [{**port, "port": 80}]})
    assert fleet.ports[0].host == "host1"


def test_defaults_fill_in_what_a_host_leaves_out():
    data = {"default_size": 3, "default_username": "u", "default_password": "p", "default_key_file": "k"}
    left_out, given = Fleet.from_data({**data, "hosts": [{"name": "a"}, {"name": "b", "size": 5, "username": "x"}]}).hosts
    assert (left_out.size, left_out.username, left_out.password, left_out.key_file) == (3, "u", "p", "k")
    assert (given.size, given.username) == (5, "x")


def test_a_host_holds_slots_as_the_balancer_does_unless_it_says_otherwise():
    own = [{"name": "a"}, {"name": "b", "slot_dir": "/slots", "slot_wait": 5}, {"name": "c", "hold_slots": False}]
    hosts = Fleet.from_data({"hosts": own, "hold_slots": True, "slot_timeout": 7200}).hosts
    assert [(host.hold_slots, host.slot_dir, host.slot_wait, host.slot_timeout) for host in hosts] == [
        (True, "~/.airflow-balancer/slots", 60, 7200),
        (True, "/slots", 5, 7200),
        (False, None, None, None),
    ]


def test_no_host_holds_slots_unless_told_to():
    assert [host.hold_slots for host in Fleet.from_data({"hosts": HOSTS}).hosts] == [False, False]


@pytest.mark.parametrize("hosts", [HOSTS, {"host1": {}, "host2": {"size": 4}}], ids=["list", "mapping"])
def test_one_host_is_overridden_without_repeating_the_others(hosts):
    fleet = Fleet.from_data({"hosts": hosts, "host_overrides": {"host1": {"size": 2, "tags": ["a"]}}})
    assert [(host.name, host.size, host.tags) for host in fleet.hosts] == [("host1", 2, ["a"]), ("host2", 4, [])]


def test_an_override_merges_mappings():
    hosts = [{"name": "host1", "ssh_hook_args": {"port": 22, "conn_timeout": 5}}]
    fleet = Fleet.from_data({"hosts": hosts, "host_overrides": {"host1": {"ssh_hook_args": {"port": 2222}}}})
    assert fleet.hosts[0].ssh_hook_args == {"port": 2222, "conn_timeout": 5}


def test_a_size_from_an_environment_variable_is_a_number():
    assert Fleet.from_data({"hosts": [{"name": "host1", "size": "16"}]}).hosts[0].size == 16


def test_each_host_and_port_has_a_pool():
    fleet = Fleet.from_data({"hosts": HOSTS, "ports": [{"host": "host1", "port": 80}, {"name": "web", "host": "host1", "port": 81}]})
    assert fleet.pools == (
        PoolSlots("host1", 8, "Balancer pool for host(host1)", include_deferred=True),
        PoolSlots("host2", 4, "Balancer pool for host(host2)", include_deferred=True),
        PoolSlots("host1-80", 1, "Balancer pool for host(host1) port(80)", include_deferred=True),
        PoolSlots("web", 1, "Balancer pool for host(host1) port(81)", include_deferred=True),
    )


def test_an_address_changes_no_pool():
    node = {
        "hosts": {"host1": {"queues": ["a"]}, "host2": {"pool": "other"}},
        "ports": [{"host": "host1", "port": 80}],
        "queue_pools": True,
    }
    changes = {"host1": {"address": "10.0.0.5"}, "host2": {"ssh_hook_args": {"remote_host": "10.0.0.5"}}}
    assert Fleet.from_data({**node, "host_overrides": changes}).pools == Fleet.from_data(node).pools


def test_hosts_share_a_pool_whose_slots_are_given():
    shared = {"pool": "shared", "slots": 20, "description": "both"}
    fleet = Fleet.from_data({"hosts": [{"name": "a", "pool": shared}, {"name": "b", "pool": "shared", "size": 3}]})
    assert fleet.pools == (PoolSlots("shared", 20, "both", include_deferred=True),)


QUEUES = [
    {"name": "a", "size": 4, "queues": ["workers"]},
    {"name": "b", "size": 2, "queues": ["workers", "gpu"]},
    {"name": "c", "size": 3, "queues": ["workers", "old"], "drain": True},
    {"name": "d", "size": 5},
]


def test_each_queue_has_a_pool_with_the_slots_of_its_hosts_without_drained_ones():
    pools = Fleet.from_data({"hosts": QUEUES, "queue_pools": True}).pools
    assert pools[4:] == (
        PoolSlots("queue-gpu", 2, "Balancer pool for queue(gpu)", include_deferred=True),
        PoolSlots("queue-old", 0, "Balancer pool for queue(old)", include_deferred=True),
        PoolSlots("queue-workers", 6, "Balancer pool for queue(workers)", include_deferred=True),
    )


def test_queues_have_no_pools_unless_asked():
    fleet = Fleet.from_data({"hosts": QUEUES})
    assert [pool.name for pool in fleet.pools] == ["a", "b", "c", "d"]
    with pytest.raises(ConfigurationError, match="queue 'workers' has no pool; set queue_pools: true"):
        fleet.queue_pool("workers")


def test_a_queues_pool_is_known_by_name():
    fleet = Fleet.from_data({"hosts": QUEUES, "queue_pools": True})
    assert fleet.queue_pool("workers") == "queue-workers"
    with pytest.raises(NoMatch, match=r"no host is of queue 'worker'; did you mean 'workers'\? \(queues: gpu, old, workers\)"):
        fleet.queue_pool("worker")


@pytest.mark.parametrize(
    ("data", "other"),
    [
        ({"hosts": [{"name": "queue-a", "size": 1}]}, "host 'queue-a'"),
        ({"hosts": [{"name": "b", "size": 1, "pool": "queue-a"}]}, "host 'b'"),
        ({"ports": [{"name": "queue-a", "host": "a", "port": 80}]}, "port 'queue-a'"),
    ],
    ids=["host", "pool", "port"],
)
def test_a_queues_pool_is_nothing_elses(data, other):
    hosts = [{"name": "a", "size": 1, "queues": ["a"]}, *data.pop("hosts", [])]
    with pytest.raises(ConfigurationError) as error:
        Fleet.from_data({"hosts": hosts, "queue_pools": True, **data})
    assert str(error.value) == f"queue 'a': its pool 'queue-a' is also that of {other}; rename that one"


def test_reading_a_fleet_does_not_change_the_data():
    data = {"hosts": [{"name": "a"}], "ports": [{"host_name": "a", "port": 80}], "host_overrides": {"a": {"size": 2}}}
    Fleet.from_data(data)
    assert data == {"hosts": [{"name": "a"}], "ports": [{"host_name": "a", "port": 80}], "host_overrides": {"a": {"size": 2}}}


def test_a_fleets_repr_has_no_password():
    fleet = Fleet.from_data({"default_password": "hunter2", "hosts": [{"name": "a", "ssh_hook_args": {"private_key": "hunter3"}}]})
    assert "hunter" not in repr(fleet)
