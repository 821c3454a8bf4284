"""Bounded loads: exact caps, every request served, nothing depends on order."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from airflow_balancer import BalancerConfiguration, ConfigurationError
from airflow_balancer.hydra.resolvers import register_resolvers
from airflow_balancer.picking.strategies import Bounded, Rendezvous, build_strategy, strategy_data

register_resolvers()


class Machine(NamedTuple):
    name: str
    size: int | None


sizes = st.lists(st.integers(1, 32), min_size=2, max_size=8)
factors = st.sampled_from([1, 1.1, 1.25, 2])


def machines(host_sizes) -> list[Machine]:
    return [Machine(f"host{number}", size) for number, size in enumerate(host_sizes)]


def cap(c: float, share: Fraction) -> int:
    return math.ceil(Fraction(c).limit_denominator(10_000) * share)


def requests_for(count: int, hosts: list[Machine]) -> dict:
    return {(f"task{number}", ""): hosts for number in range(count)}


@st.composite
def mixed_requests(draw):
    """Requests with different candidates, as queries by queue and system make."""
    hosts = machines(draw(sizes))
    groups = draw(st.lists(st.lists(st.sampled_from(hosts), min_size=1, unique=True), min_size=1, max_size=3))
    return {
        (f"task{number}", group): groups[group] for number, group in enumerate(draw(st.lists(st.integers(0, len(groups) - 1), max_size=30)))
    }


@given(host_sizes=sizes, count=st.integers(0, 40), c=factors)
def test_no_host_is_over_its_share_times_c(host_sizes, count, c):
    hosts = machines(host_sizes)
    loads = Counter(host.name for host in Bounded(c).assign(requests_for(count, hosts)).values())
    for host in hosts:
        assert loads[host.name] <= cap(c, Fraction(count * host.size, sum(host_sizes)))


@given(requests=mixed_requests(), c=factors)
def test_every_request_is_served_by_a_candidate_within_the_caps(requests, c):
    assigned = Bounded(c).assign(requests)
    assert all(assigned[request] in candidates for request, candidates in requests.items())
    caps = Bounded(c).caps(requests)
    assert all(load <= caps[name] for name, load in Counter(host.name for host in assigned.values()).items())


@given(host_sizes=sizes, count=st.integers(0, 40), earlier=st.integers(0, 40), c=factors)
def test_later_requests_leave_earlier_ones_where_they_are_and_keep_the_caps_of_all(host_sizes, count, earlier, c):
    requests = requests_for(count, machines(host_sizes))
    first = {request: host.name for request, host in Bounded(c).assign(dict(list(requests.items())[:earlier])).items()}
    later = {request: host.name for request, host in Bounded(c).assign(requests, first).items()}
    assert sorted([*first, *later]) == sorted(requests)
    caps = Bounded(c).caps(requests)
    assert all(load <= caps[name] for name, load in Counter([*first.values(), *later.values()]).items())


def test_where_earlier_requests_leave_no_room_the_host_least_over_its_cap_takes_another():
    one, two = machines([1, 1])
    requests = {("a", ""): [one, two], ("b", ""): [one, two], ("c", ""): [one, two]}
    assigned = {("a", ""): "host0", ("b", ""): "host0"}
    assert Bounded(1).assign(requests, assigned) == {("c", ""): two}
    crowded = {("a", ""): [one], ("b", ""): [one, two]}
    assert Bounded(1).assign({**crowded, ("c", ""): [one]}, {("a", ""): "host0", ("b", ""): "host0"}) == {("c", ""): one}


def test_a_host_without_a_size_counts_as_one_of_size_one():
    hosts = machines([None, 3])
    assert Bounded(1).caps(requests_for(8, hosts)) == {"host0": 2, "host1": 6}


@pytest.mark.parametrize(("fuller", "taker"), [(1, 2), (2, 1)])
def test_where_all_candidates_are_over_their_caps_the_one_least_over_takes_it(fuller, taker):
    hosts = machines([1] * 3)
    requests = {(f"task{number}", ""): hosts for number in range(9)} | {("last", ""): hosts[1:]}
    assert Bounded(1).caps(requests) == {"host0": 3, "host1": 4, "host2": 4}
    names = [f"host{fuller}"] * 5 + [f"host{taker}"] * 4
    assert Bounded(1).assign(requests, dict(zip(requests, names, strict=False))) == {("last", ""): hosts[taker]}


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ({"b": [0, 1], "c": [0, 1], "l": [0]}, {"b": 1, "c": 0, "l": 0}),
        ({"c": [0, 1], "p": [1, 2], "s": [0], "y": [0, 1], "z": [1, 2]}, {"c": 1, "p": 2, "s": 0, "y": 0, "z": 1}),
    ],
    ids=["one moves", "two move"],
)
def test_a_request_whose_hosts_are_full_moves_others_to_where_there_is_room(candidates, expected):
    hosts = machines([1] * 3)
    requests = {(key, ""): [hosts[place] for place in places] for key, places in candidates.items()}
    assert Bounded(1).assign(requests) == {(key, ""): hosts[place] for key, place in expected.items()}


@given(requests=mixed_requests(), c=factors, data=st.data())
def test_the_order_of_requests_and_candidates_does_not_matter(requests, c, data):
    shuffled = {request: data.draw(st.permutations(requests[request])) for request in data.draw(st.permutations(list(requests)))}
    assert Bounded(c).assign(shuffled) == Bounded(c).assign(requests)


@given(host_sizes=sizes, count=st.integers(1, 40))
def test_with_a_large_c_it_is_rendezvous(host_sizes, count):
    hosts = machines(host_sizes)
    picked = Bounded(c=1000).assign(requests_for(count, hosts))
    assert picked == {request: Rendezvous().choose(request[0], hosts, {}) for request in requests_for(count, hosts)}


@given(host_sizes=sizes, count=st.integers(1, 40), c=factors)
def test_one_after_the_other_no_host_is_over_its_share_of_those_so_far(host_sizes, count, c):
    hosts, loads = machines(host_sizes), Counter()
    for number in range(1, count + 1):
        loads[Bounded(c).choose(f"task{number}", hosts, loads).name] += 1
        assert all(loads[host.name] <= cap(c, Fraction(number * host.size, sum(host_sizes))) for host in hosts)


def test_a_host_that_leaves_moves_few_keys_but_its_own():
    """Mirrokni et al., theorem 1: with c = 1 + e, O(1 / e^2) keys move for each key of the host that leaves."""
    moved = own = 0
    for trial in range(30):
        hosts = machines([8] * 10)
        requests = {(f"trial{trial}.task{number}", ""): hosts for number in range(100)}
        before = Bounded().assign(requests)
        after = Bounded().assign(dict.fromkeys(requests, hosts[1:]))
        moved += sum(before[request] != after[request] for request in requests)
        own += sum(host == hosts[0] for host in before.values())
    assert moved <= own * (1 + 1 / 0.25**2)
    assert moved < own * 1.25


@pytest.mark.parametrize("c", [0.5, -1, math.inf, "a", True])
def test_a_c_that_is_none_is_refused(c):
    with pytest.raises(ConfigurationError, match="key 'strategy': c must be a number from 1"):
        Bounded(c)


def test_it_is_built_again_from_its_data():
    assert build_strategy(strategy_data(Bounded(1.5))) == Bounded(1.5)


BALANCER = {"strategy": "bounded", "hosts": [{"name": f"host{number}", "size": 4} for number in range(4)]}
TASKS = [f"t{number}" for number in range(12)]


def composed():
    tasks = {
        name: {"_target_": "t", "name": "${balancer.name:{name:'host*'}}", "pool": "${balancer.pool:{name:'host*'}}"} for name in TASKS
    }
    return OmegaConf.create({"balancer": BALANCER, "tasks": tasks})


def test_a_composed_config_spreads_its_tasks_evenly():
    cfg = composed()
    assert max(Counter(cfg.tasks[name].name for name in TASKS).values()) <= math.ceil(1.25 * 3)
    assert all(cfg.tasks[name].pool == cfg.tasks[name].name for name in TASKS)


@settings(max_examples=settings.default.max_examples // 10)
@given(order=st.permutations(TASKS))
def test_a_composed_config_does_not_depend_on_the_order_of_resolution(order):
    cfg = composed()
    picked = {name: cfg.tasks[name].name for name in order}
    assert picked == {name: task["name"] for name, task in OmegaConf.to_container(composed(), resolve=True)["tasks"].items()}


def test_an_ask_that_depends_on_another_pick_is_gathered_too():
    cfg = OmegaConf.create(
        {"balancer": BALANCER, "a": {"x": "${balancer.name:{name:'host*'}}"}, "b": {"y": "${balancer.name:{name:'${a.x}'}}"}}
    )
    assert cfg.b.y == cfg.a.x


def test_a_dag_file_spreads_its_calls_evenly_and_the_same_each_time():
    code = "names = [balancer.select_host().name for _ in range(12)]"
    balancer = BalancerConfiguration(**BALANCER)
    runs = []
    for _ in range(2):
        module = {"balancer": balancer, "__file__": "/dags/dag.py", "__name__": "dag"}
        exec(code, module)
        runs.append(module["names"])
    assert runs[0] == runs[1]
    assert max(Counter(runs[0]).values()) <= math.ceil(1.25 * 3)


def test_the_same_key_is_one_pick():
    balancer = BalancerConfiguration(**BALANCER)
    assert len({balancer.select_host(key="etl").name for _ in range(20)}) == 1
