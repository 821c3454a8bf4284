"""The lock file: its text, what is wrong with one, and that every ask honours it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st

from airflow_balancer import BalancerConfiguration, ConfigurationError, NoFreePort, load, load_fleet
from airflow_balancer.hydra.compose import compose_file
from airflow_balancer.lock.entries import PortEntry, PortRequest
from airflow_balancer.lock.file import Lock, lock_at, write_lock
from airflow_balancer.lock.recorder import Recorder
from airflow_balancer.ports.table import LockedPorts, PortTable

BALANCER = "lock: balancer.lock.yaml\nhosts: [{name: host1}, {name: host2}]\nports: [{name: web, host: host1, port: 8080}]\n"
TREE = f"""
extensions:
  balancer:
    {BALANCER.replace(chr(10), chr(10) + "    ")}
dags:
  a: "${{balancer.free_port:{{host:host1,min:9000,max:9002}}}}"
  b: "${{balancer.free_port:{{host:host1,min:9000,max:9002}}}}"
"""
LOCK = """\
# Written by `airflow-balancer lock`: the host of each key, and each free port. Commit this file.
# Run it again for a new key or request: it keeps these lines.
hosts:
ports:
  - {host: host1, port: 9001, requester: b, min: 9000, max: 9002}
  - {host: host1, port: 9002, requester: 'dag.py#0', min: 9000, max: 9002}
  - {host: host2, port: 80, requester: 'no', min: 1, max: 65535}
