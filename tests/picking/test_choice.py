"""One function says which host a key gets."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest

from airflow_balancer.picking.choice import IndexPicks, choose_host, index_key, rank_hosts
from airflow_balancer.picking.strategies import Bounded, LeastLoaded, Rendezvous


class Machine(NamedTuple):
    name: str
    size: int


HOSTS = [Machine("c", 1), Machine("a", 1), Machine("b", 1)]
NAMES = ("a", "b", "c")
STRATEGIES = pytest.mark.parametrize("strategy", [Bounded(), LeastLoaded(), Rendezvous()])


@STRATEGIES
@pytest.mark.parametrize("name", NAMES)
def test_an_assigned_key_gets_its_host(strategy, name):
    assigned = {("etl", NAMES): name}
    assert choose_host(strategy, "etl", HOSTS, assigned=assigned).name == name
    assert rank_hosts(strategy, "etl", HOSTS, assigned=assigned)[0].name == name


@STRATEGIES
@pytest.mark.parametrize("other", [("load", NAMES), ("etl", ("a", "b"))], ids=["another key", "other candidates"])
def test_any_other_key_gets_the_host_of_the_strategy(strategy, other):
    alone = strategy.choose("etl", HOSTS, {})
    assigned = {other: next(name for name in NAMES if name != alone.name)}
    assert choose_host(strategy, "etl", HOSTS, assigned=assigned) == alone


def test_an_index_is_picked_after_the_lower_ones_of_its_block_in_whatever_order_they_are_asked_for():
    load, expected = Counter(), []
    for index in range(12):
        expected.append(Bounded().choose(index_key("etl", index), HOSTS, load))
        load[expected[-1].name] += 1
    picks = IndexPicks(Bounded(), "etl", HOSTS)
    assert {index: picks.host(index) for index in (7, 3, 11, *range(12))} == dict(enumerate(expected))
    assert expected != [Bounded().choose(index_key("etl", index), HOSTS, {}) for index in range(12)]


def test_a_block_of_a_thousand_indices_begins_without_a_load():
    keys = [f"task{number}" for number in range(12)]
    picked = [IndexPicks(Bounded(1), key, HOSTS).host(1_000) for key in keys]
    assert picked == [Bounded(1).choose(index_key(key, 1_000), HOSTS, {}) for key in keys]


def test_live_load_reaches_the_strategy():
    assert choose_host(LeastLoaded(), "etl", HOSTS, load={"a": 1, "b": 1}).name == "c"


@STRATEGIES
def test_each_candidate_is_ranked_once(strategy):
    assert sorted(rank_hosts(strategy, "etl", HOSTS, assigned={("etl", NAMES): "b"})) == sorted(HOSTS)
