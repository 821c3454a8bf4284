"""The hosts in the lock file: their text, what is wrong in them, and that every interface honours them."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_balancer import BalancerConfiguration, ConfigurationError, load
from airflow_balancer.files.reading import reading
from airflow_balancer.hydra.compose import compose_file
from airflow_balancer.lock.entries import HostEntry
from airflow_balancer.lock.file import Lock, lock_at, write_lock
from airflow_balancer.lock.recorder import Recorder, recorder_of
from airflow_balancer.picking.filters import HostFilter
from airflow_balancer.viewer.catalogue import Catalogue
from airflow_balancer.viewer.configuration import Places
from airflow_balancer.viewer.service import Viewer

HOSTS = "hosts: {host1: {queues: [workers]}, host2: {queues: [workers, gpu]}, host3: {queues: [workers, gpu], size: 16}}\n"
BALANCER = f"lock: balancer.lock.yaml\n{HOSTS}"
LOCK = """\
# Written by `airflow-balancer lock`: the host of each key, and each free port. Commit this file.
# Run it again for a new key or request: it keeps these lines.
hosts:
  - {requester: etl, host: [host9, host1]}
  - {requester: etl, query: {queue: [gpu, workers], min_size: 16}, host: host3}
  - {requester: etl.py#0, query: {queue: workers}, host: host2}
ports:
"""
ENTRIES = (
    HostEntry("etl.py#0", HostFilter.of(queue="workers"), ("host2",)),
    HostEntry("etl", HostFilter.of(queue=["gpu", "workers"], min_size=16), ("host3",)),
    HostEntry("etl", HostFilter(), ("host9", "host1")),
)

texts = st.sampled_from(["0e0", "1", "null", "2026-01-01", "~", "a: b", "größe"]) | st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=9
).filter(str.strip)
names = st.lists(texts, min_size=1, max_size=3, unique=True).map(tuple)
queries = st.builds(HostFilter, name=names | st.just(()), queue=names | st.just(()), min_size=st.none() | st.integers(1, 9), prefer=names)


def locked(write, *entries: tuple[str, str, str], **balancer: str) -> Path:
    """A balancer whose lock file keeps a host for each key and queue."""
    lines = [f"  - {{requester: {key}, query: {{queue: {queue}}}, host: {host}}}\n" for key, queue, host in entries]
    write("balancer.lock.yaml", f"hosts:\n{''.join(lines)}")
    return write("balancer.yaml", BALANCER + "".join(f"{key}: {value}\n" for key, value in balancer.items()))


class TestFile:
    def test_it_has_one_line_for_each_entry(self):
        assert Lock.sorted(Path("file"), ENTRIES).text == LOCK

    @given(entries=st.permutations(ENTRIES))
    def test_it_is_the_same_whatever_the_order_of_its_entries(self, entries):
        assert Lock.sorted(Path("file"), entries).text == LOCK

    @given(entries=st.lists(st.builds(HostEntry, texts, queries, names), unique_by=lambda entry: entry[:2], max_size=4))
    def test_it_says_what_was_written(self, tmp_path_factory, entries):
        lock = Lock.sorted(tmp_path_factory.mktemp("lock") / "a.yaml", entries)
        write_lock(lock)
        assert lock_at(lock.file) == lock

    @pytest.mark.parametrize("empty", ["", "hosts:\n", "hosts: []\nports:\n"])
    def test_an_empty_one_keeps_nothing(self, write, empty):
        assert lock_at(write("balancer.lock.yaml", empty or "{}")).hosts == ()

    def test_git_merges_the_lines_of_two_branches(self, write):
        base = Lock.sorted(Path("file"), ENTRIES).text
        ours, theirs = (
            Lock.sorted(Path("file"), (*ENTRIES, HostEntry(key, HostFilter.of(queue="gpu"), ("host3",)))).text for key in ("abc", "xyz")
        )
        files = [str(write(name, text)) for name, text in (("ours", ours), ("base", base), ("theirs", theirs))]
        merged = subprocess.run(["git", "merge-file", "-p", *files], capture_output=True, text=True, check=True).stdout
        assert [entry.requester for entry in lock_at(write("merged.yaml", merged)).hosts] == ["abc", "etl", "etl", "etl.py#0", "xyz"]


FORM = "{requester: etl, query: {queue: workers}, host: host1}"
WRONG = {
    "no mapping": ("hosts: [etl]", f"hosts[0]: must be a mapping such as {FORM}, not 'etl'"),
    "an unknown key": (
        "hosts: [{requester: a, hots: b}]",
        "hosts[0]: needs key 'host': the name of a host\nhosts[0]: unknown key 'hots'; did you mean 'host'? (keys: host, query, requester)",
    ),
    "no host": ("hosts: [{requester: a, host: 3}]", "hosts[0]: key 'host' must be the name of a host, not 3"),
    "a query of no such key": (
        "hosts: [{requester: a, host: b}, {requester: a, query: {queu: c}, host: b}]",
        "hosts[1]: key 'query': unknown key 'queu'; did you mean 'queue'? "
        "(keys: all_tags, exclude, min_size, name, os, prefer, queue, tag)",
    ),
    "a query of a wrong value": (
        "hosts: [{requester: a, query: {queue: 3}, host: b}]",
        "hosts[0]: key 'query': key 'queue' must be a string or a list of strings, not 3; put it in quotes",
    ),
    "a request twice": (
        "hosts: [{requester: a, query: {os: c}, host: b}, {requester: a, query: {os: c}, host: d}]",
        "hosts[1]: 'a' is there twice for os='c', also at hosts[0]; remove one of them, and run `airflow-balancer lock`",
    ),
    "a conflict of Git's": ("hosts:\n<<<<<<< ours\n  - {requester: a, host: b}\n", "line 3: could not find expected ':'"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_in_a_lock_file_is_named(write, text, message):
    file = write("balancer.lock.yaml", text)
    with pytest.raises(ConfigurationError) as error:
        load(write("balancer.yaml", BALANCER)).select_host(queue="workers")
    assert str(error.value) == "\n".join(f"{file}: {line}" for line in message.splitlines())


class TestHonoured:
    @pytest.mark.parametrize("host", ["host1", "host2", "host3"])
    @pytest.mark.parametrize("strategy", ["bounded", "rendezvous"])
    def test_by_each_method_of_a_balancer(self, write, host, strategy):
        source = locked(write, ("a", "workers", host), (f"{Path(__file__).name}#0", "workers", host), strategy=strategy)
        given = {"queue": "workers"}
        globals().pop("__airflow_balancer_state__", None)
        assert load(source).select_host(**given).name == host
        assert load(source).select_host(**given, key="a").name == host
        assert load(source).assign_hosts(["b", "a"], **given)["a"].name == host
        ranked = [each.name for each in load(source).rank_hosts(**given, key="a")]
        assert (ranked[0], sorted(ranked)) == (host, ["host1", "host2", "host3"])

    @pytest.mark.parametrize("host", ["host2", "host3"])
    def test_by_command_line_page_and_tree(self, cli, write, tmp_path, host):
        entries = [("tasks.t", "gpu", host), ("command line", "gpu", host)]
        locked(write, *entries)
        tree = f"balancer: {{lock: balancer.lock.yaml, {HOSTS.strip()}}}\ntasks: {{t: {{host: '${{balancer.name:{{queue: gpu}}}}'}}}}\n"
        source = write("config.yaml", tree)
        assert compose_file(source).resolved(("tasks", "t", "host")) == load(source).select_host(queue="gpu", key="tasks.t").name == host
        assert cli("select", "config.yaml", "query.queue=gpu", "query.key=tasks.t").stdout == f"{host}\n"
        assert json.loads(cli("plan", "config.yaml", "output=json").stdout)["picks"][0]["host"] == host
        assert json.loads(cli("show", "config.yaml", "output=json").stdout)["queues"][0]["pick"] == host
        viewer = Viewer(Catalogue(lambda: Places((tmp_path,), ((source, ()),))))
        (shown,) = json.loads(viewer.api_of("configurations", {}).body)["configurations"]
        ask = {"configuration": shown["id"], "queue": ["gpu"], "key": "tasks.t"}
        assert json.loads(viewer.api_of("query", ask).body)["picked"] == host

    def test_by_a_query_in_other_words_with_the_same_candidates(self, write):
        source = locked(write, ("a", "gpu", "host2"), ("b", "gpu", "host3"))
        picked = [load(source).select_host(name=["host3", "host2"], key=key).name for key in "ab"]
        assert picked == ["host2", "host3"]

    def test_but_by_no_query_with_other_candidates(self, write):
        source, without = locked(write, ("a", "gpu", "host2")), write("without.yaml", HOSTS)
        assert load(source).select_host(queue="workers", key="a").name == load(without).select_host(queue="workers", key="a").name

    @pytest.mark.parametrize("change", [{"drain": True}, {"queues": ["other"]}], ids=str)
    def test_unless_its_host_is_no_candidate_any_more(self, write, change):
        without = write("without.yaml", HOSTS)
        for host in ("host1", "host2", "host3"):
            source, overrides = locked(write, ("a", "workers", host)), [f"+host_overrides.{host}={json.dumps(change)}".replace('"', "")]
            picked = load(source, overrides).select_host(queue="workers", key="a").name
            assert picked == load(without, overrides).select_host(queue="workers", key="a").name != host

    def test_by_the_first_host_that_is_a_candidate(self, write):
        source = locked(write, ("a", "gpu", "[host9, host3, host2]"))
        assert load(source).select_host(queue="gpu", key="a").name == "host3"
        assert load(source, ["+host_overrides.host3.drain=true"]).select_host(queue="gpu", key="a").name == "host2"

    @pytest.mark.parametrize("strategy", ["least_loaded", "random"])
    def test_by_no_strategy_that_goes_by_more_than_the_key(self, write, strategy):
        source = locked(write, *((str(n), "workers", "host1") for n in range(40)), strategy=strategy)
        assert {load(source).select_host(queue="workers", key=str(n)).name for n in range(40)} == {"host1", "host2", "host3"}

    def test_by_a_balancer_that_is_made_after_the_file_was_replaced(self, write):
        source = locked(write, ("a", "gpu", "host2"))
        before = load(source)
        assert before.select_host(queue="gpu", key="a").name == "host2"
        locked(write, ("a", "gpu", "host3"))
        assert (before.select_host(queue="gpu", key="a").name, load(source).select_host(queue="gpu", key="a").name) == ("host2", "host3")

    def test_by_a_balancer_made_in_python(self, write):
        locked(write, ("a", "gpu", "host1"))
        hosts = [{"name": name, "queues": ["gpu"]} for name in ("host0", "host1")]
        balancer = BalancerConfiguration(hosts=hosts, lock=str(write("balancer.yaml", "").with_name("balancer.lock.yaml")))
        assert balancer.select_host(queue="gpu", key="a").name == "host1"

    def test_as_loads_of_the_picks_that_are_not_locked(self, write):
        file = Path(__file__).name
        source = locked(write, *((f"{file}#{n}", "gpu", "host3") for n in range(4)))
        globals().pop("__airflow_balancer_state__", None)
        balancer = load(source)
        picked = Counter(balancer.select_host(queue="gpu").name for _ in range(6))
        assert picked == {"host3": 4, "host2": 2}


def test_a_file_that_is_not_there_yet_keeps_nothing(write):
    source, without = write("balancer.yaml", BALANCER), write("without.yaml", HOSTS)
    assert [load(source).select_host(key=key).name for key in "abc"] == [load(without).select_host(key=key).name for key in "abc"]


def test_a_recorder_notes_the_file_of_a_key_that_is_made_of_its_name(write):
    source = write("balancer.yaml", BALANCER)
    recorder = Recorder(lock=Lock(source.with_name("balancer.lock.yaml")))
    module = {"__file__": str(source.with_name("etl.py")), "balancer": load(source)}
    with reading(recorder=recorder):
        exec("balancer.select_host(); balancer.select_host(key='etl'); balancer.select_host(key='other.py#0')", module)
    assert recorder.requesters == {("", "etl.py#0"): {source.with_name("etl.py")}}


def test_a_recorder_notes_the_pick_of_a_node_without_a_source(write):
    source = write("config.yaml", "balancer: {hosts: {host1: {}}}\netl: {host: '${balancer.name:{}}'}\n")
    with reading(recorder=(recorder := Recorder())):
        compose_file(source).requests()
    assert [(pick.key, pick.host, pick.source) for pick in recorder.in_order] == [("etl", "host1", "")]


@pytest.mark.parametrize(("name", "same"), [("dags/balancer.lock.yaml", True), ("other.lock.yaml", False), (None, False)])
def test_while_there_is_no_lock_file_its_name_says_whether_requests_are_recorded(tmp_path, monkeypatch, name, same):
    monkeypatch.chdir(tmp_path)
    recorder = Recorder(lock=Lock(Path("balancer.lock.yaml")))
    with reading(recorder=recorder):
        assert recorder_of(name) is (recorder if same else None)
