"""The hook that holds a slot for each command, over a real sshd: streams, statuses, and what a task does without a slot."""

from __future__ import annotations

import base64
import logging
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")
pytest.importorskip("asyncssh", reason="asyncssh is not installed")

from airflow import __version__
from airflow.exceptions import AirflowException, AirflowRescheduleException
from airflow.providers.ssh.hooks.ssh import SSHHook
from airflow.providers.ssh.operators.ssh import SSHOperator

from airflow_balancer import BalancedSSHHook, BalancedSSHOperator, BalancerConfiguration, Host
from airflow_balancer.errors import NoSlot
from airflow_balancer.ssh import hook as slot_hook
from airflow_balancer.ssh import task
from airflow_balancer.ssh.hook import HostSSHHook, SlotSSHHook
from airflow_balancer.ssh.slots import Slots, claim_command
from examples.demo.openssh_hosts import OpenSshHosts
from tests.airflow.ssh import WHERE, context, running
from tests.ssh.slot_host import most_at_once, until

pytestmark = pytest.mark.thorough

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

AIRFLOW_2 = __version__.startswith("2.")
COMMANDS = {
    "streams": "echo out; echo err >&2; exit 3",
    "status 75": "exit 75",
    "killed": "kill -9 $$",
    "environment": "env | grep -v -e SSH_ -e BALANCER_SLOT -e ^_= | sort",
    "terminal": "tty | tr -d 0-9; stty size",
    "much": "head -c 20000 /dev/zero; sleep 0.5",  # sshd can lose the end of what a terminal printed at once, with or without a slot
    "descriptors": "ls /proc/self/fd | grep -v 9",
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with OpenSshHosts(("127.0.0.5", "127.0.0.6"), tmp_path_factory.mktemp("sshd")) as hosts:
        yield hosts


@pytest.fixture
def sshd(servers):
    return servers[0]


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

    def make(size=1, wait=60, timeout=86400):
        return SlotSSHHook.of(plain(), slots=Slots("host 'a'", size, str(tmp_path / "slots"), wait, timeout))

    return make


def run(hook, command, *, terminal=False, timeout=20, environment=None):
    with hook.get_conn() as client:
        return hook.exec_ssh_client_command(client, command, terminal, environment, timeout)


def ran(hook):
    try:
        return run(hook, "true")[0] == 0
    except NoSlot:
        return False


@pytest.mark.slow
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


@pytest.mark.slow
def test_twelve_sessions_on_three_slots(holding, tmp_path):
    command = f"echo start >>{tmp_path}/log; sleep 0.6; echo end >>{tmp_path}/log"

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


@pytest.mark.slow
def test_the_command_timeout_is_as_before(plain, holding):
    for hook in (plain(), holding()):
        start = time.monotonic()
        with pytest.raises(AirflowException, match="SSH command timed out"):
            run(hook, "sleep 5", timeout=1)
        assert time.monotonic() - start < 4


@pytest.mark.parametrize(("given", "size"), [({"size": 3}, 3), ({}, 8)], ids=["size", "default"])
def test_a_host_has_as_many_slots_as_its_size(given, size):
    hook = Host(name="a", hold_slots=True, **given).hook()
    assert hook.slots == Slots("host 'a'", size, "~/.airflow-balancer/slots", 60, 86_400)


def test_airflow_2_lets_the_time_pass_and_runs_the_task_again_at_once(monkeypatch):
    slept = []
    monkeypatch.setattr("airflow.__version__", "2.11.0")
    monkeypatch.setattr(task, "time", SimpleNamespace(sleep=slept.append))
    assert task.rescheduled(50).reschedule_date <= datetime.now(UTC)
    assert slept == [50]


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
        monkeypatch.setattr(task.time, "sleep", lambda _: None)
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


@pytest.mark.slow
class TestOverSeveralHosts:
    @pytest.fixture
    def balancer(self, servers, plain, tmp_path):
        """Makes a balancer of the servers, which hold slots in the folders `a` and `b`; a dead host is added at a third address."""

        def make(*, dead=False, **settings):
            addresses = {"a": servers[0].address, "b": servers[1].address, **({"dead": "127.0.0.7"} if dead else {})}
            arguments = {"port": servers[0].port, "conn_retry_attempts": 1}
            common = {"key_file": str(servers[0].key_file), "username": servers[0].username, "ssh_hook_args": arguments, "size": 1}
            hosts = {name: {**common, "address": address, "slot_dir": str(tmp_path / name)} for name, address in addresses.items()}
            return BalancerConfiguration(**{"hosts": hosts, "hold_slots": True, **settings})

        return make

    @staticmethod
    @contextmanager
    def filled(balancer, *names):
        """Hold the only slot of some hosts meanwhile."""
        with ExitStack() as stack:
            for name in names:
                client = stack.enter_context(balancer.select_host(name=name).hook().get_conn())
                pid = int(client.exec_command("echo $$; exec sleep 60")[1].readline())
                stack.callback(os.kill, pid, signal.SIGKILL)
            yield

    @staticmethod
    def order(balancer):
        return [host.name for host in balancer.rank_hosts(key="etl.extract")]

    @staticmethod
    def operator(balancer, **arguments):
        with DAG("etl", start_date=datetime(2026, 1, 1), schedule=None):
            return BalancedSSHOperator(task_id="extract", balancer=balancer, **{"command": WHERE, **arguments})

    @staticmethod
    def address(balancer, output):
        return {host.address: host.name for host in balancer.hosts}[output.decode().strip()]

    def ran_on(self, balancer):
        return self.address(balancer, base64.b64decode(self.operator(balancer).execute(context(1))))

    def test_the_hosts_own_hook_holds_its_slots(self, balancer):
        balancer = balancer()
        with self.filled(balancer, "a"):
            assert not ran(balancer.select_host(name="a").hook())
            assert ran(balancer.select_host(name="b").hook())

    def test_hosts_hold_no_slots_unless_told_to(self, balancer):
        hooks = [host.hook() for host in balancer(hold_slots=False, host_overrides={"b": {"hold_slots": True}}).hosts]
        assert [type(hook) for hook in hooks] == [HostSSHHook, SlotSSHHook]

    def test_an_operator_goes_on_to_the_next_host_when_one_is_full(self, balancer):
        balancer = balancer()
        first, second = self.order(balancer)
        assert self.ran_on(balancer) == first
        with self.filled(balancer, first):
            assert self.ran_on(balancer) == second

    @pytest.mark.slow
    def test_an_operator_goes_on_to_the_next_host_when_one_has_a_file_drain(self, balancer, tmp_path):
        balancer = balancer()
        first, second = self.order(balancer)
        assert self.ran_on(balancer) == first
        (tmp_path / first / "drain").write_text("new disk")
        assert self.ran_on(balancer) == second

    @pytest.mark.slow
    def test_a_command_of_a_client_runs_on_the_next_host_when_one_is_full(self, balancer):
        balancer = balancer()
        first, second = self.order(balancer)
        with self.filled(balancer, first), running(context(1)), BalancedSSHHook(balancer).get_conn() as client:
            ran_on = [self.address(balancer, client.exec_command(WHERE)[1].read()) for _ in range(2)]
        assert ran_on == [second, second]

    @pytest.mark.slow
    def test_a_client_goes_from_host_to_host_as_they_fill(self, balancer):
        balancer = balancer()
        first, second = self.order(balancer)
        with running(context(1)), BalancedSSHHook(balancer).get_conn() as client:
            ran_on = []
            for full in (first, second, first, second):
                with self.filled(balancer, full):
                    ran_on += [self.address(balancer, client.exec_command(WHERE)[1].read()) for _ in range(2)]
        assert ran_on == [second, second, first, first, second, second, first, first]

    @pytest.mark.slow
    def test_a_dead_host_is_passed_over_when_another_is_full(self, balancer):
        balancer = balancer(dead=True)
        first, second = (name for name in self.order(balancer) if name != "dead")
        with self.filled(balancer, first):
            operator = self.operator(balancer, first=first)
            assert self.address(balancer, base64.b64decode(operator.execute(context(1)))) == second

    def test_when_all_are_full_the_task_is_rescheduled_and_says_so_of_each(self, balancer, monkeypatch, caplog, capsys):
        caplog.set_level(logging.INFO)
        monkeypatch.setattr(slot_hook, "waiting_since", lambda _: None)
        balancer = balancer(slot_wait=0.1)
        first, second = balancer.rank_hosts(key="etl.extract")
        with self.filled(balancer, "a", "b"), pytest.raises(AirflowRescheduleException):
            self.operator(balancer).execute(context(1))
        said = caplog.text + capsys.readouterr().out
        full = [rf"host '{host.name}' at {host.address} is full \(slot 0: [^;]+\); " for host in (first, second)]
        assert re.search(f"no slot is free: {''.join(full)}the next try", said)
