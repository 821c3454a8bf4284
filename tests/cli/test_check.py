"""`airflow-balancer check`, against SSH servers on loopback: what it says of a host."""

from __future__ import annotations

import doctest
import fcntl
import json
import os
import platform
import shutil
import socket
import subprocess
from getpass import getuser

import pytest

from airflow_balancer.cli import host_keys
from airflow_balancer.ssh import host_facts
from examples.demo.openssh_hosts import OpenSshHosts, find_sshd
from tests.cli.machines import ADDRESS, PASSWORD, PYTHON, findings, say

pytestmark = pytest.mark.thorough

DISTRIBUTION = platform.freedesktop_os_release()
SYSTEM = " ".join(filter(None, (DISTRIBUTION["ID"], DISTRIBUTION.get("VERSION_ID"))))


def test_a_host_as_configured_is_told_whole(check, machine):
    ports = [{"host": "ws1", "port": machine.port, "name": "ssh"}, {"host": "ws1", "port": 1}]
    with machine.held(0, "2026-11-25T19:00:00Z 77 etl.extract"):
        code, report = check({"ws1": machine.host(os=DISTRIBUTION["ID"], size=8)}, ports=ports)
    seconds = report["hosts"][0].pop("seconds")
    assert 0 < seconds < 10
    assert (code, report) == (
        0,
        {
            "hosts": [
                {
                    "name": "ws1",
                    "address": ADDRESS,
                    "host_key": "known",
                    "username": getuser(),
                    "login": "ok",
                    "os": SYSTEM,
                    "cores": 8,
                    "size": 8,
                    "taken": 1,
                    "locks": "flock (util-linux)",
                    "drain": None,
                }
            ],
            "slots": [{"host": "ws1", "slot": 0, "since": "2026-11-25T19:00:00Z", "pid": 77, "holder": "etl.extract"}],
            "ports": [
                {"host": "ws1", "port": 1, "name": "", "state": "silent"},
                {"host": "ws1", "port": machine.port, "name": "ssh", "state": "listens"},
            ],
            "findings": [],
            "differs": False,
        },
    )


def test_the_table_has_no_row_without_need(cli, write, machine):
    write("balancer.yaml", json.dumps({"hosts": {"ws1": machine.host()}}))
    printed = cli("check", "balancer.yaml").stdout.splitlines()
    assert (printed[0], len(printed), printed[-1]) == ("hosts (1)", 7, "1 as configured, 0 differ")


def test_a_query_limits_the_hosts_and_their_ports(check, machine):
    ports = [{"host": "ws1", "port": 1}, {"host": "ws2", "port": 2}]
    _, report = check({"ws1": machine.host(), "ws2": machine.host()}, "query.name=ws2", ports=ports)
    assert ([row["name"] for row in report["hosts"]], [row["port"] for row in report["ports"]]) == (["ws2"], [2])


def test_a_dead_port_is_a_difference_of_its_host_alone(check, machine):
    with socket.create_server((ADDRESS, 0)) as server:
        port = server.getsockname()[1]
    code, report = check({"ws1": machine.host(), "ws2": machine.host(ssh_hook_args={"port": port})})
    assert (code, report["findings"]) == (
        3,
        [{"host": "ws2", "finding": "differs", "text": f"cannot be reached at {ADDRESS} port {port}: Connection refused"}],
    )
    assert [(row["login"], row["seconds"] is None) for row in report["hosts"]] == [("ok", False), ("", True)]


