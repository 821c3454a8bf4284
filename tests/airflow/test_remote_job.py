"""Remote jobs on hosts with a real sshd: they start once, hold a slot until they end, and survive what watches them."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")
pytest.importorskip("asyncssh", reason="asyncssh is not installed")
pytest.importorskip("psutil", reason="psutil is not installed")

from airflow import __version__
from airflow.exceptions import AirflowException, AirflowRescheduleException
from airflow.providers.common.compat.sdk import AirflowSkipException, TaskDeferred

from airflow_balancer import BalancedSSHOperator, BalancedSSHRemoteJobOperator, ConfigurationError, HostUnreachable
from airflow_balancer.airflow.jobs import JobFiles
from examples.demo.openssh_hosts import OpenSshHosts
from tests.airflow.remote import Task, event_of, fork, trigger_of
from tests.airflow.ssh import balancer_of
from tests.ssh.slot_host import is_held, most_at_once, until

pytestmark = pytest.mark.slow

AIRFLOW_2 = __version__.startswith("2.")
ADDRESSES = ("127.0.0.6", "127.0.0.7")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with OpenSshHosts(ADDRESSES, tmp_path_factory.mktemp("sshd")) as hosts:
        yield hosts


@pytest.fixture
def at_home(servers, tmp_path, monkeypatch):
    (tmp_path / ".ssh").mkdir()
    shutil.copy(servers[0].key_file.with_name("known_hosts"), tmp_path / ".ssh")
    monkeypatch.setenv("HOME", str(tmp_path))
    # Not the module's `sleep`, which is everybody's.
    monkeypatch.setattr("airflow_balancer.ssh.task.time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture(params=[True, False], ids=["stored", "not stored"])
def task(request, at_home, servers, tmp_path):
    """A task on the two hosts, of one slot each, whose folders are apart."""
    return Task(tmp_path, holding(servers, tmp_path), stored=request.param)


def holding(servers, folder):
    slots = {server.address: {"hold_slots": True, "size": 1, "slot_dir": f"{folder}/slots-{server.address}"} for server in servers}
    balancer = balancer_of(servers)
    return balancer.model_copy(update={"hosts": [host.override(**slots[host.name]) for host in balancer.hosts]})


def slots_of(task):
    return [task.folder / f"slots-{address}" / "0" for address in order_of(task)]


def order_of(task):
    return [host.name for host in task.operator()._candidates()]


def ended(task):
    until(lambda: "end" in task.log, "the job ends")


class TestJob:
    def test_it_holds_its_slot_until_it_ends(self, task):
        task.seconds = 2
        deferred = task.start()
        until(lambda: task.log == ["start"], "the job starts")
        time.sleep(0.5)  # by now the shell that started the job has ended
        slot = slots_of(task)[0]
        held = is_held(slot)
        task.end(deferred)
        assert (held, is_held(slot), task.log) == (True, False, ["start", "end"])

    def test_its_output_and_exit_code_are_the_tasks(self, task, caplog, capsys):
        caplog.set_level(logging.INFO)
        task.exit_code = 3
        deferred = task.start()
        until(lambda: list(task.folder.glob("jobs/af_*/exit_code")), "the job ends")  # else the trigger logs the output
        with pytest.raises(AirflowException, match="Remote job failed with exit code: 3"):
            task.end(deferred)
        assert "[remote] said" in caplog.text + capsys.readouterr().out
        with pytest.raises(AirflowSkipException):
            task.end(task.start(2), 2, skip_on_exit_code=3)

    def test_a_job_that_failed_is_not_collected_twice(self, task):
        task.exit_code = 3
        for number in (1, 2):
            with pytest.raises(AirflowException, match="exit code: 3"):
                task.end(task.start(number), number)
        assert task.log == ["start", "end"] * 2

    def test_its_folder_is_removed_where_that_is_asked_for(self, task):
        event = task.end(task.start(cleanup="always"), cleanup="always")
        assert not os.path.exists(event["job_dir"])

    def test_its_whole_log_is_read(self, task):
        deferred = task.start(command="seq 9; printf 'line\\nlast'", log_chunk_size=5)
        until(lambda: list(task.folder.glob("jobs/af_*/exit_code")), "the job ends")
        assert event_of(deferred)["log_offset"] == len("".join(f"{n}\n" for n in range(1, 10))) + len("line\nlast")

    def test_two_jobs_never_overlap_on_a_host_of_one_slot(self, at_home, servers, tmp_path, monkeypatch):
        tasks = [Task(tmp_path, holding(servers[:1], tmp_path), seconds=0.5, name=f"task{n}") for n in range(3)]

        def run(task):
            while True:
                try:
                    task.operator().execute(task.context(1))
                except AirflowRescheduleException:
                    time.sleep(0.1)
                except BaseException as deferred:
                    return task.end(deferred)

        processes = [fork.Process(target=run, args=(task,)) for task in tasks]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0, 0]
        assert (most_at_once(tmp_path / "log"), len(tasks[0].log)) == (1, 6)

    def test_a_full_host_is_passed_over_and_all_full_reschedules(self, task):
        others = [Task(task.folder, task.balancer, task.stored, seconds=30, name=f"other{n}") for n in range(2)]
        hosts = [other.start().kwargs["host"] for other in others]
        assert hosts == order_of(task)
        with pytest.raises(AirflowRescheduleException):
            task.operator().execute(task.context(1))
        kill_jobs(task)
        until(lambda: not any(map(is_held, slots_of(task))), "the slots are free")

    def test_without_slots_it_runs_as_well(self, at_home, servers, tmp_path):
        task = Task(tmp_path, balancer_of(servers))
        assert task.end(task.start())["exit_code"] == 0
        assert not list(tmp_path.glob("slots*"))


def kill_jobs(task):
    for file in task.folder.glob("jobs/af_*/pid"):
        if not file.with_name("exit_code").exists():
            os.killpg(int(file.read_text()), signal.SIGKILL)


class TestRetry:
    def test_it_joins_a_job_that_runs(self, task):
        task.seconds = 3
        first = task.start()
        until(lambda: task.log == ["start"], "the job starts")  # else it has not started, and the second one starts it
        second = task.start(2)
        assert second.kwargs == first.kwargs
        assert task.end(second, 2)["exit_code"] == 0
        assert task.log == ["start", "end"]

    def test_it_collects_a_job_that_has_ended(self, task):
        task.exit_code = 3
        task.start()
        ended(task)
        with pytest.raises(AirflowException, match="exit code: 3"):
            task.end(task.start(2), 2)
        assert task.log == ["start", "end"]

    def test_a_job_that_was_killed_fails_and_starts_anew(self, task):
        task.seconds = 30
        deferred = task.start()
        until(lambda: task.log == ["start"], "the job starts")
        kill_jobs(task)
        with pytest.raises(AirflowException, match="the job ended without an exit code: it was killed, or its host was restarted"):
            task.end(deferred)
        task.seconds = 0
        task.end(task.start(2), 2)
        assert task.log == ["start", "start", "end"]

    def test_a_submission_that_comes_late_starts_nothing(self, tmp_path):
        first, second = (JobFiles(str(tmp_path), "name", number) for number in (1, 2))
        for command in (
            second.search(),
            first.starting(f"touch {tmp_path}/late", "af_x"),
            second.starting(f"touch {tmp_path}/now", "af_y"),
        ):
            subprocess.run(["bash", "-c", command], check=True)
        assert (tmp_path.joinpath("late").exists(), tmp_path.joinpath("now").exists()) == (False, True)

    def test_other_runs_and_indices_have_jobs_of_their_own(self, task):
        first, second = Task(task.folder, task.balancer, task.stored), Task(task.folder, task.balancer, task.stored, name="other")
        first.start()
        ended(first)
        second.end(second.start(2), 2)
        assert task.log == ["start", "end"] * 2


class TestEnd:
    @pytest.fixture
    def running(self, task):
        """A task whose job runs, and what its attempt deferred with."""
        task.seconds = 30
        deferred = task.start()
        until(lambda: task.log == ["start"], "the job starts")
        return task, deferred

    def test_a_killed_attempt_ends_its_job_though_no_slot_is_free(self, running):
        task, _ = running
        operator = task.operator()
        with pytest.raises(TaskDeferred):
            operator.execute(task.context(2))
        operator.on_kill()
        until(lambda: not is_held(slots_of(task)[0]), "the slot is free")

    def test_a_user_who_ends_the_deferred_task_ends_its_job(self, running):
        task, deferred = running
        asyncio.run(trigger_of(deferred).on_kill())
        until(lambda: not is_held(slots_of(task)[0]), "the slot is free")

    def test_a_host_that_left_the_configuration_costs_no_second_job(self, at_home, servers, tmp_path):
        task = Task(tmp_path, holding(servers, tmp_path))
        deferred = task.start()
        left = [host for host in task.balancer.hosts if host.name != deferred.kwargs["host"]]
        task.balancer = task.balancer.model_copy(update={"hosts": left})
        assert task.end(deferred)["exit_code"] == 0
        assert task.log == ["start", "end"]

    @pytest.mark.skipif(AIRFLOW_2, reason="Airflow 2 has no retry_policy")
    @pytest.mark.parametrize(
        ("error", "attempt", "action"),
        [
            (HostUnreachable("away"), 1, "retry"),
            (HostUnreachable("away"), 2, "default"),
            (AirflowException("exit code"), 1, "default"),
        ],
        ids=["to the other host", "to the first host again", "no host's error"],
    )
    def test_a_retry_follows_at_once_where_it_goes_to_another_host(self, task, error, attempt, action):
        decision = task.operator().retry_policy.evaluate(error, attempt, 5)
        assert decision.action.value == action


def test_a_mapped_one_is_counted_as_a_balanced_ssh_operator(at_home, servers):
    arguments = {"task_id": "t", "balancer": balancer_of(servers), "query": {"queue": "workers"}, "key": "k"}
    made = [cls.partial(**arguments).expand(command=["a", "b"]) for cls in (BalancedSSHOperator, BalancedSSHRemoteJobOperator)]
    plain, remote = ({name: str(task.partial_kwargs[name]) for name in ("balancer", "pool")} for task in made)
    assert (remote, remote["balancer"].startswith("balanced pool=")) == (plain, True)


class TestRefusals:
    def test_a_password_in_yaml(self, at_home, servers, tmp_path):
        task = Task(tmp_path, balancer_of(servers))
        hosts = [host.override(ssh_hook_args={**host.ssh_hook_args, "password": "secret"}) for host in task.balancer.hosts]
        task.balancer = task.balancer.model_copy(update={"hosts": hosts})
        with pytest.raises(ConfigurationError, match=r"takes no password from YAML: name an Airflow Variable, or give key_file$"):
            task.operator().execute(task.context(1))
        assert task.log == []

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"remote_os": "windows"}, "no job on Windows"),
            ({"ssh_conn_id": "a"}, "a BalancedSSHRemoteJobOperator takes no ssh_conn_id"),
            ({"query": {"queu": "a"}}, "did you mean 'queue'"),
        ],
        ids=["windows", "a host", "a key"],
    )
    def test_arguments(self, at_home, servers, tmp_path, given, message):
        with pytest.raises(ConfigurationError, match=message):
            Task(tmp_path, balancer_of(servers)).operator(**given)
