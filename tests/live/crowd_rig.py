"""Two Airflows with the same hosts: one with CeleryExecutor beside LocalExecutor, and a small one."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.airflow.databases import free_port
from tests.live.logging_hosts import CROWD, FLEET, LoggingHosts
from tests.live.rig import Airflow, AirflowHome, Process, execute, new_database, read_fleet, wait_until, write_fleet

__all__ = ("Crowd", "Run", "crowded")
DAGS = ("taskflow", "plain", "balanced", "mapped", "queued")
TASK_ID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
RUNNERS = ("scheduler-1", "worker-1", "worker-2")
# The tasks of a killed server are found within half a minute, not five.
SCHEDULER = {
    "scheduler_idle_sleep_time": "0.5",
    "scheduler_heartbeat_sec": "1",
    "scheduler_health_check_threshold": "15",
    "orphaned_tasks_check_interval": "5",
    "task_instance_heartbeat_timeout": "25",
    "task_instance_heartbeat_timeout_detection_interval": "5",
    "task_queued_timeout": "30",
    "task_queued_timeout_check_interval": "5",
    "num_stuck_in_queued_retries": "5",
}
Run = tuple[Airflow, str, str]


@dataclass
class Crowd:
    """What a test works with."""

    hosts: LoggingHosts
    main: Airflow
    other: Airflow
    killed: list[str] = field(default_factory=list)
    """The ids of the task instances whose processes were killed."""

    @property
    def servers(self) -> list[Process]:
        """The processes of both Airflows."""
        return [*self.main.processes, *self.other.processes]

    def write(self, **changes: Any) -> None:
        """Put the fleet's YAML into both DAGs folders, with other keys at the top."""
        fleet = read_fleet(self.hosts.servers, FLEET) | changes
        for host in fleet["hosts"]:
            # Each host has a home of its own here, so the balancer's `slot_dir` holds for all.
            del host["slot_dir"]
        for airflow in (self.main, self.other):
            write_fleet(fleet, airflow.home.dags / "balancer.yaml")

    def kill(self, name: str) -> None:
        """Kill one of the first Airflow's servers with -9, with all that it has started, and start it again."""
        process = next(process for process in self.main.processes if process.name == name)
        process.stop(grace=0)
        process.start()

    def kill_a_task(self) -> None:
        """Kill the process of one of the first Airflow's tasks with -9, where one runs."""
        servers = [psutil.Process(process.pid) for process in self.main.processes if process.name in RUNNERS]
        tasks = [task for server in servers for slot in server.children() for task in _children(slot)]
        if found := [(task, task_id) for task in tasks if (task_id := TASK_ID.search(_title(task)))]:
            task, task_id = random.choice(found)
            with suppress(psutil.NoSuchProcess):
                task.kill()
            self.killed.append(task_id[0])

    def start_runs(self) -> list[Run]:
        """Start a run of every DAG."""
        dags = [(self.main, dag_id) for dag_id in DAGS] + [(self.other, "other")]
        return [(airflow, dag_id, airflow.client.trigger(dag_id)) for airflow, dag_id in dags]


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children()
    return []


def _title(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


@contextmanager
def crowded(root: Path, cluster: str) -> Iterator[Crowd]:
    """Start the hosts, Redis and both Airflows, all on loopback."""
    with ExitStack() as stack:
        broker = stack.enter_context(_redis(root))
        main, other = _main(root / "main", cluster, broker), _other(root / "other", cluster)
        hosts = stack.enter_context(LoggingHosts(root / "hosts"))
        for home in (main, other):
            shutil.copytree(root / "hosts" / ".ssh", home.home / ".ssh")
        crowd = Crowd(hosts, Airflow(main), Airflow(other))
        crowd.write()
        for airflow, dag_ids in ((crowd.main, DAGS), (crowd.other, ("other",))):
            stack.enter_context(airflow)
            for dag_id in dag_ids:
                airflow.wait_for_dag(dag_id)
        for number in (1, 2):
            crowd.main.processes.append(stack.enter_context(_worker(main, f"worker-{number}")))
        try:
            yield crowd
        finally:
            crowd.main.kill()
            crowd.other.kill()


def _main(root: Path, cluster: str, broker: str) -> AirflowHome:
    celery = {"broker_url": f"{broker}0", "result_backend": f"{broker}1", "worker_concurrency": "3"}
    core = {"executor": "LocalExecutor,CeleryExecutor", "parallelism": "8"}
    settings = {"core": core, "celery": celery, "scheduler": SCHEDULER, "dag_processor": {"min_file_process_interval": "60"}}
    home = AirflowHome(root, database=new_database(cluster, "crowd_main"), settings=settings)
    home.migrate()
    shutil.copy(CROWD / "crowd.py", home.dags)
    return home


def _other(root: Path, cluster: str) -> AirflowHome:
    # The other Airflow's tables are those of the first one, which are still empty.
    execute(f"{cluster}postgres", ["CREATE DATABASE crowd_other TEMPLATE crowd_main"])
    settings = {"core": {"parallelism": "4"}, "dag_processor": {"min_file_process_interval": "60"}}
    home = AirflowHome(root, database=f"{cluster}crowd_other", settings=settings)
    shutil.copy(CROWD / "other.py", home.dags)
    return home


def _worker(home: AirflowHome, name: str) -> Process:
    flags = ["--celery-hostname", f"{name}@%h", "--skip-serve-logs", "--without-gossip", "--without-mingle"]
    command = home.command("celery", "worker", *flags, "--pid", str(home.root / f"{name}.pid"))
    return Process(name, command, env=home.env, log=home.logs / f"{name}.log")


@contextmanager
def _redis(root: Path) -> Iterator[str]:
    """Run a Redis that keeps nothing, and give its URL up to the number of a database."""
    root.mkdir(parents=True, exist_ok=True)
    port = free_port()
    flags = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(root)]
    with Process("redis", ["redis-server", *flags], env=os.environ, log=root / "redis.log") as process:
        wait_until(lambda: "Ready to accept connections" in process.log.read_text(), "Redis", processes=[process])
        yield f"redis://127.0.0.1:{port}/"
