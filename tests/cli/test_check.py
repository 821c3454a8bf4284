"""`airflow-balancer check`, against SSH servers on loopback."""

from __future__ import annotations

import asyncio
import doctest
import fcntl
import json
import os
import platform
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from getpass import getuser
from pathlib import Path

import asyncssh
import pytest

from airflow_balancer.cli import host_facts, host_keys
from airflow_balancer.cli.probe import AT_ONCE, MOST_BYTES
from examples.demo.openssh_hosts import OpenSshHosts, find_sshd
from tests.airflow.ssh import wordless_server
from tests.cli.machines import ADDRESS, PASSWORD, PYTHON, Machine, Machines
from tests.conftest import HAS_AIRFLOW

DISTRIBUTION = platform.freedesktop_os_release()
SYSTEM = " ".join(filter(None, (DISTRIBUTION["ID"], DISTRIBUTION.get("VERSION_ID"))))
PROGRAM = str(Path(sys.executable).with_name("airflow-balancer"))


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    """Machines whose host keys are known, and a user who has a key and no agent."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    made = Machines(tmp_path / "user")
    # The hosts name the key: it is found nowhere else.
    made.keys.client = made.keys.client.rename(tmp_path / "key")
    yield made
    made.close()


@pytest.fixture
def machine(machines: Machines) -> Machine:
    return machines.make()


@pytest.fixture
def check(cli, write):
    """Check hosts, and return the exit code and the report."""

    def run(hosts, *words, ports=(), **environment):
        write("balancer.yaml", json.dumps({"hosts": hosts, "ports": list(ports)}))
        answer = cli("check", "balancer.yaml", *words, "output=json", **environment)
        assert answer.stderr == ""
        return answer.returncode, json.loads(answer.stdout)

    return run


def findings(report):
    return [(row["finding"], row["text"]) for row in report["findings"]]


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


class TestHostKey:
    """As SSHHook takes it: known, or accepted on demand; a host that shows another one gets no login."""

    CHANGED = ("differs", "its host key is not the one in ~/.ssh/known_hosts")
    UNKNOWN = ("differs", "its host key is not in ~/.ssh/known_hosts")

    @staticmethod
    def change(machines, machine):
        """Make another key known in place of the machine's; return that one."""
        known = machines.keys.directory / "known_hosts"
        key = " ".join(known.read_text().split()[1:3])
        machines.forget()
        machines.keys.new_host_key(ADDRESS, machine.port)
        return key

    def test_an_unknown_one_is_refused(self, check, machines, machine):
        machines.forget()
        code, report = check({"ws1": machine.host()})
        assert (code, findings(report)) == (3, [self.UNKNOWN])
        assert (report["hosts"][0]["host_key"], report["hosts"][0]["login"]) == ("unknown", "")

    def test_an_unknown_one_is_accepted_on_demand(self, check, machines, machine):
        machines.forget()
        code, report = check({"ws1": machine.host(ssh_hook_args={"no_host_key_check": True})})
        assert (code, report["hosts"][0]["host_key"], report["hosts"][0]["login"]) == (0, "unknown", "ok")

    @pytest.mark.parametrize("arguments", [{}, {"no_host_key_check": True}], ids=["checked", "not checked"])
    def test_a_changed_one_is_refused(self, check, machines, machine, arguments):
        self.change(machines, machine)
        code, report = check({"ws1": machine.host(ssh_hook_args=arguments)})
        assert (code, findings(report)) == (3, [self.CHANGED])
        assert (report["hosts"][0]["host_key"], report["hosts"][0]["login"]) == ("changed", "")

    def test_a_changed_one_is_accepted_on_demand(self, check, machines, machine):
        self.change(machines, machine)
        code, report = check({"ws1": machine.host(ssh_hook_args={"allow_host_key_change": True})})
        assert (code, report["hosts"][0]["host_key"], report["hosts"][0]["login"]) == (0, "changed", "ok")

    def test_one_that_the_configuration_gives_is_known(self, check, machines, machine):
        key = self.change(machines, machine)
        machines.forget()
        code, report = check({"ws1": machine.host(ssh_hook_args={"host_key": key})})
        assert (code, report["hosts"][0]["host_key"]) == (0, "known")

    def test_one_that_differs_from_the_configuration_is_refused(self, check, machines, machine):
        machines.forget()
        _, report = check({"ws1": machine.host(ssh_hook_args={"host_key": "ssh-ed25519 AAAA"})})
        assert findings(report) == [("differs", "its host key is not the one in host_key")]

    def test_the_one_of_several_that_is_known_is_asked_for(self, check, machines, machine):
        (machines.keys.directory / "known_hosts").write_text(f"[{ADDRESS}]:{machine.port} {machine.other_key}\n")
        code, report = check({"ws1": machine.host()})
        assert (code, report["hosts"][0]["host_key"]) == (0, "known")

    def test_a_hashed_name_is_known(self, check, machines, machine):
        known = machines.keys.directory / "known_hosts"
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
        assert "127.0.0.1" not in known.read_text()
        assert check({"ws1": machine.host()})[0] == 0

    def test_no_password_goes_to_a_host_that_shows_another_one(self, check, machines, machine, monkeypatch):
        tried = []
        monkeypatch.setattr("tests.cli.machines._Server.begin_auth", lambda self, username: tried.append(username) or True)
        self.change(machines, machine)
        check({"ws1": machine.host(password=PASSWORD)})
        assert tried == []


OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
KNOWN_HOSTS = {
    "nothing": "",
    "the key": "{name} {key}",
    "the key, after tabs": "{name}\t{key}",
    "the key among garbage": "x\n\n# y\n{name} ssh-rsa\n{name} ssh-ed25519 %%\n{name} {key}",
    "the key without a port": "127.0.0.1 {key}",
    "the key for a pattern": "[127.0.0.*]:{port} {key}",
    "the key among names": "ws9,{name} {key}",
    "a marker before the key": "@cert-authority x {key}\n{name} {key}",
    "two spaces before the key": "x  {key}\n{name} {key}",
    "another key": "{name} ssh-ed25519 " + OTHER,
    "another key before it": "{name} ssh-ed25519 " + OTHER + "\n{name} {key}",
    "another key after it": "{name} {key}\n{name} ssh-ed25519 " + OTHER,
    "a key of another type": "{name} ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7o"
    "pKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=",
}


def connects(host):
    """Whether SSHHook connects to a host, or what it fails with."""
    from airflow_balancer import Host

    host["ssh_hook_args"] |= {"conn_retry_attempts": 1}
    try:
        Host(name="ws1", size=1, **host).hook().get_conn().close()
    except Exception as error:
        return f"{type(error).__name__} {error}"
    return True


@pytest.mark.skipif(not HAS_AIRFLOW, reason="Airflow is not installed")
class TestAsSSHHook:
    """It differs exactly where SSHHook does not connect."""

    @pytest.mark.parametrize("no_host_key_check", [False, True], ids=["checked", "not checked"])
    @pytest.mark.parametrize("known_hosts", KNOWN_HOSTS.values(), ids=KNOWN_HOSTS)
    def test_it_knows_the_same_host_keys(self, check, machines, machine, known_hosts, no_host_key_check):
        known = machines.keys.directory / "known_hosts"
        name, _, key = known.read_text().strip().partition(" ")
        text = known_hosts.format(name=name, port=machine.port, key=" ".join(key.split()[:2]))
        known.write_text(f"{text}\n")
        host = machine.host(ssh_hook_args={"no_host_key_check": no_host_key_check})
        _, report = check({"ws1": host})
        assert known.read_text() == f"{text}\n"
        assert report["differs"] == ((found := connects(host)) is not True), (found, findings(report))

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"key_file": None},
            {"key_file": "/nowhere"},
            {"key_file": "~/key"},
            {"key_file": None, "password": PASSWORD},
            {"password": f" {PASSWORD}\n"},
            {"key_file": None, "password": "wrong"},
            {"password": "wrong"},
            {"key_file": "/nowhere", "password": PASSWORD},
            {"key_file": "/nowhere", "ssh_hook_args": {"key_file": "/nowhere"}},
            {"key_file": None, "ssh_hook_args": {"key_file": "/nowhere"}},
        ],
        ids=lambda changes: ", ".join(f"{key} {value}" for key, value in changes.items()) or "key file",
    )
    @pytest.mark.parametrize("at_home", [False, True], ids=["no key at home", "a key at home"])
    def test_it_logs_in_with_the_same(self, check, machines, machine, changes, at_home):
        shutil.copy(machines.keys.client, Path.home() / "key")
        if at_home:
            shutil.copy(machines.keys.client, machines.keys.directory / "id_ed25519")
        host = machine.host(**changes)
        _, report = check({"ws1": host})
        assert report["differs"] == ((found := connects(host)) is not True), (found, findings(report))