class TestSlots:
    """Who holds what on a host, by the locks on its files."""

    @pytest.mark.parametrize(
        ("tool", "install"),
        [
            ("flock (util-linux)", {}),
            ("flock (busybox)", {"flock": 'if [ "$1" = -V ]; then echo "BusyBox v1"; else exec {flock} "$@"; fi'}),
            ("perl", {"flock": None, "perl": 'exec {perl} "$@"'}),
            ("python3", {"flock": None, "python3": PYTHON}),
        ],
        ids=["util-linux", "busybox", "perl", "python3"],
    )
    def test_a_held_slot_is_seen_with_each_tool_and_a_free_one_is_not(self, check, machine, tool, install):
        for name, text in install.items():
            (machine.bin / name).unlink(missing_ok=True)
            if text:
                machine.install(name, text.format(flock=shutil.which("flock"), perl=shutil.which("perl")))
        with machine.held(0, "2026-11-25T19:00:00Z 1 etl.load"), machine.held(11, "by hand"):
            pass
        with machine.held(2, "2026-11-25T19:00:00Z 77 etl.extract"), machine.held(10, "by hand"):
            code, report = check({"ws1": machine.host()})
        assert (code, report["hosts"][0]["locks"], report["hosts"][0]["taken"]) == (0, tool, 2)
        assert [(row["slot"], row["since"], row["holder"], row["pid"]) for row in report["slots"]] == [
            (2, "2026-11-25T19:00:00Z", "etl.extract", 77),
            (10, "", "by hand", None),
        ]

    def test_a_check_keeps_no_lock_and_creates_nothing(self, check, machine):
        check({"ws1": machine.host()})
        assert list(machine.home.iterdir()) == []
        with machine.held(0, "one"):
            check({"ws1": machine.host()})
        check({"ws1": machine.host()})
        with machine.held(0, "two"):  # blocks where the check still holds it
            pass
        assert list(machine.slots.iterdir()) == [machine.slots / "0"]

    def test_more_than_the_size_differ(self, check, machine):
        with machine.held(0, "a"), machine.held(4, "b"):
            code, report = check({"ws1": machine.host(size=1), "ws2": machine.host(size=2)})
        assert (code, findings(report)) == (3, [("differs", "2 slots are taken, more than its size 1")])

    def test_a_host_where_nothing_holds_locks_is_warned_of(self, check, machine):
        (machine.bin / "flock").unlink()
        code, report = check({"ws1": machine.host()})
        text = "nothing there holds locks; install flock (util-linux or busybox), perl or python3"
        assert (code, findings(report), report["hosts"][0]["taken"]) == (0, [("warning", text)], None)

    def test_it_differs_if_it_is_to_hold_slots(self, check, machine):
        (machine.bin / "flock").unlink()
        text = "it is to hold slots, and nothing there holds locks; install flock (util-linux or busybox), perl or python3"
        code, report = check({"ws1": machine.host(hold_slots=True)})
        assert (code, findings(report)) == (3, [("differs", text)])

    def test_slots_are_looked_for_in_the_hosts_slot_dir(self, check, machine):
        with machine.held(0, "a"):
            _, elsewhere = check({"ws1": machine.host(slot_dir="~/others")})
            _, there = check({"ws1": machine.host(slot_dir=f"~/{machine.slots.relative_to(machine.home)}")})
        assert (elsewhere["hosts"][0]["taken"], there["hosts"][0]["taken"]) == (0, 1)

    def test_what_is_no_slot_is_left_alone(self, check, machine):
        machine.slots.mkdir(parents=True)
        os.mkfifo(machine.slots / "1")
        (machine.slots / "2").symlink_to("x4")
        (machine.slots / "3").mkdir()
        (machine.slots / "x4").write_text("")
        with (machine.slots / "x4").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            code, report = check({"ws1": machine.host()})
        assert (code, report["slots"]) == (0, [])

    @pytest.mark.parametrize("text", ["disk is full, back on Monday", ""], ids=["a reason", "no reason"])
    def test_a_drain_file_differs_unless_the_configuration_drains_the_host(self, check, machine, text):
        machine.slots.mkdir(parents=True)
        (machine.slots / "drain").write_text(f"{text}\nmore")
        code, report = check({"ws1": machine.host(), "ws2": machine.host(drain=True)})
        found = {"host": "ws1", "finding": "differs", "text": f"file `drain` in its slot folder takes it out: {text or '(no reason)'}"}
        assert (code, report["findings"]) == (3, [found])
        assert [row["drain"] for row in report["hosts"]] == [text, text]
        assert check({"ws2": machine.host(drain=True)})[0] == 0

    def test_what_may_not_be_read_is_a_warning(self, check, machines):
        machine = machines.make(lambda session: say(session, b"::tool perl\n::closed\n::unread 3\n::unread 1\n::end\n"))
        code, report = check({"ws1": machine.host()})
        texts = ["its slot folder may not be read by this user", "the files of slots 1, 3 may not be read by this user"]
        assert (code, findings(report)) == (0, [("warning", text) for text in texts])


def test_a_port_that_is_only_connected_does_not_listen(check, machine):
    with socket.create_server((ADDRESS, 0)) as server, socket.create_connection(server.getsockname()) as client:
        numbers = [server.getsockname()[1], client.getsockname()[1]]
        _, report = check({"ws1": machine.host()}, ports=[{"host": "ws1", "port": number} for number in numbers])
    assert {row["port"]: row["state"] for row in report["ports"]} == dict(zip(numbers, ["listens", "silent"], strict=True))


