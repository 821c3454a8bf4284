"""`airflow-balancer check`: many hosts at once, hostile ones, and a person at a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest

from airflow_balancer.cli.probe import AT_ONCE, MOST_BYTES
from tests.airflow.ssh import wordless_server
from tests.cli.machines import ADDRESS, Endless, Gate, be_silent, findings, hang_up, say

pytestmark = pytest.mark.thorough

PROGRAM = str(Path(sys.executable).with_name("airflow-balancer"))


NONSENSE = b"::cores 9" * 99 + b"\n::slot 999999999 x\n::slot -1\n::hex zz\n::port 4.5\n::cores " + b"9" * 9999


class TestHostileHost:
    """Whatever a host answers is a row, after a bounded time and number of bytes."""

    CUT = f"does not answer as a POSIX shell does, in 1 s and {MOST_BYTES // 1024} KiB"

    @pytest.mark.parametrize(
        "answers",
        [lambda session: say(session, b"\x1b[2J\x00\xff" * 999), lambda session: say(session, NONSENSE), be_silent],
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
        code, report = check({"ws1": machines.make(hang_up).host()})
        [finding] = report["findings"]
        assert (code, finding["text"].partition(":")[0], report["hosts"][0]["login"]) == (3, "runs no command", "ok")

    @pytest.mark.slow
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


def test_the_connection_to_a_host_is_closed_while_others_are_asked(check, machines):
    left = Event()

    async def answer(session):
        await say(session, b"::tool perl\n::end\n")
        await session.channel.get_connection().wait_closed()
        left.set()

    async def answer_later(session):
        while not left.is_set():
            await asyncio.sleep(0.01)
        await say(session, b"::tool perl\n::end\n")

    hosts = {"ws1": machines.make(answer).host(), "ws2": machines.make(answer_later).host()}
    code, report = check(hosts, "timeout=20")
    assert (code, findings(report)) == (0, [])


@pytest.mark.parametrize(("given", "code"), [("0", 2), ("-1", 2), ("soon", 2), ("2", 0)])
def test_a_timeout_is_a_number_of_seconds(cli, write, machine, given, code):
    write("balancer.yaml", json.dumps({"hosts": {"ws1": machine.host()}}))
    answer = cli("check", "balancer.yaml", f"timeout={given}")
    assert answer.returncode == code
    assert (answer.stderr == "") == (code == 0)


@pytest.mark.slow
def test_the_hosts_own_timeout_is_the_default(check, machines):
    machine = machines.make(be_silent)
    _, report = check({"ws1": machine.host(ssh_hook_args={"conn_timeout": 1})})
    assert findings(report) == [("differs", TestHostileHost.CUT)]


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

    yield start, lambda: os.read(master, 65536).decode() if select.select([master], [], [], 0)[0] else ""
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
    os.close(slave)
    os.close(master)


@pytest.mark.slow
def test_a_terminal_sees_a_progress_bar_beside_the_answer(terminal, machine):
    start, seen = terminal
    process = start({"ws1": machine.host()})
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, json.loads(output)["differs"]) == (0, False)
    assert "hosts" in seen()


@pytest.mark.slow
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
