"""Who has a port in the lock file keeps it, whatever others ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from airflow_balancer.cli.locking import lock_report
from airflow_balancer.hydra.compose import Composed
from airflow_balancer.hydra.origins import Origins
from airflow_balancer.hydra.resolvers import register_resolvers
from airflow_balancer.lock.file import lock_at
from tests.lock.requests import request_of

ASK = "${{balancer.free_port:{{host:host1,min:{0},max:{1}}}}}"
register_resolvers()
asks = st.dictionaries(st.sampled_from("abcde"), st.just((9000, 9004)), min_size=1)
once = settings(max_examples=settings.default.max_examples // 10, suppress_health_check=[HealthCheck.function_scoped_fixture])


def composed(folder: Path, asks: dict[str, tuple[int, int]], **balancer: object) -> Composed:
    """A config in which these nodes ask for a free port, as Hydra would compose it."""
    data = {"hosts": [{"name": "host1"}], "lock": "balancer.lock.yaml", **balancer}
    root = OmegaConf.create({"balancer": data, "tasks": {name: ASK.format(*span) for name, span in asks.items()}})
    return Composed(folder / "config.yaml", root, ("balancer",), data, Origins((), (), ()), (folder,))


def locked(folder: Path, asks: dict[str, tuple[int, int]], *, prune: bool = False, **balancer: object) -> dict[str, int]:
    """The ports that the lock file keeps for these asks, and maybe others."""
    lock_report(request_of(composed(folder, asks, **balancer)), prune=prune)
    return {entry.requester.removeprefix("tasks."): entry.port for entry in lock_at(folder / "balancer.lock.yaml").ports}


@pytest.fixture
def folder(tmp_path_factory):
    return lambda: tmp_path_factory.mktemp("lock")


@once
@given(before=asks, after=asks)
def test_who_has_a_port_keeps_it_when_asks_come_and_go(folder, before, after):
    place = folder()
    first = locked(place, before)
    second = locked(place, after)
    assert second == {**{name: port for name, port in second.items() if name not in first}, **first}
    assert len(set(second.values())) == len(second) == len(before | after)


@once
@given(before=asks, after=asks)
def test_pruning_moves_nobody(folder, before, after):
    place = folder()
    first = locked(place, before)
    second = locked(place, after, prune=True)
    assert second.keys() == after.keys()
    assert {name: second[name] for name in before.keys() & after.keys()} == {name: first[name] for name in before.keys() & after.keys()}


@once
@given(asks=asks, data=st.data())
def test_the_file_is_the_same_whatever_the_order_of_the_asks(folder, asks, data):
    one, other = folder(), folder()
    locked(one, asks)
    locked(other, {name: asks[name] for name in data.draw(st.permutations(sorted(asks)))})
    assert (one / "balancer.lock.yaml").read_bytes() == (other / "balancer.lock.yaml").read_bytes()


@once
@given(asks=asks)
def test_what_is_locked_is_what_was_composed_and_is_composed_again(folder, asks):
    place = folder()
    before = {name: composed(place, asks).resolved(("tasks", name)) for name in asks}
    assert locked(place, asks) == before
    again = composed(place, asks)
    assert {name: again.resolved(("tasks", name)) for name in sorted(asks, reverse=True)} == before


def test_who_is_renamed_leaves_the_others_where_they_are(folder):
    place = folder()
    before = locked(place, {"a": (9000, 9002), "b": (9000, 9002)})
    after = locked(place, {"c": (9000, 9002), "b": (9000, 9002)})
    assert before == {"a": after["a"], "b": after["b"]}
    assert sorted(after.values()) == [9000, 9001, 9002]


def test_an_ask_that_depends_on_another_ones_port_is_locked_as_it_is_made(folder):
    place = folder()
    spans = {"a": (9000, 9099), "b": ("${tasks.a}", 9999)}
    ports = locked(place, spans)
    assert ports == {name: composed(place, spans).resolved(("tasks", name)) for name in spans}
    assert lock_report(request_of(composed(place, spans)), prune=True)["kept"] == 2


@pytest.mark.parametrize("first", ["z", "a"])
def test_an_ask_keeps_its_port_whatever_the_names_of_those_that_depend_on_it(folder, first):
    place = folder()
    spans = {"m": (f"${{tasks.{first}}}", 9001), first: (9000, 9000)}
    assert locked(place, spans) == {"m": 9001, first: 9000}


def test_a_port_that_is_in_use_now_is_left(folder):
    place = folder()
    before = locked(place, {"a": (9000, 9001), "b": (9000, 9001)})
    report = lock_report(request_of(composed(place, {"a": (9000, 9002)}, ports=[{"host": "host1", "port": before["a"]}])), prune=False)
    entry = {"host": "host1", "requester": "tasks.a", "min": 9000, "max": 9001}
    assert [row for row in report["ports"] if row["change"] == "dropped"] == [
        {"change": "dropped", **entry, "port": before["a"], "why": "the port is in use"}
    ]
    assert [(row["requester"], row["port"]) for row in report["ports"] if row["change"] == "added"] == [("tasks.a", 9002)]
    assert report["kept"] == 1
