"""The string of a task's candidates: short, the same for the same candidates, and enough for every pick."""

from __future__ import annotations

import doctest
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_balancer.picking import folding
from airflow_balancer.picking.choice import IndexPicks, rank_hosts
from airflow_balancer.picking.filters import HostFilter
from airflow_balancer.picking.folding import fold, quoted, unfold
from airflow_balancer.picking.serialized import MAX_LENGTH, Counted, Described, describe
from airflow_balancer.picking.strategies import Bounded, LeastLoaded, Random, Rendezvous

NAMES = st.text(min_size=1, max_size=12) | st.from_regex(r"\A[a-c]{0,2}[0-9]{1,3}[.x]{0,1}\Z")
THREE = [Counted("host1", 8, "host1"), Counted("host2", 16, "host2"), Counted("host3", 8, "gpu")]


class First:
    """A strategy of another package."""

    def choose(self, key, candidates, load):
        return min(candidates)


def unlike(count):
    """Hosts without any order in their names."""
    names = [f"ws-{random.Random(number).randbytes(4).hex()}" for number in range(count)]
    return [Counted(name, 8, name) for name in names]


def test_the_examples_of_the_docstrings_hold():
    assert doctest.testmod(folding).failed == 0


@given(st.sets(NAMES))
def test_a_folded_list_has_every_name_once_whatever_its_characters(names):
    folded = fold(names)
    assert sorted(unfold(folded)) == sorted(names or {""})
    assert folded.isascii()
    assert " " not in folded


@given(st.sets(NAMES, min_size=1), st.sampled_from([Bounded(), Bounded(c=2.5), Rendezvous(), LeastLoaded()]), NAMES, NAMES)
def test_a_description_is_read_as_it_was_written(names, strategy, pool, key):
    candidates = [Counted(name, 1 + len(name), name if len(name) % 2 else pool) for name in sorted(names)]
    described = Described.parse(describe(strategy, candidates, pool=pool, key=key))
    assert (described.strategy, described.pool, described.key) == (strategy, pool, key)
    assert sorted(described.candidates) == sorted(candidates)


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ({}, {}),
        (
            {"queue": "workers", "all_tags": ["gpu", "größe 1=2,3"], "min_size": 4},
            {"queue": "workers", "all_tags": ["gpu", "größe 1=2,3"], "min_size": 4},
        ),
        ({"name": "x" * 400}, {}),
    ],
    ids=["of no condition", "of some", "too long"],
)
def test_a_query_is_read_as_it_was_written(query, read):
    text = describe(Bounded(), THREE, pool="host2", query=HostFilter.of(**query))
    assert (Described.parse(text).query, "query=" in text) == (HostFilter.of(**read), bool(read))


@pytest.mark.parametrize("query", ["5", "[", '{"name":5}'])
def test_a_query_that_nothing_here_wrote_is_an_error(query):
    with pytest.raises(ValueError, match=r"^(5|Expecting value.*|key 'name' must be .*)$"):
        Described.parse(f"balanced query={quoted(query)} strategy=Rendezvous hosts=8:host1")


def test_it_is_the_same_in_any_order_and_says_what_a_pick_depends_on():
    text = "balanced pool=host2 first=host1 strategy=Bounded,c=1.25 hosts=8:host1,host3=gpu;16:host2"
    assert describe(Bounded(), THREE, pool="host2", first="host1") == text
    assert describe(Bounded(), THREE[::-1], pool="host2", first="host1") == text


@pytest.mark.parametrize(("key", "first", "left"), [("", "host1", "host1"), ("", "host2", ""), ("a", "host1", "")])
def test_the_first_host_goes_with_its_size_and_before_a_key(key, first, left):
    described = Described("x", key=key, first=first, candidates=tuple(THREE))
    assert described.among({"host1": 4}) == Described("x", key=key, first=left, candidates=(Counted("host1", 4, "host1"),))


@pytest.mark.parametrize(("length", "listed"), [(MAX_LENGTH, True), (MAX_LENGTH + 1, False)])
def test_candidates_are_listed_up_to_the_longest_list(length, listed):
    name = "a" * (length - len("8:"))
    assert bool(Described.parse(describe(Rendezvous(), [Counted(name, 8, name)], pool="x")).candidates) is listed


def test_a_thousand_numbered_hosts_fit():
    hosts = [Counted(f"ws{number:04}.example.com", 8, f"ws{number:04}.example.com") for number in range(1000)]
    text = describe(Bounded(), hosts, pool="ws0001.example.com")
    assert text == "balanced pool=ws0001.example.com strategy=Bounded,c=1.25 hosts=8:ws[0000-0999].example.com"


@pytest.mark.parametrize("strategy", [Bounded(), First()], ids=["too many", "another's"])
def test_where_candidates_cannot_be_listed_the_first_picks_are(strategy):
    hosts = unlike(1000)
    text = describe(strategy, hosts, pool="x", task="etl.extract")
    picks = IndexPicks(strategy, "etl.extract", hosts)
    pools = Described.parse(text).pools
    assert len(pools) > 100
    assert pools == tuple(picks.host(index).pool for index in range(len(pools)))
    assert len(text) <= MAX_LENGTH + 50


@pytest.mark.parametrize(("length", "count"), [(MAX_LENGTH // 2 - 1, 2), (MAX_LENGTH // 2, 1)])
def test_the_first_picks_fill_the_longest_list(length, count):
    host = Counted("a", 1, "p" * length)
    assert Described.parse(describe(First(), [host], pool="x", task="etl.extract")).pools == (host.pool,) * count


@pytest.mark.parametrize(("arguments", "pools"), [({"first": "host2"}, ("host2",)), ({"key": "a"}, ("host1",)), ({}, ())])
def test_where_all_indices_have_one_host_its_pool_is_enough(arguments, pools):
    assert Described.parse(describe(First(), THREE, pool="x", **arguments)).pools == pools


def test_random_picks_are_not_in_it():
    assert describe(Random(), THREE, pool="x", task="etl.extract") == "balanced pool=x"


@pytest.mark.parametrize("hosts", [THREE, unlike(7)], ids=["unequal", "equal"])
def test_no_host_gets_more_indices_than_its_share_and_a_quarter_however_many_there_are(hosts):
    picks = IndexPicks(Bounded(), "etl.extract", hosts)
    got = [picks.host(index).name for index in range(200)]
    slots = sum(host.size for host in hosts)
    for count in (1, 2, 24, 100, 200):
        assert all(got[:count].count(host.name) <= -(-1.25 * count * host.size // slots) for host in hosts)


def test_an_index_has_its_host_whichever_index_is_asked_for_first():
    hosts = unlike(5)
    forwards, backwards = IndexPicks(Bounded(), "t", hosts), IndexPicks(Bounded(), "t", hosts)
    indices = [*range(30), 1500]
    assert [forwards.host(index) for index in indices] == [backwards.host(index) for index in indices[::-1]][::-1]


@pytest.mark.parametrize("strategy", [Bounded(), Rendezvous(), LeastLoaded(), First()])
def test_the_ranking_of_an_index_has_each_host_once_its_own_first(strategy):
    hosts = unlike(6)
    for index in range(20):
        ranked = rank_hosts(strategy, "t", hosts, index=index)
        assert (ranked[0], sorted(ranked)) == (IndexPicks(strategy, "t", hosts).host(index), sorted(hosts))


def test_a_live_load_comes_before_the_indices():
    assert rank_hosts(LeastLoaded(), "t", THREE, index=4, load={"host1": 8, "host2": 1, "host3": 8})[0].name == "host2"
