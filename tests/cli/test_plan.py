"""`airflow-balancer plan`: every pick of a configuration, the load it makes, and what a change would move."""

from __future__ import annotations

import json

import pytest

from airflow_balancer.cli.against import split_overrides
from airflow_balancer.cli.plan_markdown import MOST_BYTES, markdown

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
MOST_EVEN = "+balancer.strategy={_target_:airflow_balancer.strategies.Bounded,c:1}"


@pytest.fixture
def plan(cli, write):
    write("conf/config.yaml", CONFIG)

    def run(*words):
        result = cli("plan", *words, "output=json")
        return result.returncode, json.loads(result.stdout or "{}")

    return run


def test_every_requester_is_listed_once_with_its_reason(plan):
    code, report = plan()
    ranked = {"file": None, "query": "queue='workers'", "candidates": 2, "host": "host2", "why": "1 of 2 in its key's ranking"}
    only = {"file": None, "query": "queue='primary'", "candidates": 1, "host": "host3", "why": "the only candidate"}
    assert code == 0
    assert report["picks"] == [{"requester": "tasks.a", **ranked}, {"requester": "tasks.b", **ranked}, {"requester": "tasks.c", **only}]


def test_each_hosts_load_is_told_against_its_fair_share(plan):
    assert plan()[1]["load"] == [
        {"host": "host1", "size": 4, "picks": 0, "fair": 1.0, "load": 0.0},
        {"host": "host2", "size": 4, "picks": 2, "fair": 1.0, "load": 2.0},
        {"host": "host3", "size": 2, "picks": 1, "fair": 1.0, "load": 1.0},
    ]


def test_a_fair_share_and_a_load_have_two_decimals(plan):
    assert plan("balancer.hosts.host2.size=3")[1]["load"][:2] == [
        {"host": "host1", "size": 4, "picks": 0, "fair": 1.14, "load": 0.0},
        {"host": "host2", "size": 3, "picks": 2, "fair": 0.86, "load": 2.33},
    ]


def test_a_pick_that_a_full_host_passes_on_says_so(plan):
    _, report = plan(MOST_EVEN)
    assert {pick["requester"]: (pick["host"], pick["why"]) for pick in report["picks"][:2]} == {
        "tasks.a": ("host1", "2 of 2 in its key's ranking, after host2"),
        "tasks.b": ("host2", "1 of 2 in its key's ranking"),
    }


def test_select_answers_a_requester_as_the_plan_does(plan, cli):
    asked = [("query.queue=workers", f"query.key=tasks.{name}", MOST_EVEN) for name in "ab"]
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


