"""Placing: the bound holds, and whoever has a host keeps it as far as that goes."""

from __future__ import annotations

import math
import random
from collections import Counter
from fractions import Fraction
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_balancer.picking.placing import place
from airflow_balancer.picking.strategies import Bounded

FLEETS = 200


class Machine(NamedTuple):
    name: str
    size: int


sizes = st.lists(st.integers(1, 32), min_size=2, max_size=6)
keys = st.lists(st.integers(0, 60).map(lambda number: f"task{number}"), unique=True, max_size=40)


def machines(host_sizes) -> list[Machine]:
    return [Machine(f"host{number}", size) for number, size in enumerate(host_sizes)]


def asking(names, hosts) -> dict:
    return {(name, ""): hosts for name in names}


def caps(requests) -> dict[str, int]:
    """The cap of each host, told from the requests alone."""
    shares: dict[str, Fraction] = {}
    for hosts in requests.values():
        for host in hosts:
            shares[host.name] = shares.get(host.name, Fraction()) + Fraction(host.size, sum(each.size for each in hosts))
    return {name: math.ceil(Fraction(5, 4) * share) for name, share in shares.items()}


def is_bounded(requests, placed) -> bool:
    return all(count <= caps(requests)[name] for name, count in Counter(placed.values()).items())


def moves(before, after) -> int:
    return sum(after[request] != host for request, host in before.items() if request in after)


def dag_files(fleet: int) -> list[str]:
    return [f"fleet{fleet}_dag_{file}.py#{call}" for file in range(10) for call in range(10)]


@pytest.mark.slow
@pytest.mark.parametrize("queues", [1, 3])
def test_ten_dag_files_of_ten_tasks_are_bounded_in_each_of_many_fleets(queues):
    draw = random.Random(1)
    for fleet in range(FLEETS):
        hosts = [Machine(f"fleet{fleet}-host{number}", draw.randint(1, 32)) for number in range(draw.randint(2, 12))]
        groups = [hosts, *(draw.sample(hosts, draw.randint(1, len(hosts))) for _ in range(queues - 1))]
        requests = {(key, number % queues): groups[number % queues] for number, key in enumerate(dag_files(fleet))}
        placed = place(Bounded(), requests, {})
        assert placed.keys() == requests.keys()
        assert is_bounded(requests, placed)


@pytest.mark.slow
def test_a_host_that_leaves_moves_its_own_alone_in_each_of_many_fleets():
    draw = random.Random(2)
    for fleet in range(FLEETS):
        hosts = [Machine(f"fleet{fleet}-host{number}", draw.randint(1, 32)) for number in range(draw.randint(3, 12))]
        before = place(Bounded(), asking(dag_files(fleet), hosts), {})
        gone, *left = draw.sample(hosts, len(hosts))
        requests = asking(dag_files(fleet), left)
        after = place(Bounded(), requests, {request: host for request, host in before.items() if host != gone.name})
        assert is_bounded(requests, after)
        assert {request for request, host in before.items() if after[request] != host} == {
            request for request, host in before.items() if host == gone.name
        }


def test_a_request_that_is_fixed_takes_the_room_of_one():
    requests = asking("abcd", machines([1, 1]))
    kept = {request: "host1" if request[0] == "d" else "host0" for request in requests}
    assert place(Bounded(), requests, kept, fixed=[("a", "")]) == kept


@given(host_sizes=sizes, names=keys)
def test_placed_from_nothing_is_what_the_strategy_assigns(host_sizes, names):
    requests = asking(names, machines(host_sizes))
    assert place(Bounded(), requests, {}) == {request: host.name for request, host in Bounded().assign(requests).items()}


@given(host_sizes=sizes, names=keys, data=st.data())
def test_no_more_move_than_a_host_has_over_its_cap(host_sizes, names, data):
    hosts = machines(host_sizes)
    requests = asking(names, hosts)
    kept = {request: data.draw(st.sampled_from(hosts)).name for request in requests if data.draw(st.booleans())}
    placed = place(Bounded(), requests, kept)
    over = sum(max(0, count - caps(requests)[name]) for name, count in Counter(kept.values()).items())
    assert is_bounded(requests, placed)
    assert moves(kept, placed) == over


@given(data=st.data())
def test_requests_of_different_candidates_move_the_fewest_too(data):
    hosts = machines([1, 2, 3])
    groups = data.draw(st.lists(st.lists(st.sampled_from(hosts), min_size=1, unique=True), min_size=1, max_size=6))
    requests = {(f"task{number}", ""): group for number, group in enumerate(groups)}
    kept = {request: data.draw(st.sampled_from(group)).name for request, group in requests.items() if data.draw(st.booleans())}
    placed = place(Bounded(), requests, kept)
    choices = (dict(zip(requests, chosen, strict=True)) for chosen in product(*[[host.name for host in group] for group in groups]))
    fewest = min(moves(kept, choice) for choice in choices if is_bounded(requests, choice))
    assert is_bounded(requests, placed)
    assert moves(kept, placed) == fewest


@given(host_sizes=sizes, names=keys, added=keys)
def test_added_and_removed_keys_move_no_more_than_the_bound_asks(host_sizes, names, added):
    hosts = machines(host_sizes)
    before = place(Bounded(), asking(names, hosts), {})
    requests = asking(added, hosts)
    kept = {request: host for request, host in before.items() if request in requests}
    after = place(Bounded(), requests, kept)
    over = sum(max(0, count - caps(requests)[name]) for name, count in Counter(kept.values()).items())
    assert (is_bounded(requests, after), moves(kept, after)) == (True, over)


@given(host_sizes=sizes, names=keys)
def test_renamed_keys_move_no_other(host_sizes, names):
    hosts = machines(host_sizes)
    before = place(Bounded(), asking(names, hosts), {})
    others, renamed = names[::2], [f"new {name}" for name in names[1::2]]
    kept = {(name, ""): before[name, ""] for name in others}
    after = place(Bounded(), asking([*others, *renamed], hosts), kept)
    assert moves(kept, after) == 0


@given(host_sizes=sizes, names=keys, data=st.data())
def test_the_order_of_requests_plays_no_part(host_sizes, names, data):
    hosts = machines(host_sizes)
    kept = {(name, ""): data.draw(st.sampled_from(hosts)).name for name in names[::2]}
    shuffled = asking(data.draw(st.permutations(names)), list(reversed(hosts)))
    assert place(Bounded(), asking(names, hosts), kept) == place(Bounded(), shuffled, dict(reversed(kept.items())))


def test_a_new_request_makes_room_before_one_that_has_a_host():
    hosts = machines([1, 1, 1])
    requests = {(f"task{number}", ""): hosts[:2] if number in (0, 2, 3) else hosts[1:] for number in range(8)}
    kept = {(f"task{number}", ""): "host0" if number in (0, 2, 3) else "host1" for number in (0, 1, 2, 3, 4, 6)}
    placed = place(Bounded(), requests, kept)
    moved = {("task3", ""): "host1", ("task5", ""): "host1", ("task7", ""): "host2"}
    assert placed == {**kept, **moved}


def test_fixed_requests_count_and_stay():
    hosts = machines([1, 1])
    fixed = {(f"other{number}", ""): "host0" for number in range(4)}
    placed = place(Bounded(), asking([*(name for name, _ in fixed), "a", "b"], hosts), {**fixed, ("a", ""): "host0"}, fixed)
    assert placed == {**fixed, ("a", ""): "host1", ("b", ""): "host1"}