"""
ENTRIES = (
    PortEntry(host="host1", port=9001, requester="b", min=9000, max=9002),
    PortEntry(host="host1", port=9002, requester="dag.py#0", min=9000, max=9002),
    PortEntry(host="host2", port=80, requester="no", min=1, max=65535),
)

texts = st.sampled_from(["0e0", "1", "null", "2026-01-01", "~", "a: b", "größe"]) | st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=9
).filter(str.strip)
entries = st.builds(
    lambda host, port, requester: PortEntry(host=host, port=port, requester=requester, min=1, max=65535), texts, st.integers(1, 99), texts
)


class TestFile:
    def test_it_has_one_line_for_each_entry(self, tmp_path):
        assert Lock.sorted(tmp_path, ports=ENTRIES).text.replace("dag.py#0", "'dag.py#0'") == LOCK

    @given(entries=st.permutations(ENTRIES))
    def test_it_is_the_same_whatever_the_order_of_its_entries(self, entries):
        assert Lock.sorted("file", ports=entries).text == Lock.sorted("file", ports=ENTRIES).text

    @given(entries=st.lists(entries, unique_by=(lambda e: (e.host, e.port), lambda e: (e.host, e.requester)), max_size=4))
    def test_it_says_what_was_written(self, tmp_path_factory, entries):
        lock = Lock.sorted(tmp_path_factory.mktemp("lock") / "a.yaml", ports=entries)
        write_lock(lock)
        assert lock_at(lock.file) == lock

    def test_what_says_the_same_is_left_alone(self, write):
        file = write("balancer.lock.yaml", LOCK)
        write_lock(lock := lock_at(file))
        write_lock(lock)
        before = file.stat()
        write_lock(lock)
        assert (file.stat().st_ino, [path.name for path in file.parent.iterdir()]) == (before.st_ino, ["balancer.lock.yaml"])

    def test_one_that_cannot_be_written_is_named(self, tmp_path):
        file = tmp_path / "missing" / "balancer.lock.yaml"
        with pytest.raises(ConfigurationError) as error:
            write_lock(Lock(file))
        assert str(error.value) == f"{file}: cannot be written: No such file or directory"


def test_a_recorder_takes_what_a_copy_of_it_recorded():
    first, second = PortRequest("host1", "a", 1, 9), PortRequest("host2", "b", 1, 9)
    recorder = Recorder(Lock(Path("lock")), ports={first: 1}, in_use={"host1": {80}}, requesters={("host1", "a"): {Path("a.py")}})
    other = Recorder(Lock(Path("lock")), ports={second: 2}, in_use={"host1": {81}, "host2": {82}})
    other.requesters = {("host1", "a"): {Path("b.py")}, ("host2", "b"): {Path("b.py")}}
    recorder.add(other)
    assert recorder.ports == {first: 1, second: 2}
    assert recorder.in_use == {"host1": {80, 81}, "host2": {82}}
    assert recorder.requesters == {("host1", "a"): {Path("a.py"), Path("b.py")}, ("host2", "b"): {Path("b.py")}}


FORM = "{host: host1, port: 9000, requester: etl, min: 9000, max: 9999}"
ADVICE = "remove one of them, and run `airflow-balancer lock`"
WRONG = {
    "no list": ("ports: {}", "must hold the keys 'hosts' and 'ports' alone, each with a list; `airflow-balancer lock` writes it"),
    "another key": (
        "ports: []\nhostz: []",
        "must hold the keys 'hosts' and 'ports' alone, each with a list; `airflow-balancer lock` writes it",
    ),
    "no YAML": ("ports:\n<<<<<<< HEAD\n  - {}", "line 3: could not find expected ':'"),
    "no mapping": ("ports: [9000]", f"ports[0]: must be a mapping such as {FORM}, not 9000"),
    "an unknown key": (
        "ports: [{host: a, port: 2, requester: x, min: 1, max: 3, prot: 1}]",
        "ports[0]: unknown key 'prot'; did you mean 'port'? (keys: host, max, min, port, requester)",
    ),
    "a missing key": ("ports: [{host: a, port: 2, min: 1, max: 3}]", "ports[0]: needs key 'requester': a string that is not empty"),
    "no port": (
        "ports: [{host: a, port: 65536, requester: x, min: 1, max: 3}]",
        "ports[0]: key 'port' must be a whole number from 1 to 65535, not 65536",
    ),
    "a port out of its range": (
        "ports: [{host: a, port: 2, requester: x, min: 1, max: 3}, {host: a, port: 9, requester: y, min: 1, max: 3}]",
        "ports[1]: key 'port' must be from 1 to 3, as min and max say, not 9",
    ),
    "a port twice": (
        "ports: [{host: a, port: 2, requester: x, min: 1, max: 3}, {host: a, port: 2, requester: y, min: 1, max: 3}]",
        f"ports[1]: port 2 on host 'a' is kept twice, also at ports[0]; {ADVICE}",
    ),
    "a requester twice": (
        "ports: [{host: a, port: 2, requester: x, min: 1, max: 3}, {host: a, port: 3, requester: x, min: 1, max: 3}]",
        f"ports[1]: 'x' on host 'a' is there twice for 1 to 3, also at ports[0]; {ADVICE}",
    ),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_in_a_lock_file_is_named(write, text, message):
    write("balancer.yaml", BALANCER)
    file = write("balancer.lock.yaml", text)
    with pytest.raises(ConfigurationError) as error:
        load(file.with_name("balancer.yaml")).free_port("host1")
    assert str(error.value) == f"{file}: {message}"


class TestTable:
    LOCKED = LockedPorts("balancer.lock.yaml", {("a", 10, 12): 11})

    def test_who_has_a_locked_port_gets_it_and_the_others_avoid_it(self):
        table = PortTable("host1", locked=self.LOCKED)
        assert {table.take(key, 10, 12) for key in "xy"} == {10, 12}
        assert table.take("a", 10, 12) == 11

    def test_another_range_is_another_ask(self):
        assert PortTable("host1", locked=self.LOCKED).take("a", 11, 12) == 12

    def test_a_range_whose_free_ports_are_all_locked_is_full(self):
        with pytest.raises(NoFreePort) as error:
            PortTable("host1", locked=self.LOCKED).take("b", 11, 11)
        assert str(error.value) == (
            "host 'host1': all ports from 11 to 11 are taken; give a wider range with min and max; balancer.lock.yaml keeps 1 of them: "
            "`airflow-balancer lock prune=true` drops what nothing asks for"
        )

    def test_a_locked_port_that_is_in_use_is_an_error(self):
        table = PortTable("host1", locked=self.LOCKED)
        table.reserve([11])
        with pytest.raises(ConfigurationError) as error:
            table.take("a", 10, 12)
        assert str(error.value) == (
            "host 'host1': port 11, which balancer.lock.yaml keeps for 'a', is in use; "
            "take it out of 'ports', or run `airflow-balancer lock`"
        )


class TestHonoured:
    def test_by_a_dag_file(self, write):
        write("balancer.lock.yaml", LOCK)
        balancer = load(write("balancer.yaml", BALANCER))
        assert [balancer.free_port("host1", 9000, 9002, key=key).port for key in ("x", "dag.py#0", "b")] == [9000, 9002, 9001]

    @pytest.mark.parametrize("order", ["ab", "ba"])
    def test_by_the_path_of_a_node(self, write, order):
        write("balancer.lock.yaml", LOCK.replace("requester: b", "requester: dags.b"))
        composed = compose_file(write("config.yaml", TREE))
        assert {name: composed.resolved(("dags", name)) for name in order} == {"a": 9000, "b": 9001}

    def test_in_an_app_of_hydras_own(self, write, monkeypatch):
        write("balancer.lock.yaml", LOCK.replace("requester: b", "requester: dags.b").replace("'dag.py#0'", "dags.a"))
        folder = write("config.yaml", TREE).parent
        monkeypatch.chdir(folder)
        with initialize_config_dir(config_dir=str(folder), version_base=None):
            assert dict(compose("config").dags) == {"a": 9002, "b": 9001}

    def test_of_the_configuration_wherever_it_is_loaded_from(self, write, monkeypatch, tmp_path):
        file = write("conf/balancer.lock.yaml", LOCK)
        write("balancer.lock.yaml", "ports: 1")
        monkeypatch.chdir(tmp_path)
        source = write("conf/balancer.yaml", BALANCER)
        assert load(source).lock == load_fleet(source).settings.lock == str(file)
        assert load(source, ["default_size=3"]).lock == str(file)

    def test_of_the_tree_that_a_part_is_in(self, write):
        write("conf/config.yaml", "defaults: [extensions/balancer@extensions.balancer]\n")
        file = write("conf/balancer.lock.yaml", LOCK)
        part = write("conf/extensions/balancer.yaml", BALANCER)
        assert load_fleet(part).settings.lock == load_fleet(part, ["default_size=3"]).settings.lock == str(file)

    def test_by_a_balancer_made_in_python(self, write):
        file = write("balancer.lock.yaml", LOCK)
        balancer = BalancerConfiguration(hosts=[{"name": "host1"}], lock=str(file))
        assert balancer.free_port("host1", 9000, 9002, key="b").port == 9001

    def test_by_the_names_of_hosts_whatever_their_addresses(self, write):
        write("balancer.lock.yaml", LOCK)
        source = write("balancer.yaml", BALANCER)
        for words in ([], ["+host_overrides.host1.address=10.0.0.5"], ["+host_overrides.host1.address=host2"]):
            balancer = load(source, words)
            assert [balancer.free_port("host1", 9000, 9002, key=key).port for key in ("x", "dag.py#0", "b")] == [9000, 9002, 9001]

    def test_a_file_that_is_not_there_yet_keeps_nothing(self, write):
        balancer = load(write("balancer.yaml", BALANCER))
        without = load(write("without.yaml", BALANCER.partition("\n")[2]))
        assert balancer.free_port("host1", key="a").port == without.free_port("host1", key="a").port

    def test_what_another_node_asks_for_wrongly_is_that_nodes_error(self, write):
        write("balancer.lock.yaml", LOCK.replace("requester: b", "requester: dags.b"))
        composed = compose_file(write("config.yaml", TREE.replace("port: 8080", "port: 9001")))
        assert composed.resolved(("dags", "a")) == 9000
        with pytest.raises(ConfigurationError, match=r"dags\.b: \$\{balancer\.free_port:.*keeps for 'dags\.b', is in use"):
            composed.resolved(("dags", "b"))

    def test_the_command_line_gives_no_port_that_is_kept(self, cli, write):
        write("balancer.lock.yaml", LOCK)
        write("balancer.yaml", BALANCER)
        words = ("port", "balancer.yaml", "query.name=host1", "query.min=9000", "query.max=9002")
        assert cli(*words).stdout == "host1:9000\n"
        assert cli(*words, "query.key=b").stdout == "host1:9001\n"


def test_a_lock_file_is_named_by_a_text(write):
    source = write("balancer.yaml", "lock: 3\nhosts: []\n")
    with pytest.raises(ConfigurationError) as error:
        load_fleet(source)
    assert str(error.value) == f"{source}: key 'lock' must be the path of a YAML file, such as balancer.lock.yaml, not 3"