SIZE = "balancer.hosts.{0}.size={1}"
MOVES = {
    "nothing": ([], "balancer.default_size=3", {}),
    "a host that is gone": ([], "~balancer.hosts.host2", {"tasks.a": "host2 is gone", "tasks.b": "host2 is gone"}),
    "a drained host": (
        [],
        "+balancer.hosts.host2.drain=true",
        {"tasks.a": "host2 is drained", "tasks.b": "host2 is drained"},
    ),
    "a host that is drained for a reason": (
        [],
        "+balancer.hosts.host2.drain='disks are replaced'",
        dict.fromkeys(("tasks.a", "tasks.b"), "host2 is drained: disks are replaced"),
    ),
    "a host that is drained no longer": (
        ["++balancer.hosts.host2.drain=true"],
        "++balancer.hosts.host2.drain=false",
        {"tasks.a": "host2 is drained no longer", "tasks.b": "host2 is drained no longer"},
    ),
    "a host in another queue": (
        [],
        "balancer.hosts.host2.queues=[x]",
        {"tasks.a": "host2 no longer matches", "tasks.b": "host2 no longer matches"},
    ),
    "another host in the queue": (
        [],
        "[balancer.hosts.host3.queues=[primary,workers],balancer.hosts.host3.size=4000]",
        {"tasks.a": "host3 matches now", "tasks.b": "host3 matches now"},
    ),
    "a larger host": (
        [],
        SIZE.format("host1", 4000),
        {"tasks.a": "the size of host1 was 4, and is 4000", "tasks.b": "the size of host1 was 4, and is 4000"},
    ),
    "two other sizes": (
        [],
        f"[{SIZE.format('host1', 40)}, {SIZE.format('host2', 1)}]",
        dict.fromkeys(("tasks.a", "tasks.b"), "the size of host1 was 4, and is 40, the size of host2 was 4, and is 1"),
    ),
    "a new host": ([], "+balancer.hosts.host4={size:4000,queues:[primary]}", {"tasks.c": "host4 is new"}),
    "another strategy": ([], MOST_EVEN, {"tasks.a": "the strategy is another one"}),
    "the strategy by another name": ([], "+balancer.strategy={_target_:airflow_balancer.strategies.Bounded,c:1.25}", {}),
    "an address": ([], "+balancer.hosts.host2.address=10.0.0.5", {}),
    "another query": (
        [],
        "tasks.c.host='${balancer.name:{queue:workers}}'",
        {"tasks.a": "host2 is at its bound", "tasks.c": "the query was queue='primary'"},
    ),
    "another query with the same host": ([], "tasks.c.host='${balancer.name:host3}'", {}),
    "a new requester": ([], "+tasks.d={_target_:t,host:'${balancer.name:host1}'}", {"tasks.d": "the key is new"}),
    "a requester less": ([], "~tasks.c", {"tasks.c": "the key is gone"}),
    "a bound that is reached": (
        [MOST_EVEN, "~tasks.b"],
        "+tasks.b={_target_:t,host:'${balancer.name:{queue:workers}}'}",
        {"tasks.a": "host2 is at its bound", "tasks.b": "the key is new"},
    ),
    "a bound that is reached no longer": (
        [MOST_EVEN],
        "~tasks.b",
        {"tasks.a": "host2 is no longer at its bound", "tasks.b": "the key is gone"},
    ),
}


@pytest.mark.parametrize(("given", "change", "moved"), MOVES.values(), ids=MOVES)
def test_what_a_change_moves_is_listed_with_the_reason(plan, given, change, moved):
    code, report = plan(*given, f"against={change}")
    assert {move["requester"]: move["why"] for move in report["moves"]} == moved
    assert (code, report["differs"]) == (3, True) if moved else (0, False)


def test_each_side_has_its_load(plan):
    rows = plan("against=[~balancer.hosts.host2,+balancer.hosts.host4={size:6,queues:[primary]}]")[1]["load"]
    columns = [f"{side}_{key}" for side in ("before", "after") for key in ("size", "picks", "fair", "load")]
    assert {row.pop("host"): row for row in rows} == {
        "host1": dict(zip(columns, (4, 0, 1.0, 0.0, 4, 2, 2.0, 1.0), strict=True)),
        "host2": dict(zip(columns, (4, 2, 1.0, 2.0, None, None, None, None), strict=True)),
        "host3": dict(zip(columns, (2, 1, 1.0, 1.0, 2, 0, 0.25, 0.0), strict=True)),
        "host4": dict(zip(columns, (None, None, None, None, 6, 1, 0.75, 1.33), strict=True)),
    }


def test_a_folder_is_what_there_was_before(plan, write):
    write("other/config.yaml", CONFIG.replace("host2: {size: 4, queues: [workers]}", ""))
    code, report = plan("against=other")
    assert (code, report["before"], report["after"]) == (3, "other/config.yaml", "conf/config.yaml")
    assert [(move["requester"], move["before"], move["after"], move["why"]) for move in report["moves"]] == [
        ("tasks.a", "host1", "host2", "host2 is new"),
        ("tasks.b", "host1", "host2", "host2 is new"),
    ]


LAST_LINES = {
    (): ["3 picks of conf/config.yaml (no dag_files given)"],
    ("~tasks.a", "~tasks.b"): ["1 pick of conf/config.yaml (no dag_files given)"],
    ("~tasks.c", "against=[+balancer.hosts.host2.drain=true,+tasks.c={host:'${balancer.name:host1}'}]"): [
        "before: conf/config.yaml ~tasks.c",
        "after: conf/config.yaml ~tasks.c +balancer.hosts.host2.drain=true +tasks.c={host:'${balancer.name:host1}'}",
        "2 picks of conf/config.yaml (no dag_files given); 2 moved, 1 new, 0 gone",
    ],
}


