"""Remote jobs whose submitting process, trigger, sshd or host ends at any step: the job runs once as long as its host lives."""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")
pytest.importorskip("asyncssh", reason="asyncssh is not installed")
psutil = pytest.importorskip("psutil", reason="psutil is not installed")
pytestmark = pytest.mark.slow

# ruff: noqa: E402
import paramiko
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.providers.ssh.hooks.ssh import SSHHook

from airflow_balancer import BalancedSSHRemoteJobOperator, HostUnreachable
from airflow_balancer.airflow.remote_job import _JobHook
from examples.demo.openssh_hosts import OpenSshHosts
from tests.airflow.remote import Task, event_of, fork
from tests.airflow.test_remote_job import at_home, holding, servers, slots_of, task
from tests.hostile.rig import sample
from tests.ssh.slot_host import is_held, until

__all__ = ("at_home", "servers", "task")


def before(owner, name):
    """Kills before a function runs."""
    return lambda kill: setattr(owner, name, lambda *_, **__: kill())


def after(owner, name):
    """Kills as soon as a function has run."""
    function = getattr(owner, name)

    def put(kill):
        def run_and_kill(*args, **options):
            function(*args, **options)
            kill()

        setattr(owner, name, run_and_kill)

    return put


STEPS = {
    "before it connects": before(_JobHook, "get_conn"),
    "before the host is kept": before(BalancedSSHRemoteJobOperator, "_go_to"),
    "before the job is sent": before(paramiko.SSHClient, "exec_command"),
    "when the job is sent": after(paramiko.SSHClient, "exec_command"),
    "when the job is submitted": after(SSHHook, "exec_ssh_client_command"),
    "before it defers": before(BalancedSSHRemoteJobOperator, "defer"),
}


def settle(task):
    """Wait until nothing runs any more that an attempt has started on a host, or has just sent there."""
    time.sleep(0.2)
    until(lambda: not any(f"{task.folder}/" in command for command in _commands()), "no job runs", seconds=60)


def _commands():
    return [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_submitting_process_is_killed(task, step):
    task.seconds = 0.3
    task.killed(step)
    task.end(task.start(2), 2)
    settle(task)
    assert task.log == ["start", "end"]
    assert not any(is_held(slot) for slot in slots_of(task) if slot.exists())


def test_the_submitting_process_is_killed_at_any_moment(task):
    for n in sample(range(10), 3):
        run = Task(task.folder / str(n), task.balancer, task.stored, seconds=0.3, name=f"run{n}")
        run.folder.mkdir()
        process = fork.Process(target=run.start)
        process.start()
        time.sleep(0.15 * n)
        process.kill()
        process.join()
        run.end(run.start(2), 2)
        settle(run)
        assert run.log == ["start", "end"], n


def test_the_trigger_is_killed(task):
    task.seconds = 2
    deferred = task.start()
    triggerer = fork.Process(target=event_of, args=(deferred,))
    triggerer.start()
    until(lambda: task.log == ["start"], "the job starts")
    triggerer.kill()
    triggerer.join()
    assert task.end(deferred)["exit_code"] == 0
    assert task.log == ["start", "end"]


TESTS = psutil.Process()
"""Other tests have hosts of the same addresses meanwhile."""


def kill_sessions(address):
    """Kill what sshd on an address started for its connections."""
    for listener in TESTS.children():
        if f"sshd_{address}.conf" in " ".join(listener.cmdline()):
            for session in listener.children():
                with suppress(psutil.NoSuchProcess):
                    session.kill()


def kill_every_session(task):
    for slot in slots_of(task):
        kill_sessions(slot.parent.name.removeprefix("slots-"))


@pytest.mark.parametrize("name", ["before it is sent", "when it is sent"])
def test_sshd_is_killed_while_a_job_is_submitted(task, monkeypatch, name):
    task.seconds = 1
    send = paramiko.SSHClient.exec_command

    def send_and_kill(*args, **options):
        if name == "before it is sent":
            kill_every_session(task)
        streams = send(*args, **options)
        kill_every_session(task)
        return streams

    with monkeypatch.context() as patched:
        patched.setattr(paramiko.SSHClient, "exec_command", send_and_kill)
        with suppress(Exception, TaskDeferred):
            task.operator().execute(task.context(1))
    task.end(task.start(2), 2)
    settle(task)
    assert task.log == ["start", "end"]


def test_sshd_is_killed_while_a_job_runs(task):
    task.seconds = 3
    deferred = task.start()
    killer = fork.Process(target=lambda: (time.sleep(1), kill_every_session(task)))
    killer.start()
    assert task.end(deferred)["exit_code"] == 0
    killer.join()
    assert task.log == ["start", "end"]


class TestDeadHost:
    @pytest.fixture
    def dying(self, at_home, servers, tmp_path):
        """A task whose first host can die, and what kills it."""
        home = tmp_path / "dying"
        home.mkdir()
        with OpenSshHosts(("127.0.0.8",), home) as hosts:
            with (tmp_path / ".ssh" / "known_hosts").open("a") as known:
                known.write(hosts[0].key_file.with_name("known_hosts").read_text())
            balancer = holding([*hosts, servers[0]], tmp_path)
            sshd = psutil.Process().children()

            def die():
                kill_sessions("127.0.0.8")
                for process in sshd:
                    if "sshd_127.0.0.8.conf" in " ".join(process.cmdline()):
                        os.kill(process.pid, signal.SIGKILL)

            yield balancer, die

    @pytest.mark.parametrize("stored", [True, False], ids=["stored", "not stored"])
    def test_the_next_attempt_goes_elsewhere_and_says_that_the_end_is_unknown(self, dying, tmp_path, stored, caplog, capsys):
        caplog.set_level(logging.INFO)
        balancer, die = dying
        task = Task(tmp_path, balancer, stored, seconds=2)
        options = {"first": "127.0.0.8", "max_reconnect_attempts": 0}
        deferred = task.start(**options)
        die()
        with pytest.raises(HostUnreachable, match="whether it has ended is not known"):
            task.end(deferred, **options)
        second = task.start(2, **options)
        said = caplog.text + capsys.readouterr().out
        assert (deferred.kwargs["host"], second.kwargs["host"]) == ("127.0.0.8", "127.0.0.6")
        assert "host '127.0.0.8' cannot be reached" in said
        assert "whether a job of an earlier attempt has ended there is not known, and a new one starts elsewhere" in said
        assert task.end(second, 2)["exit_code"] == 0

    def test_it_goes_elsewhere_though_its_turn_is_the_dead_hosts(self, dying, tmp_path):
        balancer, die = dying
        task = Task(tmp_path, balancer, seconds=1)
        task.start(first="127.0.0.8")
        die()
        assert task.start(3, first="127.0.0.8").kwargs["host"] == "127.0.0.6"
