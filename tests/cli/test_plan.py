"""`airflow-balancer plan`: every pick, the load it makes, and what another configuration would move."""

from __future__ import annotations

import json

import pytest

CONFIG = """
balancer:
  hosts:
    host1: {size: 4, queues: [workers]}
    host2: {size: 4, queues: [workers]}
    host3: {size: 2, queues: [primary]}
tasks:
  a: {_target_: t, host: "${balancer.name:{queue:workers}}", pool: "${balancer.pool:{queue:workers}}"}
  b: {_target_: t, host: "${balancer.name:{queue:workers}}"}
  c: {_target_: t, host: "${balancer.name:{queue:primary}}"}
"""
PICKS = {"tasks.a": "host2", "tasks.b": "host2", "tasks.c": "host3"}


@pytest.fixture
def plan(cli, write):
    write("conf/config.yaml", CONFIG)

    def run(*words):
        result = cli("plan", *words, "output=json")
        return result.returncode, json.loads(result.stdout or "{}")

    return run


def test_every_requester_is_listed_once_with_its_reason(plan):
    code, report = plan()
    ranked = {"query": "queue='workers'", "candidates": 2, "host": "host2", "why": "1 of 2 in its key's ranking"}
    assert code == 0
    assert report["picks"] == [
        {"requester": "tasks.a", **ranked},
        {"requester": "tasks.b", **ranked},
        {"requester": "tasks.c", "query": "queue='primary'", "candidates": 1, "host": "host3", "why": "the only candidate"},
    ]


def test_each_hosts_load_is_told_against_its_fair_share(plan):
    assert plan()[1]["load"] == [
        {"host": "host1", "size": 4, "picks": 0, "fair": 1.0, "load": 0.0},
        {"host": "host2", "size": 4, "picks": 2, "fair": 1.0, "load": 2.0},
        {"host": "host3", "size": 2, "picks": 1, "fair": 1.0, "load": 1.0},
    ]


def test_a_pick_that_a_full_host_passes_on_says_so(plan):
    _, report = plan("+balancer.strategy={_target_:airflow_balancer.strategies.Bounded,c:1}")
    assert {pick["requester"]: (pick["host"], pick["why"]) for pick in report["picks"][:2]} == {
        "tasks.a": ("host1", "2 of 2 in its key's ranking, after host2"),
        "tasks.b": ("host2", "1 of 2 in its key's ranking"),
    }


def test_select_answers_a_requester_as_the_plan_does(plan, cli):
    most_even = "+balancer.strategy={_target_:airflow_balancer.strategies.Bounded,c:1}"
    asked = [("query.queue=workers", f"query.key=tasks.{name}", most_even) for name in "ab"]
    assert [cli("select", *words).stdout for words in asked] == ["host1\n", "host2\n"]


def test_a_request_without_match_is_told_with_what_each_condition_leaves_out(cli, write):
    file = write("conf/config.yaml", CONFIG)
    write("conf/config.yaml", CONFIG.replace("{queue:primary}", "{queue:primary,min_size:3}"))
    told = (
        "tasks.c.host: ${balancer.name:{queue:primary,min_size:3}}: no host matches queue='primary', min_size=3 "
        "(3 hosts left out: 2 by queue, 1 by min_size; without queue: host1, host2; without min_size: host3; "
        "names: host1, host2, host3; queues: primary, workers; systems: none; tags: none)"
    )
    assert cli("plan") == ("", f"airflow-balancer: {file}: {told}\n", 1)


def test_a_pick_by_chance_has_no_other_reason(plan):
    _, report = plan("+balancer.strategy=random")
    assert {pick["why"] for pick in report["picks"]} == {"chosen by Random"}


MOVES = {
    "nothing": ("balancer.default_size=3", {}),
    "a host that is gone": ("~balancer.hosts.host2", {"tasks.a": "host2 is gone", "tasks.b": "host2 is gone"}),
    "a drained host": ("+balancer.hosts.host2.drain=true", {"tasks.a": "host2 is drained", "tasks.b": "host2 is drained"}),
    "a host that is drained for a reason": (
        "+balancer.hosts.host2.drain='disks are replaced'",
        dict.fromkeys(("tasks.a", "tasks.b"), "host2 is drained: disks are replaced"),
    ),
    "a host in another queue": (
        "balancer.hosts.host2.queues=[x]",
        {"tasks.a": "host2 no longer matches", "tasks.b": "host2 no longer matches"},
    ),
    "a larger host": (
        "balancer.hosts.host1.size=4000",
        {"tasks.a": "the candidates or their sizes changed", "tasks.b": "the candidates or their sizes changed"},
    ),
    "a new host": (
        "+balancer.hosts.host4={size:4000,queues:[primary]}",
        {"tasks.c": "host4 is a new candidate"},
    ),
    "another strategy": (
        "+balancer.strategy={_target_:airflow_balancer.strategies.Bounded,c:1}",
        {"tasks.a": "the strategy, or the load of the other picks, changed"},
    ),
    "an address": ("+balancer.hosts.host2.address=10.0.0.5", {}),
    "a new requester": ("+tasks.d={_target_:t,host:'${balancer.name:host1}'}", {"tasks.d": "is requested only there"}),
    "a requester less": ("~tasks.c", {"tasks.c": "is requested only here"}),
}


@pytest.mark.parametrize(("change", "moved"), MOVES.values(), ids=MOVES)
def test_what_would_move_is_listed_with_the_reason(plan, write, change, moved):
    code, report = plan(f"against={change}")
    assert {move["requester"]: move["why"] for move in report["moves"]} == moved
    assert code == (3 if moved else 0)


def test_another_folder_is_compared(plan, write):
    write("other/config.yaml", CONFIG.replace("host2: {size: 4, queues: [workers]}", ""))
    code, report = plan("against=other")
    assert (code, [(move["requester"], move["here"], move["there"]) for move in report["moves"]]) == (
        3,
        [("tasks.a", "host2", "host1"), ("tasks.b", "host2", "host1")],
    )


def test_the_table_ends_with_a_count(cli, write):
    write("conf/config.yaml", CONFIG)
    assert cli("plan").stdout.splitlines()[-1] == "3 picks"
    assert cli("plan", "against=+balancer.hosts.host2.drain=true").stdout.splitlines()[-1] == "3 picks, 2 of them would be another"