NETSTAT = {
    "macOS": "tcp46      0      0  *.8080                 *.*                    LISTEN\n"
    "tcp4       0      0  127.0.0.1.5432         *.*                    LISTEN\n"
    "tcp4       0      0  10.0.0.5.9000          10.0.0.6.22            ESTABLISHED\n",
    "Linux": "tcp        0      0 0.0.0.0:8080            0.0.0.0:*               LISTEN\n"
    "tcp6       0      0 ::1:5432                :::*                    LISTEN     \n"
    "tcp        0      0 10.0.0.5:9000           10.0.0.6:22             ESTABLISHED\n",
}


@pytest.mark.parametrize("output", NETSTAT.values(), ids=NETSTAT)
def test_without_proc_netstat_says_which_ports_listen(machine, output):
    machine.install("netstat", f"cat <<'END'\n{output}END")
    script = host_facts.script("/nowhere").replace("/proc/net/", "/nowhere/")
    answer = subprocess.run(["/bin/sh", "-s"], input=script.encode(), env={"PATH": str(machine.bin)}, capture_output=True, check=True)
    facts = host_facts.Facts.read(answer.stdout)
    assert (facts.counted, facts.ports) == (True, {8080, 5432})


def test_another_system_differs(check, machine):
    machine.install("uname", "echo Darwin")
    code, report = check({"ws1": machine.host(os="plan9"), "ws2": machine.host(os=DISTRIBUTION["ID"].upper())})
    assert (code, report["findings"]) == (3, [{"host": "ws1", "finding": "differs", "text": f"its system is {SYSTEM}, not plan9"}])


def test_a_size_above_the_cores_is_a_warning(check, machine):
    code, report = check({"ws1": machine.host(size=9)})
    assert (code, findings(report)) == (0, [("warning", "its size 9 is above its number of cores, 8")])


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_no_secret_is_printed_even_where_the_host_tells_it(cli, write, machine, output):
    machine.slots.mkdir(parents=True)
    secrets = {"password": PASSWORD, "ssh_hook_args": {"port": machine.port, "private_key_passphrase": "another-secret"}}
    (machine.slots / "drain").write_text(f"{PASSWORD} and another-secret")
    hosts = {"ws1": {**machine.host(key_file=None), **secrets}, "ws2": machine.host(password={"key": "ws2"})}
    write("balancer.yaml", json.dumps({"hosts": hosts}))
    answer = cli("check", "balancer.yaml", f"output={output}", AIRFLOW_VAR_WS2=PASSWORD)
    assert "**********" in answer.stdout
    assert [secret for secret in (PASSWORD, "another-secret") if secret in answer.stdout + answer.stderr] == []


def test_without_asyncssh_one_line_says_what_to_install(python, write):
    write("balancer.yaml", "hosts: [{name: ws1}]")
    result = python(
        "import sys; sys.modules['asyncssh'] = None; from airflow_balancer.cli import main\n"
        "sys.argv = ['airflow-balancer', 'check', 'balancer.yaml']; main()"
    )
    said = "airflow-balancer: `check` connects with asyncssh: pip install 'airflow-balancer[check]'\n"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", said)


def test_neither_airflow_nor_its_providers_are_loaded(python, write, machine):
    write("balancer.yaml", json.dumps({"hosts": {"ws1": machine.host()}}))
    result = python(
        "import sys; from airflow_balancer.cli import main\n"
        "sys.argv = ['airflow-balancer', 'check', 'balancer.yaml']\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code)\n"
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in ('airflow', 'airflow_config', 'airflow_pydantic', 'paramiko')))"
    )
    assert result.stdout.splitlines()[-2:] == ["0", "[]"]


@pytest.mark.skipif(find_sshd() is None, reason="sshd is not installed: apt-get install openssh-server")
def test_openssh_is_asked_as_any_server_is(check, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with OpenSshHosts(("127.0.0.2", "127.0.0.3"), tmp_path) as servers:
        hosts = {f"ws{n}": {"address": s.address, "username": s.username, "ssh_hook_args": {"port": s.port}} for n, s in enumerate(servers)}
        code, report = check(hosts, ports=[{"host": "ws0", "port": servers[0].port}])
    assert (code, report["ports"]) == (0, [{"host": "ws0", "port": servers[0].port, "name": "", "state": "listens"}])
    assert [(row["host_key"], row["login"], row["os"]) for row in report["hosts"]] == [("known", "ok", SYSTEM)] * 2


def test_a_line_of_a_host_is_cut_after_320_characters():
    assert [len(host_facts.printable("a" * length)) for length in (320, 321)] == [320, 320]


@pytest.mark.parametrize("module", [host_facts, host_keys])
def test_the_examples_in_the_docstrings_are_right(module):
    assert doctest.testmod(module).failed == 0