@pytest.mark.parametrize(("words", "lines"), LAST_LINES.items(), ids=["all", "one", "moves"])
def test_the_table_ends_with_what_was_looked_at_and_the_counts(cli, write, words, lines):
    write("conf/config.yaml", CONFIG)
    assert cli("plan", *words).stdout.splitlines()[-len(lines) :] == lines


def test_overrides_are_taken_apart_at_commas_and_at_spaces():
    listed = "[a=1, +b={c: [2, 3], d: 'x,]y'} ,~e,]"
    assert split_overrides(listed) == ["a=1", "+b={c: [2, 3], d: 'x,]y'}", "~e"]
    assert split_overrides("a=1 b='2 3'") == ["a=1", "b='2 3'"]


WRONG = {
    "no such path": ("against=nowhere", 1, "against: nowhere: there is no such file or folder; an override is key=value"),
    "no configuration": (
        "against=empty",
        1,
        "against: {folder}/empty: the folder holds no config.yaml or balancer.yaml, nor conf/config.yaml as here",
    ),
    "no override": ("against=[a=1,[b]", 1, "{folder}/conf/config.yaml: '[b' is not an override; write key=value"),
    "no pick": ("against=x=1", 2, "nothing is compared: conf/config.yaml makes no pick; add dag_files=DIR for those of DAG files"),
    "no output": ("output=html", 2, "output must be table, json, yaml or markdown, not 'html'"),
}


@pytest.mark.parametrize(("word", "code", "text"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line_and_a_code(cli, write, word, code, text):
    write("conf/config.yaml", "{x: 0, balancer: {hosts: [{name: host1}]}}")
    folder = write("empty/README", "").parent.parent
    assert cli("plan", word) == ("", f"airflow-balancer: {text.format(folder=folder)}\n", code)


def test_picks_of_one_side_alone_are_compared(cli, write):
    write("conf/config.yaml", CONFIG)
    write("other.yaml", "hosts: [{name: host1}]\n")
    assert cli("plan", "against=other.yaml").stdout.splitlines()[-1].endswith("; 0 moved, 3 new, 0 gone")
    assert cli("plan", "other.yaml", "against=conf").stdout.splitlines()[-1].endswith("; 0 moved, 0 new, 3 gone")


def test_dag_files_without_a_pick_are_compared(cli, write):
    write("conf/config.yaml", "{x: 0, balancer: {hosts: [{name: host1}]}}")
    write("dag.py", "")
    assert cli("plan", "dag_files=dag.py", "against=x=1").stdout.splitlines()[-1].endswith("; 0 moved, 0 new, 0 gone")


class TestMarkdown:
    def test_what_a_key_holds_is_code(self):
        row = {"requester": "a|b @all `x`", "file": None, "query": "name='<b>*'", "host": "host_1", "why": "after host_2, @me"}
        report = {"picks": [row], "load": [], "files": []}
        assert markdown(report, "1 pick of x_y.yaml", "").splitlines() == [
            "## airflow-balancer plan",
            "",
            r"**1 pick of x\_y.yaml**",
            "",
            "### Picks",
            "",
            "| requester | query | host | why |",
            "| --- | --- | --- | --- |",
            r"| `` a\|b @all `x` `` | `name='<b>*'` | `host_1` | after host\_2, @" + "\N{ZERO WIDTH NON-JOINER}me |",
        ]

    def test_what_a_comment_has_no_room_for_is_counted(self):
        rows = [{"requester": f"{n:0300}", "file": None, "query": "anything", "host": "host1", "why": "x"} for n in range(500)]
        load = [{"host": "host1", "size": 1, "picks": 500, "fair": 1.0, "load": 500.0}]
        text = markdown({"picks": rows, "load": load, "files": []}, "500 picks", "")
        shown = text.count("| `0")
        assert (len(text.encode()) < MOST_BYTES + 1_000, 150 < shown < 200) == (True, True)
        assert f"\nand {500 - shown} more: see `airflow-balancer plan`\n" in text
        assert "### Load" in text
