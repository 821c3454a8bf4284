"""Who has a host in the lock file keeps it, whatever others ask for, as far as the bound lets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from airflow_balancer.cli.lock_hosts import locked_hosts
from airflow_balancer.cli.locking import lock_report
from airflow_balancer.hydra.compose import Composed
from airflow_balancer.hydra.origins import Origins
from airflow_balancer.hydra.resolvers import register_resolvers
from airflow_balancer.lock.entries import HostEntry
from airflow_balancer.lock.file import Lock, lock_at
from airflow_balancer.lock.recorder import Recorder
from airflow_balancer.picking.filters import HostFilter
from airflow_balancer.picking.picked import Picked, Weighed
from tests.lock.requests import request_of

FLEET = {"host1": {"size": 4}, "host2": {"size": 2}, "host3": {"size": 2, "tags": ["gpu"]}, "host4": {"size": 1, "tags": ["gpu"]}}
register_resolvers()
asks = st.dictionaries(st.sampled_from("abcdefghijkl"), st.sampled_from(["", "tag:gpu"]), min_size=1)
once = settings(max_examples=settings.default.max_examples // 10, suppress_health_check=[HealthCheck.function_scoped_fixture])


def composed(folder: Path, asks: dict[str, str], **balancer: Any) -> Composed:
    """A config in which these nodes ask for a host, as Hydra would compose it."""
    data = {"hosts": FLEET, "lock": "balancer.lock.yaml", **balancer}
    tasks = {name: {"host": f"${{balancer.name:{{{query}}}}}"} for name, query in asks.items()}
    root = OmegaConf.create({"balancer": data, "tasks": tasks})
    return Composed(folder / "config.yaml", root, ("balancer",), data, Origins((), (), ()), (folder,))


def picks(folder: Path, asks: dict[str, str], **balancer: Any) -> dict[str, str]:
    made = composed(folder, asks, **balancer)
    return {name: made.resolved(("tasks", name, "host")) for name in asks}


def locked(folder: Path, asks: dict[str, str], *, prune: bool = False, **balancer: Any) -> dict[str, str]:
    """The hosts of these asks once the lock file is written."""
    lock_report(request_of(composed(folder, asks, **balancer)), prune=prune)
    return picks(folder, asks, **balancer)


def drained(name: str) -> dict[str, Any]:
    return {host: {**data, "drain": host == name} for host, data in FLEET.items()}


@pytest.fixture
def folder(tmp_path_factory):
    return lambda: tmp_path_factory.mktemp("lock")


@once
@given(asks=asks)
def test_to_lock_moves_nothing(folder, asks):
    place = folder()
    before = picks(place, asks)
    assert locked(place, asks) == before


@once
@given(asks=asks, data=st.data())
def test_the_file_is_the_same_whatever_the_order_of_the_asks(folder, asks, data):
    one, other = folder(), folder()
    locked(one, asks)
    locked(other, {name: asks[name] for name in data.draw(st.permutations(sorted(asks)))})
    assert (one / "balancer.lock.yaml").read_bytes() == (other / "balancer.lock.yaml").read_bytes()


@once
@given(before=asks, after=asks, prune=st.booleans())
def test_to_lock_twice_changes_nothing(folder, before, after, prune):
    place = folder()
    locked(place, before)
    locked(place, after, prune=prune)
    content = (place / "balancer.lock.yaml").read_bytes()
    report = lock_report(request_of(composed(place, after)), prune=prune)
    assert (report["picks"], (place / "balancer.lock.yaml").read_bytes()) == ([], content)


def test_the_changes_of_one_key_are_in_the_order_of_its_queries(folder):
    hosts = {name: {"queues": [queue]} for name, queue in {"host1": "b", "host2": "b", "host3": "a", "host4": "a"}.items()}
    asks = {"x": "key:k,queue:b", "y": "key:k,queue:a"}
    rows = lock_report(request_of(composed(folder(), asks, hosts=hosts)), prune=False)["picks"]
    assert [(row["requester"], row["query"], row["host"]) for row in rows] == [("k", "queue='a'", "host4"), ("k", "queue='b'", "host2")]


@once
@given(before=asks, after=asks)
def test_who_is_not_asked_for_keeps_its_line(folder, before, after):
    place = folder()
    locked(place, before)
    lines = {entry[:2]: entry for entry in lock_at(place / "balancer.lock.yaml").hosts}
    locked(place, after)
    now = {entry[:2]: entry for entry in lock_at(place / "balancer.lock.yaml").hosts}
    asked = {f"tasks.{name}" for name in after}
    assert {key: entry for key, entry in lines.items() if key[0] not in asked} == {
        key: entry for key, entry in now.items() if key[0] not in asked
    }


@once
@given(asks=asks, gone=st.sampled_from(sorted(FLEET)), way=st.sampled_from(["leaves", "is drained"]))
def test_a_host_that_leaves_or_is_drained_moves_its_own_alone(folder, asks, gone, way):
    place = folder()
    asks = dict.fromkeys(asks, "")
    before = locked(place, asks)
    hosts = drained(gone) if way == "is drained" else {name: data for name, data in FLEET.items() if name != gone}
    after = locked(place, asks, hosts=hosts)
    assert {name for name in asks if before[name] != after[name]} == {name for name in asks if before[name] == gone}


@once
@given(asks=asks, gone=st.sampled_from(sorted(FLEET)))
def test_a_host_that_comes_back_has_what_it_had(folder, asks, gone):
    place = folder()
    asks = dict.fromkeys(asks, "")
    before = locked(place, asks)
    locked(place, asks, hosts=drained(gone))
    assert picks(place, asks) == before


@once
@given(asks=asks)
def test_environments_with_hosts_of_their_own_add_up(folder, asks):
    place = folder()
    other = {f"prod-{name}": data for name, data in FLEET.items()}
    here, there = locked(place, asks), locked(place, asks, hosts=other)
    assert (picks(place, asks), picks(place, asks, hosts=other)) == (here, there)
    assert lock_report(request_of(composed(place, asks)), prune=False)["picks"] == []


def test_pruning_leaves_what_is_used_alone(folder):
    place = folder()
    asks = {"a": "", "b": ""}
    before = locked(place, asks)
    locked(place, asks, hosts=drained(before["a"]))
    after = locked(place, {"a": ""}, prune=True)
    [entry] = lock_at(place / "balancer.lock.yaml").hosts
    assert (entry.requester, entry.hosts, after) == ("tasks.a", (before["a"],), {"a": before["a"]})


def test_each_change_has_a_reason(folder):
    place = folder()
    one = {"hosts": {"host1": {}, "host2": {"drain": True}, "host3": {"drain": True}}}
    asks = dict.fromkeys("abcd", "")
    text = "".join(f"  - {{requester: tasks.{name}, host: host1}}\n" for name in asks)
    (place / "balancer.lock.yaml").write_text(f"hosts:\n{text}  - {{requester: tasks.e, host: host3}}\n")
    two = {"hosts": {**one["hosts"], "host2": {}}}
    report = lock_report(request_of(composed(place, {**asks, "e": "", "f": ""}, **two)), prune=False)
    said = {(row["change"], row["was"], row["host"], row["why"]) for row in report["picks"]}
    assert said == {("moved", "host3", "host2", "host3 is drained"), ("added", None, "host2", "")}
    crowd = dict.fromkeys("abcd", "")
    report = lock_report(request_of(composed(place, crowd, **two)), prune=True)
    assert [(row["change"], row["requester"], row["why"]) for row in report["picks"] if row["change"] != "dropped"] == [
        ("moved", "tasks.a", "host1 has more than its bound")
    ]


def test_what_is_added_stands_before_what_moves(folder):
    place, hosts = folder(), {"host1": {"drain": True}, "host2": {}, "host3": {}}
    (place / "balancer.lock.yaml").write_text("hosts: [{requester: tasks.a, host: host1}]\n")
    report = lock_report(request_of(composed(place, {"a": "", "b": ""}, hosts=hosts)), prune=False)
    assert [(row["change"], row["requester"]) for row in report["picks"]] == [("added", "tasks.b"), ("moved", "tasks.a")]


def test_what_pruning_drops_is_reported(folder):
    place = folder()
    text = "".join(f"  - {{requester: tasks.{name}, host: {hosts}}}\n" for name, hosts in (("a", "[host1, host9]"), ("old", "host2")))
    (place / "balancer.lock.yaml").write_text(f"hosts:\n{text}")
    report = lock_report(request_of(composed(place, {"a": ""})), prune=True)
    assert [tuple(row.values()) for row in report["picks"]] == [
        ("dropped", requester, "anything", None, host, "nothing in this run gets it")
        for requester, host in (("tasks.a", "host9"), ("tasks.old", "host2"))
    ]


def test_the_hosts_of_what_other_runs_request_count(folder):
    place, hosts, asks = folder(), {"host1": {}, "host2": {}}, {"i": "", "j": ""}
    assert locked(folder(), asks, hosts=hosts) == {"i": "host1", "j": "host2"}
    (place / "balancer.lock.yaml").write_text("hosts:\n" + "".join(f"  - {{requester: old{n}, host: host1}}\n" for n in range(4)))
    assert locked(place, asks, hosts=hosts) == {"i": "host2", "j": "host2"}


class Second:
    """Picks the first host for each request alone, and the last one for requests together."""

    def choose(self, key, candidates, load):
        return candidates[0]

    def assign(self, requests, assigned):
        return {request: hosts[-1] for request, hosts in requests.items() if request not in assigned}


def test_requests_that_were_picked_one_by_one_are_locked_as_a_strategy_assigns_them_together(folder):
    here = composed(folder(), {}, strategy={"_target_": f"{__name__}.Second"})
    query, candidates = HostFilter(), (Weighed("host1", 1), Weighed("host2", 1))
    noted = Recorder()
    for key, kept in (("a", ()), ("b", ("host1",))):
        noted.note(Picked(key, "", candidates, "host1", filter=query, kept=kept))
    entries, _ = locked_hosts(here, Lock(Path("lock.yaml")), noted, prune=False)
    assert entries == [HostEntry("a", query, ("host2",)), HostEntry("b", query, ("host1",))]


def test_who_is_asked_for_leaves_a_host_that_is_over_its_bound(folder):
    place = folder()
    asks = dict.fromkeys("abcd", "")
    (place / "balancer.lock.yaml").write_text("hosts:\n" + "".join(f"  - {{requester: tasks.{name}, host: host1}}\n" for name in asks))
    report = lock_report(request_of(composed(place, asks, hosts={"host1": {}, "host2": {}})), prune=False)
    assert [(row["change"], row["was"], row["host"], row["why"]) for row in report["picks"]] == [
        ("moved", "host1", "host2", "host1 has more than its bound")
    ]
