"""The hook that holds a slot for each command, over a real sshd: streams, statuses, and what a task does without a slot."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")
pytest.importorskip("asyncssh", reason="asyncssh is not installed")

from airflow import __version__
from airflow.exceptions import AirflowException, AirflowRescheduleException
from airflow.providers.ssh.hooks.ssh import SSHHook
from airflow.providers.ssh.operators.ssh import SSHOperator

from airflow_balancer.airflow import slot_hook, versions
from airflow_balancer.airflow.slot_hook import SlotSSHHook
from airflow_balancer.airflow.slots import Slots, claim_command
from airflow_balancer.errors import NoSlot
from examples.demo.openssh_hosts import OpenSshHosts
from tests.airflow.slot_host import most_at_once, until
from tests.airflow.ssh import context, running

AIRFLOW_2 = __version__.startswith("2.")
COMMANDS = {
    "streams": "echo out; echo err >&2; exit 3",
    "status 75": "exit 75",
    "killed": "kill -9 $$",
    "environment": "env | grep -v -e SSH_ -e BALANCER_SLOT -e ^_= | sort",
    "terminal": "tty | tr -d 0-9; stty size",
    "much": "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2",
    "descriptors": "ls /proc/self/fd | grep -v 9",
}


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with OpenSshHosts(("127.0.0.5",), tmp_path_factory.mktemp("sshd")) as hosts:
        yield hosts[0]


@pytest.fixture
def plain(sshd, tmp_path, monkeypatch):
    """Makes hooks without slots."""
    (tmp_path / ".ssh").mkdir()
    shutil.copy(sshd.key_file.with_name("known_hosts"), tmp_path / ".ssh")
    monkeypatch.setenv("HOME", str(tmp_path))

    def make():
        return SSHHook(remote_host=sshd.address, port=sshd.port, username=sshd.username, key_file=str(sshd.key_file), conn_timeout=10)

    return make


@pytest.fixture
def holding(plain, tmp_path):
    """Makes hooks with slots."""

    def make(size=1, **changes):
        return SlotSSHHook.of(plain(), Slots("host 'a'", size, str(tmp_path / "slots"), **changes))

    return make


def run(hook, command, *, terminal=False, timeout=20, environment=None):
    with hook.get_conn() as client:
        return hook.exec_ssh_client_command(client, command, terminal, environment, timeout)


def ran(hook):
    try:
        return run(hook, "true")[0] == 0
    except NoSlot:
        return False


@pytest.mark.parametrize("terminal", [False, True], ids=["pipes", "terminal"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_runs_as_without_a_slot(plain, holding, command, terminal):
    assert run(holding(), command, terminal=terminal) == run(plain(), command, terminal=terminal)


def test_stdin_is_at_its_end(plain, holding):
    assert run(holding(), "cat; echo end") == run(plain(), "cat; echo end")


def test_it_is_the_providers_hook(holding):
    assert isinstance(holding(), SSHHook)


def test_an_operator_runs_in_a_slot_and_its_log_has_its_own_command(holding, tmp_path, caplog, capsys):
    caplog.set_level(logging.INFO)
    SSHOperator(task_id="t", ssh_hook=holding(), command="echo slot $BALANCER_SLOT").execute(context(1))
    said = caplog.text + capsys.readouterr().out
    assert ("Running command: echo slot" in said, "slot 0" in said, "printf" in said) == (True, True, False)


def test_the_file_says_who_holds_the_slot(holding, tmp_path):
    with running(context(2, map_index=3)):
        run(holding(), "true")
    line = (tmp_path / "slots" / "0").read_text()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \d+ attempt 2 of etl.extract\[3\], from \S+\n", line)


def test_a_command_of_the_client_alone_runs_in_a_slot(holding):
    with holding().get_conn() as client:
        assert client.exec_command("echo $BALANCER_SLOT")[1].read() == b"0\n"
        assert client.exec_command("echo $BALANCER_SLOT", get_pty=True)[1].read() == b"0\r\n"


def test_twelve_sessions_on_three_slots(holding, tmp_path):
    command = f"echo start >>{tmp_path}/log; sleep 0.2; echo end >>{tmp_path}/log"

    def run_once_free():
        while True:
            try:
                return run(holding(size=3), command)
            except NoSlot:
                time.sleep(0.05)

    threads = [threading.Thread(target=run_once_free) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most_at_once(tmp_path / "log") == 3


def test_the_command_timeout_is_as_before(plain, holding):
    for hook in (plain(), holding()):
        start = time.monotonic()
        with pytest.raises(AirflowException, match="SSH command timed out"):
            run(hook, "sleep 5", timeout=1)
        assert time.monotonic() - start < 4


def test_a_command_keeps_its_slot_when_its_client_is_killed(sshd, holding, tmp_path):
    claim = claim_command("echo $$; exec sleep 60", size=1, slot_dir=str(tmp_path / "slots"), holder="x", token="t")
    options = ["-i", str(sshd.key_file), "-p", str(sshd.port), "-o", f"UserKnownHostsFile={tmp_path}/.ssh/known_hosts"]
    with subprocess.Popen(["ssh", *options, f"{sshd.username}@{sshd.address}", claim], stdout=subprocess.PIPE) as ssh:
        assert ssh.stdout.readline() == b"t claimed 0\n"
        pid = int(ssh.stdout.readline())
        ssh.kill()
    with pytest.raises(NoSlot):
        run(holding(), "true")
    os.kill(pid, signal.SIGKILL)
    until(lambda: ran(holding()), "the slot is free")


class TestWithoutAFreeSlot:
    @pytest.fixture
    def full(self, holding):
        """The only slot is held meanwhile, by attempt 1 of etl.extract."""
        with running(context(1)), holding().get_conn() as client:
            pid = int(client.exec_command("echo $$; exec sleep 60")[1].readline())
            yield
            os.kill(pid, signal.SIGKILL)

    def test_the_task_is_rescheduled_and_says_which_host_is_full_and_who_is_on_it(self, holding, full, monkeypatch, caplog, capsys):
        caplog.set_level(logging.INFO)
        monkeypatch.setattr(slot_hook, "waiting_since", lambda _: None)
        monkeypatch.setattr(versions.time, "sleep", lambda _: None)
        before = datetime.now(UTC)
        with pytest.raises(AirflowRescheduleException) as raised:
            SSHOperator(task_id="t", ssh_hook=holding(wait=100), command="true").execute(context(1))
        later = (raised.value.reschedule_date - before).total_seconds()
        assert 75 <= later <= 130 or (AIRFLOW_2 and later < 5)
        said = caplog.text + capsys.readouterr().out
        assert re.search(r"no slot is free: host 'a' is full \(slot 0: \S+ \d+ attempt 1 of etl.extract, from \S+\); the next try", said)

    def test_a_task_that_waits_too_long_fails_and_says_so(self, holding, full, monkeypatch):
        monkeypatch.setattr(slot_hook, "waiting_since", lambda _: datetime.now(UTC) - timedelta(seconds=500))
        with pytest.raises(NoSlot, match=r"host 'a' is full .*; the task has waited for 500 s, slot_timeout is 499 s$"):
            run(holding(timeout=499), "true")

    def test_outside_of_a_task_it_is_an_error(self, holding, full, monkeypatch):
        monkeypatch.setattr(slot_hook, "current_context", lambda: None)
        with pytest.raises(NoSlot, match=r"^no slot is free: host 'a' is full \(slot 0: \S+ \d+ attempt 1 of etl.extract"):
            run(holding(), "true")

    def test_a_host_that_can_hold_none_is_an_error_in_a_task_too(self, holding, tmp_path):
        (tmp_path / "slots").write_text("")
        with running(context(1)), pytest.raises(NoSlot, match=r"^host 'a': no slot can be held there: \S+/slots cannot be made"):
            run(holding(), "true")