class TestLogin:
    """As SSHHook logs in."""

    def test_a_wrong_key_is_refused(self, check, machine, tmp_path):
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
        code, report = check({"ws1": machine.host(key_file=str(tmp_path / "other"))})
        assert (code, findings(report)) == (3, [("differs", f"refuses the login of {getuser()!r} by key file")])
        assert (report["hosts"][0]["host_key"], report["hosts"][0]["login"]) == ("known", "refused")

    def test_a_key_in_the_home_is_found(self, check, machines, machine):
        shutil.copy(machines.keys.client, machines.keys.directory / "id_ed25519")
        assert check({"ws1": machine.host(key_file=None)})[0] == 0

    def test_an_agents_key_is_taken(self, check, machines, machine, tmp_path):
        socket_file = f"/tmp/agent-{os.getpid()}"  # short enough for a socket's path, wherever the tests' folder is
        agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket_file], stdout=subprocess.DEVNULL)
        try:
            add = ["ssh-add", "-q", str(machines.keys.client)]
            environ = {**os.environ, "SSH_AUTH_SOCK": socket_file}
            deadline = time.monotonic() + 30
            while subprocess.run(add, env=environ, capture_output=True, check=False).returncode and time.monotonic() < deadline:
                time.sleep(0.05)
            assert check({"ws1": machine.host(key_file=None)}, SSH_AUTH_SOCK=socket_file)[0] == 0
        finally:
            agent.terminate()
            agent.wait()

    @pytest.mark.parametrize(
        ("key_file", "text"),
        [
            ("/nowhere", "key file '/nowhere' cannot be read: No such file or directory"),
            ("~/key", "key file '~/key' is no path to SSHHook, which does not know ~; write the whole path"),
        ],
    )
    def test_a_key_that_cannot_be_read_is_named(self, check, machines, machine, key_file, text):
        shutil.copy(machines.keys.client, Path.home() / "key")
        code, report = check({"ws1": machine.host(key_file=key_file)})
        assert (code, findings(report)) == (3, [("differs", f"refuses the login of {getuser()!r} by key file"), ("differs", text)])

    def test_a_password_is_taken(self, check, machine):
        assert check({"ws1": machine.host(key_file=None, password=PASSWORD)})[0] == 0

    @pytest.mark.parametrize("value", [PASSWORD, json.dumps({"password": PASSWORD})], ids=["plain", "json"])
    def test_a_variable_is_read_from_the_environment(self, check, machine, value):
        assert check({"ws1": machine.host(password={"key": "ws1_password"})}, AIRFLOW_VAR_WS1_PASSWORD=value)[0] == 0

    def test_a_variable_that_is_not_there_is_named(self, check, machine):
        code, report = check({"ws1": machine.host(password={"key": "ws1_password"})})
        lacks = "its password is Airflow Variable 'ws1_password'; it is read from AIRFLOW_VAR_WS1_PASSWORD, which is not set"
        assert (code, findings(report)) == (
            3,
            [("differs", f"refuses the login of {getuser()!r} by variable ws1_password"), ("differs", lacks)],
        )

    @pytest.mark.parametrize("where", ["arguments", "ssh config"])
    def test_a_proxy_command_is_gone_through(self, check, machines, machine, tmp_path, where):
        relay = tmp_path / "relay"
        relay.write_text(
            f"#!{sys.executable}\n"
            "import os, socket, sys, threading\n"
            f"server = socket.create_connection(({ADDRESS!r}, {machine.port}))\n"
            "def up():\n"
            "    while data := os.read(0, 9999): server.sendall(data)\n"
            "threading.Thread(target=up, daemon=True).start()\n"
            "while data := server.recv(9999): os.write(1, data)\n"
        )
        relay.chmod(0o755)
        if where == "ssh config":
            (machines.keys.directory / "config").write_text(f"Host elsewhere.example\n  ProxyCommand {relay} %h\n")
        arguments = {"host_proxy_cmd": f"{relay} x"} if where == "arguments" else {}
        host = machine.host(address="elsewhere.example", ssh_hook_args={**arguments, "no_host_key_check": True})
        assert check({"ws1": host})[0] == 0

    def test_ssh_config_leads_nowhere_else(self, check, machines, machine):
        (machines.keys.directory / "config").write_text("Host *\n  User nobody\n  HostName nowhere.invalid\n  Port 1\n")
        assert check({"ws1": machine.host()})[0] == 0


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

    def test_what_is_no_slot_is_left_alone(self, check, machine):
        machine.slots.mkdir(parents=True)
        os.mkfifo(machine.slots / "1")
        (machine.slots / "2").symlink_to("/etc/passwd")
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
        machine = machines.make(lambda session: _say(session, b"::tool perl\n::closed\n::unread 3\n::unread 1\n::end\n"))
        code, report = check({"ws1": machine.host()})
        texts = ["its slot folder may not be read by this user", "the files of slots 1, 3 may not be read by this user"]
        assert (code, findings(report)) == (0, [("warning", text) for text in texts])


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


