from __future__ import annotations

from dataclasses import fields
from inspect import signature

import pytest

from airflow_balancer import ConfigurationError, Fleet, NoMatch
from airflow_balancer.picking.filters import HOST_KEYS, PORT_KEYS, HostFilter, HostIndex, HostPatterns, PortFilter, matching_ports

FLEET = Fleet.from_data(
    {
        "hosts": [
            {"name": "host1", "os": "ubuntu", "queues": ["primary"]},
            {"name": "host2", "os": "ubuntu", "queues": ["workers", "gpu"], "tags": ["fast", "ssd"], "size": 9},
            {"name": "host3", "os": "macos", "queues": ["workers"], "tags": ["slow"]},
            {"name": "other", "queues": ["workers"]},
        ],
        "ports": [{"name": "web", "host": "host1", "port": 80, "tags": ["http"]}, {"host": "host1", "port": 81}],
    }
)

INDEX = HostIndex(FLEET.hosts)

CASES = {
    "nothing asked": ({}, ["host1", "host2", "host3", "other"]),
    "an exact queue": ({"queue": "primary"}, ["host1"]),
    "a pattern": ({"name": "host?"}, ["host1", "host2", "host3"]),
    "a set of characters": ({"name": "host[13]"}, ["host1", "host3"]),
    "one of several patterns": ({"os": ["macos", "windows"]}, ["host3"]),
    "any of a host's queues": ({"queue": "g*"}, ["host2"]),
    "all keys together": ({"queue": "workers", "os": "ubuntu"}, ["host2"]),
    "a tag": ({"tag": "slow"}, ["host3"]),
    "a host without a system matches none": ({"queue": "workers", "os": "*"}, ["host2", "host3"]),
    "empty patterns ask nothing": ({"os": "", "tag": [], "name": None}, ["host1", "host2", "host3", "other"]),
    "any of several tags": ({"tag": ["fast", "slow"]}, ["host2", "host3"]),
    "all of several tags": ({"all_tags": ["fast", "s?d"]}, ["host2"]),
    "one tag of all": ({"all_tags": "slow"}, ["host3"]),
    "a smallest size": ({"min_size": 9}, ["host2"]),
    "all but some": ({"exclude": ["host?"]}, ["other"]),
    "a function": ({"custom": lambda host: host.size == 8 and host.os is None}, ["other"]),
}


@pytest.mark.parametrize(("asked", "names"), CASES.values(), ids=CASES)
def test_hosts_match(asked, names):
    assert [host.name for host in INDEX.matching(HostFilter.of(**asked))] == names


def test_matching_is_case_sensitive():
    with pytest.raises(NoMatch):
        INDEX.matching(HostFilter.of(os="Ubuntu"))


@pytest.mark.parametrize(
    ("asked", "numbers"), [({"name": "w*"}, [80]), ({"tag": "http"}, [80]), ({}, [80, 81])], ids=["name", "tag", "all"]
)
def test_ports_match(asked, numbers):
    assert [port.port for port in matching_ports(PortFilter.of(**asked), FLEET.ports)] == numbers


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"queue": "worker"}, "no host matches queue='worker'; did you mean 'workers'?"),
        ({"tag": ["fats", "none"]}, "no host matches tag='fats' or 'none'; did you mean 'fast'?"),
        ({"all_tags": ["ssd", "solw"]}, "no host matches all_tags='ssd' and 'solw'; did you mean 'slow'?"),
        ({"os": "windows"}, "no host matches os='windows'"),
        ({"queue": "gpu", "os": "macos"}, "no host matches queue='gpu', os='macos'"),
        ({"custom": lambda host: False}, "no host matches custom"),
        ({"min_size": 10, "exclude": "a*"}, "no host matches exclude='a*', min_size=10"),
    ],
    ids=["queue", "tags", "all tags", "os", "no overlap", "custom", "size"],
)
def test_no_match_says_what_was_asked_and_what_there_is(asked, text):
    with pytest.raises(NoMatch) as error:
        INDEX.matching(HostFilter.of(**asked))
    left_out = str(INDEX.left_out(HostFilter.of(**asked), drained=True))
    there_is = "names: host1, host2, host3, other; queues: gpu, primary, workers; systems: macos, ubuntu; tags: fast, slow, ssd"
    assert str(error.value) == f"{text} ({left_out}; {there_is})"


def test_no_match_of_ports_says_what_there_is():
    with pytest.raises(NoMatch) as error:
        matching_ports(PortFilter.of(name="wep"), FLEET.ports)
    assert str(error.value) == "no port matches name='wep'; did you mean 'web'? (names: web; tags: http)"


def test_no_match_is_a_runtime_error():
    assert issubclass(NoMatch, RuntimeError)


DRAINING = HostIndex(
    Fleet.from_data(
        {
            "hosts": [
                {"name": "host1", "queues": ["workers"], "drain": True},
                {"name": "host2", "queues": ["workers"], "tags": ["ssd"]},
                {"name": "host3", "queues": ["workers"]},
                {"name": "host4", "queues": ["late"], "drain": True},
            ]
        }
    ).hosts
)


def test_a_drained_host_is_no_candidate():
    assert [host.name for host in DRAINING.candidates(HostFilter.of(queue="workers"))] == ["host2", "host3"]


def test_a_drained_host_still_matches():
    assert [host.name for host in DRAINING.matching(HostFilter.of(queue="workers"))] == ["host1", "host2", "host3"]


def test_all_matching_hosts_drained_is_said():
    with pytest.raises(NoMatch) as error:
        DRAINING.candidates(HostFilter.of(queue="late"))
    assert str(error.value) == (
        "no host that matches queue='late' takes a pick: host4 is drained "
        "(4 hosts left out: 3 by queue, 1 drained; without queue: host2, host3; without drain: host4)"
    )


@pytest.mark.parametrize(
    ("prefer", "names"),
    [("ssd", ["host2"]), ("host3", ["host3"]), ("gpu", ["host2", "host3"]), (["gpu", "host[23]"], ["host2", "host3"])],
    ids=["a tag", "a name", "none has it", "several"],
)
def test_a_preference_is_soft(prefer, names):
    assert [host.name for host in DRAINING.candidates(HostFilter.of(queue="workers", prefer=prefer))] == names


@pytest.mark.parametrize("size", [0, -1, "a", True, 1.5])
def test_an_invalid_smallest_size_is_refused(size):
    with pytest.raises(ConfigurationError, match="key 'min_size' must be a whole number from 1, not "):
        HostFilter.of(min_size=size)


@pytest.mark.parametrize("asked", [5, 0, True, {"a": 1}, ["a", 5], [["a"]]], ids=str)
@pytest.mark.parametrize("query", [HostFilter, PortFilter])
def test_a_pattern_that_is_not_a_string_is_refused(query, asked):
    with pytest.raises(ConfigurationError) as error:
        query.of(tag=asked)
    assert str(error.value) == f"key 'tag' must be a string or a list of strings, not {asked!r}; put it in quotes"


def test_the_keys_of_a_query_are_the_fields_of_its_filter():
    assert [*HostPatterns.__annotations__] == [field.name for field in fields(HostFilter)]
    assert [*signature(PortFilter.of).parameters] == [field.name for field in fields(PortFilter)]
    assert HOST_KEYS == ("name", "queue", "os", "tag", "all_tags", "min_size", "exclude", "prefer")
    assert PORT_KEYS == ("name", "tag")
