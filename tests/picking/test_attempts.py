"""Where a task's attempts go, and why, by the string of its candidates."""

from __future__ import annotations

import pytest

from airflow_balancer.picking.attempts import ELSEWHERE, Attempts, attempts_of
from airflow_balancer.picking.choice import rank_hosts
from airflow_balancer.picking.serialized import Counted, Described, describe
from airflow_balancer.picking.strategies import Bounded, Random, Rendezvous

BOUNDED = Bounded()
HOSTS = [Counted(f"ws{number}", 8, f"ws{number}") for number in range(5)]


def attempts(strategy=BOUNDED, **given: str) -> Attempts:
    return Attempts(Described.parse(describe(strategy, HOSTS, pool="ws0", **given)), "etl.load")


@pytest.mark.parametrize("strategy", [Bounded(), Rendezvous()], ids=["bounded", "rendezvous"])
@pytest.mark.parametrize("index", [-1, 0, 7])
def test_they_go_where_the_hook_goes(strategy, index: int) -> None:
    expected = [host.name for host in rank_hosts(strategy, "etl.load", HOSTS, index=index)]
    assert attempts(strategy).in_order(index) == expected
    assert attempts(strategy).first(index).host == expected[0]


def test_all_indices_of_one_key_go_to_one_host() -> None:
    of_key = attempts(key="shared", first=rank_hosts(Bounded(), "shared", HOSTS)[0].name)
    assert {of_key.first(index).host for index in range(9)} == {rank_hosts(Bounded(), "shared", HOSTS)[0].name}


def test_the_reason_is_the_place_in_the_ranking() -> None:
    assert attempts().reason() == "1 of 5 in its key's ranking"
    indices = [attempts().reason(index) for index in range(9)]
    full = [reason for reason in indices if reason.startswith("2 of 5 in its key's ranking, after ws")]
    assert 0 < len(full) < len(indices)


def test_the_attempts_of_one_string_are_read_once() -> None:
    text = describe(BOUNDED, HOSTS, pool="ws0")
    assert attempts_of(text, "etl.load") is attempts_of(text, "etl.load")
    assert attempts_of(text, "etl.load") is not attempts_of(text, "etl.store")


def test_a_host_that_was_named_elsewhere_is_no_pick_of_the_strategy() -> None:
    last = rank_hosts(Bounded(), "etl.load", HOSTS)[-1].name
    named = attempts(first=last)
    assert (named.reason(), named.first().host, named.in_order()[0]) == (ELSEWHERE, last, last)


def test_a_string_without_candidates_says_nothing() -> None:
    random = attempts(Random())
    assert (random.reason(), random.first(), random.in_order()) == ("", None, ())


def test_where_no_candidate_is_left_nothing_is_said() -> None:
    none = Attempts(Described("ws0", first="ws0", strategy=BOUNDED), "etl.load")
    assert (none.reason(), none.first(), none.in_order()) == ("", None, ())


@pytest.mark.parametrize("given", [{"strategy": BOUNDED}, {"candidates": tuple(HOSTS)}], ids=["no candidates", "no strategy"])
def test_a_named_host_alone_has_no_order_and_no_reason(given) -> None:
    named = Attempts(Described("ws0", first="ws1", **given), "etl.load")
    assert (named.in_order(), named.reason()) == ((), "")
