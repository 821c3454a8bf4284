"""What each condition of a query leaves out."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from hypothesis import assume, given

from airflow_balancer import Fleet, NoMatch
from airflow_balancer.fleet.model import HostSpec
from airflow_balancer.picking.filters import HostFilter, HostIndex
from tests.picking.test_index import any_of, asked, fleets, queries

FLEET = Fleet.from_data(
    {
        "hosts": [
            {"name": "host1", "os": "ubuntu", "queues": ["primary"]},
            {"name": "host2", "os": "ubuntu", "queues": ["workers"], "tags": ["gpu"], "drain": True},
            {"name": "host3", "os": "macos", "queues": ["workers"], "tags": ["gpu", "ssd"]},
            {"name": "host4", "queues": ["workers"], "size": 2},
        ]
    }
)
INDEX = HostIndex(FLEET.hosts)


def fails(query: HostFilter, host) -> list[str]:
    """The conditions that a host fails, in the order in which they are applied."""
    values = {"name": [host.name], "queue": host.queues, "os": [host.os] if host.os else [], "tag": host.tags}
    failed = {key: bool(getattr(query, key)) and not any_of(getattr(query, key), values[key]) for key in values}
    failed["all_tags"] = not all(any_of([pattern], host.tags) for pattern in query.all_tags)
    failed["exclude"] = any_of(query.exclude, [host.name])
    failed["min_size"] = host.size < (query.min_size or 0)
    failed["drain"] = host.drain
    return [key for key, fail in failed.items() if fail]


@given(hosts=fleets(), query=queries)
def test_the_counts_and_the_candidates_add_up_to_the_fleet(hosts, query):
    index = HostIndex(hosts)
    assert sum(index.left_out(query).counts.values()) + len(asked(index.candidates, query)) == len(hosts)


@given(hosts=fleets(), query=queries)
def test_a_host_counts_at_the_first_condition_that_it_fails(hosts, query):
    first = [failed[0] for host in hosts if (failed := fails(query, host))]
    counts = HostIndex(hosts).left_out(query).counts
    assert {key: count for key, count in counts.items() if key != "prefer"} == {key: first.count(key) for key in first}


def test_the_conditions_are_applied_in_the_order_that_the_readme_says():
    index = HostIndex([HostSpec(name="a", size=1, drain=True)])
    query = HostFilter.of(
        name="b", queue="q", os="o", tag="t", all_tags="t", exclude="a", min_size=2, custom=lambda host: False, prefer="b"
    )
    order = []
    while counts := index.left_out(query).counts:
        [(key, count)] = counts.items()
        order.append((key, count))
        if key == "drain":
            break
        query = replace(query, **{key: None if key in ("min_size", "custom") else ()})
    assert order == [(key, 1) for key in ("name", "queue", "os", "tag", "all_tags", "exclude", "min_size", "custom", "drain")]


@given(hosts=fleets(), query=queries)
def test_without_a_condition_exactly_the_hosts_that_fail_it_alone_are_admitted(hosts, query):
    query = replace(query, prefer=())
    before, alone = asked(HostIndex(hosts).candidates, query), HostIndex(hosts).left_out(query).alone
    for key in ("name", "queue", "os", "tag", "all_tags", "exclude", "min_size"):
        after = asked(HostIndex(hosts).candidates, replace(query, **{key: None if key == "min_size" else ()}))
        assert sorted({*after} - {*before}) == alone.get(key, [])
    undrained = HostIndex([host.model_copy(update={"drain": False}) for host in hosts])
    assert sorted({*asked(undrained.candidates, query)} - {*before}) == alone.get("drain", [])


@given(hosts=fleets(), query=queries)
def test_no_match_has_the_counts_of_all_hosts(hosts, query):
    index = HostIndex(hosts)
    assume(not asked(index.candidates, query))
    with pytest.raises(NoMatch) as error:
        index.candidates(query)
    assert error.value.left_out == index.left_out(query).counts
    assert sum(error.value.left_out.values()) == len(hosts)


EXPLAINED = {
    "two conditions": ({"queue": "workers", "os": "windows"}, "1 by queue, 3 by os; without os: host3, host4"),
    "a drained host": (
        {"queue": "workers", "os": "ubuntu"},
        "1 by queue, 2 by os, 1 drained; without queue: host1; without os: host3, host4; without drain: host2",
    ),
    "a size and tags": ({"all_tags": ["gpu", "ssd"], "min_size": 9}, "3 by all_tags, 1 by min_size; without min_size: host3"),
    "a function": ({"queue": "primary", "custom": lambda host: host.size > 8}, "3 by queue, 1 by custom; without custom: host1"),
    "no condition alone": ({"queue": "none", "os": "none"}, "4 by queue"),
}


@pytest.mark.parametrize(("query", "text"), EXPLAINED.values(), ids=EXPLAINED)
def test_no_match_says_what_each_condition_leaves_out(query, text):
    with pytest.raises(NoMatch) as error:
        INDEX.candidates(HostFilter.of(**query))
    assert f"(4 hosts left out: {text}" in str(error.value)


def test_drained_hosts_are_counted_only_where_they_are_not_wanted():
    with pytest.raises(NoMatch, match="4 hosts left out: 3 by name, 1 by os; without name: host3; without os: host2; names"):
        INDEX.matching(HostFilter.of(name="host2", os="macos"))
    with pytest.raises(NoMatch, match="4 hosts left out: 3 by name, 1 by os; without name: host3; names"):
        INDEX.candidates(HostFilter.of(name="host2", os="macos"))


def test_hosts_that_are_not_preferred_are_counted_where_others_are():
    assert INDEX.left_out(HostFilter.of(queue="workers", prefer="ssd")).counts == {"queue": 1, "drain": 1, "prefer": 1}


def test_a_function_is_called_only_for_hosts_that_pass_all_else():
    called = []
    with pytest.raises(NoMatch):
        INDEX.candidates(HostFilter.of(queue="primary", custom=lambda host: called.append(host.name)))
    assert set(called) == {"host1"}


def test_a_fleet_without_hosts_is_said_to_be_empty():
    with pytest.raises(NoMatch) as error:
        HostIndex([]).candidates(HostFilter.of(queue="a"))
    assert str(error.value) == "no host matches queue='a' (there are no hosts; names: none; queues: none; systems: none; tags: none)"


def test_the_counts_are_kept_where_the_error_is_copied():
    with pytest.raises(NoMatch) as error:
        INDEX.candidates(HostFilter.of(queue="none"))
    assert pickle.loads(pickle.dumps(error.value)).left_out == {"queue": 4}