async def _say(session: asyncssh.SSHServerProcess[bytes], data: bytes) -> None:
    session.stdout.write(data)
    session.exit(0)


async def _be_silent(session: asyncssh.SSHServerProcess[bytes]) -> None:
    await asyncio.sleep(600)


class Endless:
    """Answers for ever; counts the bytes that are taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self, session: asyncssh.SSHServerProcess[bytes]) -> None:
        while not session.is_closing():
            session.stdout.write(b"::slot 1 x\n" * 9999)
            await session.stdout.drain()
            self.taken += 9999 * 11


async def _hang_up(session: asyncssh.SSHServerProcess[bytes]) -> None:
    session.channel.get_connection().abort()


NONSENSE = b"::cores 9" * 99 + b"\n::slot 99999 x\n::slot -1\n::hex zz\n::port 4.5\n::cores " + b"9" * 9999


class TestHostileHost:
    """Whatever a host answers is a row, after a bounded time and number of bytes."""

    CUT = f"does not answer as a POSIX shell does, in 1 s and {MOST_BYTES // 1024} KiB"

    @pytest.mark.parametrize(
        "answers",
        [lambda session: _say(session, b"\x1b[2J\x00\xff" * 999), lambda session: _say(session, NONSENSE), _be_silent],
        ids=["garbage", "nonsense", "silence"],
    )
    def test_its_answer_is_a_difference(self, check, machines, answers):
        machine = machines.make(answers)
        code, report = check({"ws1": machine.host(), "ws2": machines.make().host()}, "timeout=1")
        assert (code, report["findings"]) == (3, [{"host": "ws1", "finding": "differs", "text": self.CUT}])

    def test_no_more_of_its_answer_is_taken_than_a_windowful(self, check, machines):
        endless = Endless()
        code, report = check({"ws1": machines.make(endless).host()}, "timeout=1")
        assert (code, findings(report)) == (3, [("differs", self.CUT)])
        assert 0 < endless.taken < MOST_BYTES + 4 * 2**20  # asyncssh's window is 2 MiB

    def test_its_hanging_up_after_the_login_is_a_difference(self, check, machines):
        code, report = check({"ws1": machines.make(_hang_up).host()})
        [finding] = report["findings"]
        assert (code, finding["text"].partition(":")[0], report["hosts"][0]["login"]) == (3, "runs no command", "ok")

    @pytest.mark.parametrize("hangs_up", [True, False], ids=["hang-up", "silence"])
    def test_its_silence_before_the_login_is_a_difference(self, check, machine, hangs_up):
        with wordless_server(ADDRESS, hangs_up=hangs_up) as port:
            code, report = check({"ws1": machine.host(ssh_hook_args={"port": port})}, "timeout=1")
        # The kernel decides whether a connection is lost or reset.
        [(kind, text)] = findings(report)
        assert (code, kind, text.rpartition(": ")[0]) == (3, "differs", f"cannot be reached at {ADDRESS} port {port}")
        assert hangs_up or text.endswith(": no answer in time")

    def test_what_a_terminal_would_obey_is_not_printed(self, cli, write, machine):
        machine.slots.mkdir(parents=True)
        (machine.slots / "drain").write_bytes(b"\x1b]0;owned\x07 [red]text\x9b2J\r\xff")
        write("balancer.yaml", json.dumps({"hosts": {"ws1": machine.host()}}))
        printed = cli("check", "balancer.yaml").stdout
        assert "]0;owned [red]text" in printed
        assert [sign for sign in printed if not sign.isprintable() and sign != "\n"] == []


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_no_secret_is_printed_even_where_the_host_tells_it(cli, write, machine, output):
    machine.slots.mkdir(parents=True)
    secrets = {"password": PASSWORD, "ssh_hook_args": {"port": machine.port, "password": "another-secret"}}
    (machine.slots / "drain").write_text(f"{PASSWORD} and another-secret")
    hosts = {"ws1": {**machine.host(key_file=None), **secrets}, "ws2": machine.host(password={"key": "ws2"})}
    write("balancer.yaml", json.dumps({"hosts": hosts}))
    answer = cli("check", "balancer.yaml", f"output={output}", AIRFLOW_VAR_WS2=PASSWORD)
    assert "**********" in answer.stdout
    assert [secret for secret in (PASSWORD, "another-secret") if secret in answer.stdout + answer.stderr] == []


class Gate:
    """Sessions that are answered once a number of them has come; counts how many there are at once."""

    def __init__(self, wanted: int) -> None:
        self.most = self.now = 0
        self._wanted = wanted

    async def __call__(self, session: asyncssh.SSHServerProcess[bytes]) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        while self.most < self._wanted:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        self.now -= 1
        await _say(session, b"::end\n")


def test_twenty_hosts_are_asked_at_once(check, machines):
    gate = Gate(20)
    machine = machines.make(gate)
    # Each of them is answered only while all others wait, too.
    code, report = check({f"ws{n}": machine.host() for n in range(20)})
    assert (code, gate.most, len(report["hosts"])) == (0, 20, 20)


def test_no_more_hosts_are_asked_at_once_than_are_meant(check, machines):
    gate = Gate(AT_ONCE)
    machine = machines.make(gate)
    code, _ = check({f"ws{n}": machine.host() for n in range(AT_ONCE + 8)})
    assert (code, gate.most) == (0, AT_ONCE)


@pytest.mark.parametrize(("given", "code"), [("0", 2), ("-1", 2), ("soon", 2), ("2", 0)])
def test_a_timeout_is_a_number_of_seconds(cli, write, machine, given, code):
    write("balancer.yaml", json.dumps({"hosts": {"ws1": machine.host()}}))
    answer = cli("check", "balancer.yaml", f"timeout={given}")
    assert answer.returncode == code
    assert (answer.stderr == "") == (code == 0)


def test_the_hosts_own_timeout_is_the_default(check, machines):
    machine = machines.make(_be_silent)
    _, report = check({"ws1": machine.host(ssh_hook_args={"conn_timeout": 1})})
    assert findings(report) == [("differs", TestHostileHost.CUT)]


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


@pytest.fixture
def terminal(tmp_path, write):
    """Start a check whose stderr is a terminal; returns the process and what it wrote there."""
    master, slave = pty.openpty()
    started = []

    def start(hosts, *words):
        write("balancer.yaml", json.dumps({"hosts": hosts}))
        command = [PROGRAM, "check", "balancer.yaml", "output=json", *words]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=slave, env={**os.environ, "TERM": "xterm"})
        started.append(process)
        return process

    yield start, lambda: os.read(master, 65536).decode()
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
    os.close(slave)
    os.close(master)


def test_a_terminal_sees_a_progress_bar_beside_the_answer(terminal, machine):
    start, seen = terminal
    process = start({"ws1": machine.host()})
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, json.loads(output)["differs"]) == (0, False)
    assert "hosts" in seen()


def test_ctrl_c_ends_it_without_an_answer(terminal, machines):
    start, seen = terminal
    gate = Gate(2)
    process = start({"ws1": machines.make(gate).host()})
    deadline = time.monotonic() + 60
    while not gate.now and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, b"")
    assert "Traceback" not in seen()


@pytest.mark.skipif(find_sshd() is None, reason="sshd is not installed: apt-get install openssh-server")
def test_openssh_is_asked_as_any_server_is(check, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with OpenSshHosts(("127.0.0.2", "127.0.0.3"), tmp_path) as servers:
        hosts = {f"ws{n}": {"address": s.address, "username": s.username, "ssh_hook_args": {"port": s.port}} for n, s in enumerate(servers)}
        code, report = check(hosts, ports=[{"host": "ws0", "port": servers[0].port}])
    assert (code, report["ports"]) == (0, [{"host": "ws0", "port": servers[0].port, "name": "", "state": "listens"}])
    assert [(row["host_key"], row["login"], row["os"]) for row in report["hosts"]] == [("known", "ok", SYSTEM)] * 2


@pytest.mark.parametrize("module", [host_facts, host_keys])
def test_the_examples_in_the_docstrings_are_right(module):
    assert doctest.testmod(module).failed == 0
