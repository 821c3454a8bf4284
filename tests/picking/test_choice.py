"""One function says which host a key gets."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from airflow_balancer.picking.choice import choose_host, rank_hosts
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


def test_live_load_reaches_the_strategy():
    assert choose_host(LeastLoaded(), "etl", HOSTS, load={"a": 1, "b": 1}).name == "c"


@STRATEGIES
def test_each_candidate_is_ranked_once(strategy):
    assert sorted(rank_hosts(strategy, "etl", HOSTS, assigned={("etl", NAMES): "b"})) == sorted(HOSTS)
