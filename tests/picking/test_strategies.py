from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_balancer import ConfigurationError
from airflow_balancer.picking.choice import rank_hosts
from airflow_balancer.picking.rendezvous import Candidates, hash_fraction, rank
from airflow_balancer.picking.strategies import LeastLoaded, Random, Rendezvous, build_strategy, strategy_data

KEYS = [f"dags.d{n // 10}.tasks.t{n % 10}" for n in range(10_000)]
CHI_SQUARE_99_9 = {3: 16.27, 4: 18.47, 9: 27.88}
"""The 99.9th percentile of the chi-square distribution, by degrees of freedom."""


class Machine(NamedTuple):
    name: str
    size: int | None


class Last:
    def choose(self, key, candidates, load):
        return candidates[-1]


def machines(*sizes: int) -> list[Machine]:
    return [Machine(f"host{number}", size) for number, size in enumerate(sizes)]


fleets = st.lists(st.integers(1, 64), min_size=2, max_size=12).map(lambda sizes: machines(*sizes))
keys = st.text(min_size=1, max_size=20)


def pick(key, candidates):
    return Rendezvous().choose(key, candidates, {})


def test_a_hash_is_the_same_on_every_machine():
    assert [hash_fraction("key", "host"), hash_fraction("", "")] == [0.4961759762311036, 0.5818916442384907]


def test_picks_are_the_same_on_every_machine():
    assert [pick(key, machines(1, 2, 3, 4)).name for key in KEYS[:8]] == [
        "host2",
        "host3",
        "host2",
        "host3",
        "host3",
        "host2",
        "host2",
        "host2",
    ]


@pytest.mark.parametrize("sizes", [(8, 8, 8, 8), (1, 2, 3, 4), (16, 16, 8, 1, 32), (1,) * 10], ids=str)
def test_shares_of_ten_thousand_keys_are_proportional_to_size(sizes):
    """Pearson's chi-square against the shares of the sizes; by chance it is above the bound once in a thousand."""
    hosts = machines(*sizes)
    picked = Counter(pick(key, hosts).name for key in KEYS)
    expected = {host.name: len(KEYS) * host.size / sum(sizes) for host in hosts}
    assert sum((picked[name] - share) ** 2 / share for name, share in expected.items()) < CHI_SQUARE_99_9[len(sizes) - 1]


@given(key=keys, candidates=fleets, data=st.data())
def test_a_pick_is_stable_when_another_host_leaves(key, candidates, data):
    picked = pick(key, candidates)
    leaving = data.draw(st.sampled_from(candidates))
    remaining = [host for host in candidates if host != leaving]
    assert leaving == picked or pick(key, remaining) == picked


@given(key=keys, candidates=fleets, size=st.integers(1, 64))
def test_a_new_host_takes_keys_only_for_itself(key, candidates, size):
    new = Machine("new", size)
    assert pick(key, [*candidates, new]) in (pick(key, candidates), new)


@given(key=keys, candidates=fleets, data=st.data())
def test_the_order_of_candidates_does_not_matter(key, candidates, data):
    assert pick(key, data.draw(st.permutations(candidates))) == pick(key, candidates)


@given(key=keys, candidates=fleets)
def test_the_ranking_begins_with_the_pick_and_goes_on_as_if_it_had_left(key, candidates):
    first, second, *_ = Rendezvous().rank(key, candidates, {})
    assert first == pick(key, candidates)
    assert second == pick(key, [host for host in candidates if host != first])


@given(key=keys, candidates=fleets)
def test_best_first_is_the_ranking(key, candidates):
    assert list(Candidates(candidates).best_first(key)) == rank(key, candidates)


def test_removing_one_of_ten_hosts_moves_only_its_own_keys():
    ten = machines(*range(1, 11))
    moved = {key for key in KEYS if pick(key, ten) != pick(key, ten[:4] + ten[5:])}
    assert moved == {key for key in KEYS if pick(key, ten) == ten[4]}


loads = st.dictionaries(st.integers(0, 11).map("host{}".format), st.integers(0, 40))


@given(key=keys, candidates=fleets, load=loads)
def test_the_least_loaded_host_has_the_smallest_load_for_its_size(key, candidates, load):
    by_size = {host: Fraction(load.get(host.name, 0), host.size) for host in candidates}
    chosen = LeastLoaded().choose(key, candidates, load)
    equals = [host for host, share in by_size.items() if share == min(by_size.values())]
    assert chosen == pick(key, equals)


@given(key=keys, candidates=fleets, load=loads)
def test_without_the_least_loaded_host_the_next_of_the_ranking_is_chosen(key, candidates, load):
    ranked = rank_hosts(LeastLoaded(), key, candidates, load=load)
    assert sorted(ranked) == sorted(candidates)
    assert [LeastLoaded().choose(key, ranked[place:], load) for place in range(len(ranked))] == ranked


@given(key=keys, candidates=fleets, load=loads, data=st.data())
def test_the_least_loaded_ranking_depends_on_no_order(key, candidates, load, data):
    ranked = LeastLoaded().rank(key, candidates, load)
    other = LeastLoaded().rank(key, data.draw(st.permutations(candidates)), dict(reversed(load.items())))
    assert other == ranked


@given(key=keys, candidates=fleets)
def test_without_a_load_the_least_loaded_ranking_is_that_of_rendezvous(key, candidates):
    assert LeastLoaded().rank(key, candidates, {}) == Rendezvous().rank(key, candidates, {})


def test_a_host_without_a_size_counts_as_one_slot():
    assert LeastLoaded().choose("key", [Machine("a", None), Machine("b", 4)], {"a": 1, "b": 3}) == Machine("b", 4)


def test_random_chooses_among_the_candidates():
    assert {Random().choose("key", machines(1, 1), {}).name for _ in range(200)} == {"host0", "host1"}


def test_random_draws_a_host_without_a_size_as_one_slot(monkeypatch):
    def drawn(*sizes):
        draw = random.Random(1)
        monkeypatch.setattr(random, "SystemRandom", lambda: draw)
        return [Random().choose("key", machines(*sizes), {}).name for _ in range(50)]

    assert drawn(None, 3) == drawn(1, 3)


@pytest.mark.parametrize(
    ("written", "built"),
    [
        ("rendezvous", Rendezvous()),
        ("least_loaded", LeastLoaded()),
        ("random", Random()),
        ({"_target_": "airflow_balancer.strategies.Random"}, Random()),
        (Rendezvous(), Rendezvous()),
    ],
    ids=["name", "a name of two words", "another name", "target", "object"],
)
def test_a_strategy_is_built_from_each_way_to_write_it(written, built):
    assert build_strategy(written) == built


def test_a_strategy_of_ones_own_plugs_in_by_target():
    built = build_strategy({"_target_": f"{__name__}.Last"})
    assert built.choose("key", machines(1, 2), {}) == Machine("host1", 2)


def test_a_target_that_is_no_strategy_is_refused():
    with pytest.raises(ConfigurationError) as error:
        build_strategy({"_target_": "collections.OrderedDict"})
    assert str(error.value) == "key 'strategy': collections.OrderedDict gives OrderedDict, which has no choose(key, candidates, load)"


def test_a_strategy_is_built_again_from_its_data():
    assert build_strategy(strategy_data(Random())) == Random()


@pytest.mark.parametrize("deadline", [0.09, float("inf"), "2"])
def test_a_deadline_is_a_number_of_seconds_in_python_too(deadline):
    with pytest.raises(ConfigurationError) as error:
        LeastLoaded(deadline=deadline)
    assert str(error.value) == f"key 'strategy': deadline must be a number from 0.1, not {deadline!r}"
