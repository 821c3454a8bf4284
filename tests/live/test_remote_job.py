"""A remote job in a real Airflow: it is awaited by a triggerer, outlives it, and a retry joins it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

from examples.demo.openssh_hosts import OpenSshHosts
from examples.demo.processes import Process, wait_until
from tests.live.rig import IS_AIRFLOW_2, Rig
from tests.ssh.slot_host import is_held

pytestmark = pytest.mark.skipif(IS_AIRFLOW_2, reason="Airflow 2 retries after retry_delay only")
ADDRESS, OTHER = "127.0.0.5", "127.0.0.6"
DAG = """\
from datetime import datetime, timedelta

from airflow.sdk import DAG

from airflow_balancer import BalancedSSHRemoteJobOperator, load

with DAG("remote", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    BalancedSSHRemoteJobOperator(
        task_id="job",
        balancer=load("remote.yaml"),
        first="127.0.0.5",
        command="echo start >>{log}; until [ -e {log}.stop ]; do sleep 0.2; done; echo end >>{log}",
        remote_base_dir="{log}.jobs",
        poll_interval=1,
        max_reconnect_attempts=0,
        retries=1,
        retry_delay=timedelta(hours=1),
    )
"""


def triggerer(rig: Rig) -> Process:
    home = rig.airflow.home
    command = home.command("triggerer", "--skip-serve-logs", "--pid", str(home.root / "triggerer.pid"))
    return Process("triggerer", command, env=home.env, log=home.logs / "triggerer.log")


def kill_sessions() -> bool:
    """Kill the processes of sshd that have a connection; return that this is to be tried again."""
    for server in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if f"sshd_{ADDRESS}.conf" in " ".join(server.cmdline()):
                for session in server.children():
                    session.kill()
    return False


def test_it_runs_once_though_the_triggerer_and_its_connection_are_killed(rig: Rig, tmp_path: Path) -> None:
    log, slot, client = tmp_path / "log", tmp_path / "slots" / "0", rig.airflow.client

    def tried() -> list[tuple[int, str | None]]:
        return [(task.attempts, task.state) for task in client.tasks("remote", run_id)]

    with OpenSshHosts((ADDRESS,), tmp_path) as hosts, triggerer(rig) as waiting:
        host = {"username": hosts[0].username, "key_file": str(hosts[0].key_file), "hold_slots": True, "slot_dir": str(slot.parent)}
        arguments = {"port": hosts[0].port, "no_host_key_check": True}
        fleet = {"hosts": [{"name": name, "size": 1, **host, "ssh_hook_args": arguments} for name in (ADDRESS, OTHER)]}
        rig.airflow.home.dags.joinpath("remote.yaml").write_text(yaml.safe_dump(fleet))
        rig.airflow.home.dags.joinpath("remote.py").write_text(DAG.format(log=log))
        rig.airflow.wait_for_dag("remote")
        run_id = client.trigger("remote")
        wait_until(lambda: tried() == [(1, "deferred")] and log.exists(), "the deferred job", timeout=120)
        assert is_held(slot)

        waiting.stop(grace=0)
        waiting.start()
        wait_until(lambda: tried() != [(1, "deferred")] or kill_sessions(), "the end of the first attempt", timeout=120)
        wait_until(lambda: tried() == [(2, "deferred")], "a retry that joins the job, at once", timeout=120)
        assert is_held(slot)

        log.with_name("log.stop").touch()
        rig.airflow.wait_for_run("remote", run_id)
        assert (log.read_text().split(), is_held(slot)) == (["start", "end"], False)
