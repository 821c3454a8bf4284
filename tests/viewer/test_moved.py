"""What moved between two versions of a DAG, and why tasks are where they are, by their serialized forms."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_balancer.airflow.serialized import SerializedTask, Version
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.picking.filters import HostFilter
from airflow_balancer.picking.serialized import Counted, Described, describe
from airflow_balancer.picking.strategies import Bounded, Rendezvous
from airflow_balancer.viewer.explained import Reasons
from airflow_balancer.viewer.models.airflow import TaskPlace
from airflow_balancer.viewer.moved import version_moves
from airflow_balancer.viewer.whatif import tasks_that_move

WHEN = datetime(2026, 11, 26, tzinfo=UTC)
BOUNDED = Bounded()
NAMES = ("ws1", "ws2", "ws3")


def fleet(*names: str, drained: str = "") -> Fleet:
    return Fleet.from_data({"hosts": [{"name": name, "size": 4, **({"drain": "disks"} if name == drained else {})} for name in names]})


def balanced(*names: str, strategy: Any = BOUNDED, mapped: bool = False, **sizes: int) -> SerializedTask:
    hosts = [Counted(name, sizes.get(name, 4), name) for name in names]
    text = describe(strategy, hosts, pool="")
    first = Described.parse(text).strategy.choose("etl.load", hosts, {})  # type: ignore[union-attr]
    return SerializedTask("load", "queue-workers" if mapped else first.pool, text, mapped)


def moved(old: SerializedTask, new: SerializedTask, now: Fleet) -> list[dict[str, Any]]:
    moves = version_moves("etl", Version(3, WHEN, [old]), Version(4, WHEN, [new]), now)
    return [move.model_dump() for move in moves]


FIRST = balanced(*NAMES).pool
OTHERS = [name for name in NAMES if name != FIRST]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (fleet(*NAMES, drained=FIRST), f"{FIRST} is drained: disks"),
        (fleet(*OTHERS), f"{FIRST} is gone"),
        (fleet(*NAMES), f"{FIRST} no longer matches"),
    ],
    ids=["drained", "gone", "no longer a candidate"],
)
def test_a_task_moves_from_a_host_that_is_no_candidate_any_more(now: Fleet, why: str) -> None:
    new = balanced(*OTHERS)
    assert moved(balanced(*NAMES), new, now) == [
        {
            "dag_id": "etl",
            "task_id": "load",
            "before_version": 3,
            "version": 4,
            "when": WHEN,
            "before": [FIRST],
            "after": [new.pool],
            "why": why,
        }
    ]


def test_a_task_moves_to_a_new_candidate_or_to_a_larger_one() -> None:
    assert moved(balanced(*OTHERS), balanced(*NAMES), fleet(*NAMES))[0]["why"] == f"{FIRST} is a new candidate"
    [move] = moved(balanced(*NAMES), balanced(*NAMES, **{OTHERS[0]: 4000}), fleet(*NAMES))
    assert (move["after"], move["why"]) == ([OTHERS[0]], f"the size of {OTHERS[0]} was 4, and is 4000")


def test_the_indices_of_a_mapped_task_that_move_are_counted() -> None:
    [move] = moved(balanced(*NAMES, mapped=True), balanced("ws1", "ws2", mapped=True), fleet("ws1", "ws2"))
    assert move["before"] == ["ws1", "ws2", "ws3"] or "ws3" in move["before"]
    assert (move["after"], move["why"].endswith(" is gone")) == (["ws1", "ws2"], True)
    assert "of its first 16 indices move: " in move["why"]


def test_what_changes_no_host_is_no_move() -> None:
    # By rendezvous hashing, the first of three is the first of two.
    assert moved(balanced(*NAMES), balanced(FIRST, OTHERS[0]), fleet(*NAMES)) == []
    assert moved(balanced(*NAMES, mapped=True), balanced(*NAMES, mapped=True), fleet(*NAMES)) == []
    assert list(version_moves("etl", Version(1, WHEN, []), Version(2, WHEN, [balanced(*NAMES)]), fleet(*NAMES))) == []


def test_a_task_that_was_picked_in_its_dag_file_moves_without_a_reason() -> None:
    [move] = moved(SerializedTask("load", "gone-host"), SerializedTask("load", "ws2"), fleet(*NAMES))
    assert (move["before"], move["after"], move["why"]) == (["gone-host"], ["ws2"], "")


def place(index: int = -1, number: int | None = 1) -> TaskPlace:
    there = {"pool": FIRST, "kind": "host", "hosts": [FIRST], "state": "success", "path": "", "why": ""}
    return TaskPlace(dag_id="etl", task_id="load", map_index=index, try_number=number, **there)


def test_a_task_says_its_place_in_the_ranking_and_which_hosts_are_left_out() -> None:
    reasons = Reasons([], fleet(*NAMES, "ws4", drained="ws4"), {"etl": [balanced(*NAMES)]})
    assert reasons.of(place()) == "1 of 3 in its key's ranking; 3 of 4 hosts are candidates, without ws4 (drained)"


def host(name: str, queue: str = "other", **more: Any) -> dict[str, Any]:
    return {"name": name, "size": 4, "queues": [queue], **more}


WORKERS = [*(host(name, "workers") for name in NAMES), host("ws4", "workers", drain=True)]
SAID = "1 of 3 in its key's ranking; 3 of {} hosts are candidates, without ws4 (drained), {}"


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([host("ws5")], SAID.format(5, "ws5 (queue)")),
        (
            [host(f"x{number}") for number in range(6)],
            SAID.format(10, "x0 (queue), x1 (queue), x2 (queue), x3 (queue) and 2 more (6 by queue, 1 drained)"),
        ),
        ([host("ws5"), host("ws6", "workers")], SAID.format(6, "ws5, ws6")),
    ],
    ids=["some", "many", "as the fleet is now"],
)
def test_a_task_says_which_condition_of_its_query_leaves_a_host_out(others: Iterable[dict[str, Any]], said: str) -> None:
    text = describe(BOUNDED, [Counted(name, 4, name) for name in NAMES], pool="", query=HostFilter.of(queue="workers"))
    reasons = Reasons([], Fleet.from_data({"hosts": [*WORKERS, *others]}), {"etl": [SerializedTask("load", FIRST, text)]})
    assert reasons.of(place()) == said


def test_a_retry_says_where_it_begins() -> None:
    task = balanced(*NAMES, strategy=Rendezvous())
    second = [host.name for host in Rendezvous().rank("etl.load", [Counted(name, 4, name) for name in NAMES], {})][1]
    reason = Reasons([], fleet(*NAMES), {"etl": [task]}).of(place(number=2))
    assert reason == f"1 of 3 in its key's ranking; all hosts are candidates; attempt 2 tries {second} first"


@pytest.mark.parametrize("text", ["", "balanced pool=ws1", "balanced hosts=nothing"], ids=["none", "no candidates", "of another version"])
def test_a_task_whose_string_says_nothing_has_no_reason(text: str) -> None:
    assert Reasons([], fleet(*NAMES), {"etl": [SerializedTask("load", FIRST, text)]}).of(place()) == ""


def if_it_were(now: Fleet, *tasks: SerializedTask) -> list[tuple[list[str], list[str], str]]:
    return [(move.before, move.after, move.why) for move in tasks_that_move({"etl": tasks}, now)]


def counted(task: SerializedTask) -> SerializedTask:
    """The task as it is where its DAG file names no pool."""
    return task._replace(candidates=str(Described.parse(task.candidates)._replace(pool=task.pool)))


@pytest.mark.parametrize("task", [balanced(*NAMES), counted(balanced(*NAMES))], ids=["in a pool of its own", "in its host's pool"])
def test_a_task_would_go_where_its_dag_file_would_put_it(task: SerializedTask) -> None:
    after = balanced(*OTHERS).pool
    assert if_it_were(fleet(*NAMES, drained=FIRST), task) == [([FIRST], [after], f"{FIRST} is drained: disks")]
    assert if_it_were(fleet(*OTHERS), task) == [([FIRST], [after], f"{FIRST} is gone")]


def test_a_task_without_a_candidate_would_go_nowhere() -> None:
    assert if_it_were(fleet("ws9"), counted(balanced(*NAMES))) == [([FIRST], [], "no candidate is left")]


def test_a_task_whose_candidates_stay_would_stay() -> None:
    alone = SerializedTask("alone", FIRST)
    assert if_it_were(fleet(*NAMES, "ws9"), counted(balanced(*NAMES)), alone) == []


def test_a_host_that_is_named_keeps_its_task_while_it_is_there() -> None:
    last = OTHERS[0]
    named = counted(balanced(*NAMES))._replace(pool=last)
    named = named._replace(candidates=str(Described.parse(named.candidates)._replace(pool=last, first=last)))
    assert if_it_were(fleet(last, FIRST), named) == []
    [move] = if_it_were(fleet(*(name for name in NAMES if name != last)), named)
    assert (move[0], move[2]) == ([last], f"{last} is gone")
