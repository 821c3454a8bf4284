"""A running Airflow with SSH hosts and the test DAGs, and what the tests do with it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

if missing := [name for name in ("airflow", "asyncssh", "httpx", "psutil", "rich") if importlib.util.find_spec(name) is None]:
    # The modules that import this one are skipped with it.
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)

import httpx
import psutil
from sqlalchemy import create_engine, text

from examples.demo import picks
from examples.demo.airflow_home import IS_AIRFLOW_2, AirflowHome
from examples.demo.airflow_processes import Airflow
from examples.demo.fleet import DAGS, read_fleet, write_fleet
from examples.demo.openssh_hosts import find_sshd
from examples.demo.processes import Process, run, wait_until
from examples.demo.report import most_at_once
from examples.demo.ssh_hosts import EmbeddedHosts, SshHost

# DAG files that have changed are parsed at once even so.
PARSING = "scheduler" if IS_AIRFLOW_2 else "dag_processor"
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
__all__ = (
    "IS_AIRFLOW_2",
    "Airflow",
    "AirflowHome",
    "Process",
    "Rig",
    "answers",
    "execute",
    "family",
    "find_sshd",
    "most_at_once",
    "new_database",
    "overlaps",
    "read_fleet",
    "running_rig",
    "still_running",
    "wait_until",
    "write_fleet",
)

FLEET = Path(__file__).with_name("fleet.yaml")
SERIALIZE = Path(__file__).with_name("serialize.py")
TEST_DAGS = Path(__file__).with_name("dags")
Fleet = dict[str, Any]


@dataclass
class Rig:
    """What a test works with: Airflow, and the balancer YAML in its DAGs folder."""

    airflow: Airflow
    hosts: list[SshHost]
    servers: EmbeddedHosts
    pools_at_start: dict[str, int] = field(default_factory=dict)

    def fleet(self, *, sizes: Mapping[str, int] | None = None) -> Fleet:
        """The fleet with a port `single`, and other sizes where they are given."""
        fleet = read_fleet(self.hosts, FLEET)
        fleet["ports"].append({"name": "single", "host": "127.0.0.2", "port": 9999})
        for host in fleet["hosts"]:
            host["size"] = (sizes or {}).get(host["name"], host["size"])
        return fleet

    def write(self, fleet: Fleet, name: str = "balancer.yaml") -> None:
        """Put a balancer YAML into the DAGs folder."""
        write_fleet(fleet, self.airflow.home.dags / name)

    def run(self, dag_id: str) -> dict[str, str]:
        """Run a DAG of SSH tasks and return what each task printed."""
        run_id = self.airflow.run_dag(dag_id)
        client = self.airflow.client
        return {task.task_id: client.output(dag_id, run_id, task.task_id) for task in client.tasks(dag_id, run_id)}

    def picks(self, file: str) -> dict[str, dict[str, str]]:
        """Parse a DAG file in a fresh process and return the picked host and pool of each task."""
        home = self.airflow.home
        printed = home.python(picks.__file__, str(home.dags / file), env={"PYTHONHASHSEED": "random"})
        found: dict[str, dict[str, str]] = json.loads(printed.splitlines()[-1])
        return found

    def serialized(self, file: str, seed: int) -> str:
        """Parse a DAG file in a fresh process and return the number and the hash of its serialized DAGs."""
        home = self.airflow.home
        printed = home.python(str(SERIALIZE), str(home.dags / file), env={"PYTHONHASHSEED": str(seed)})
        return printed.splitlines()[-1]

    def run_often(self, dag_id: str, file: str, runs: int) -> int:
        """Run a DAG again and again, parsed anew before each run, and return how many versions it has."""
        client = self.airflow.client
        for _ in range(runs):
            self.parse_again(dag_id, file)
            self.airflow.run_dag(dag_id)
        return client.dag_versions(dag_id)

    def parse_again(self, dag_id: str, file: str) -> None:
        """Touch a DAG file, and wait until Airflow has parsed it."""
        client = self.airflow.client
        before = client.last_parsed(dag_id)
        (self.airflow.home.dags / file).touch()
        wait_until(lambda: client.last_parsed(dag_id) != before, f"the parsing of {file}")

    def scheduler_log(self, number: int = 1) -> str:
        """What a scheduler has logged."""
        return (self.airflow.home.logs / f"scheduler-{number}.log").read_text()

    def balancer(self, *words: str, **env: str) -> str:
        """Run the command `airflow-balancer` in this Airflow's folder, with more in its environment, and return what it printed."""
        home = self.airflow.home
        program = str(Path(sys.executable).with_name("airflow-balancer"))
        return run([program, *words], env={**home.env, **env}, log=home.logs / "balancer.log", cwd=home.root)

    @contextmanager
    def altered(self, *statements: str, back: Sequence[str]) -> Iterator[None]:
        """Change the metadata database behind Airflow's back, and change it back."""
        execute(self.airflow.home.database, statements)
        try:
            yield
        finally:
            execute(self.airflow.home.database, back)

    @contextmanager
    def other_scheduler(self, **env: str) -> Iterator[None]:
        """Restart the scheduler with more in its environment, and at the end without."""
        self.airflow.restart("scheduler-1", **env)
        try:
            yield
        finally:
            self.airflow.restart("scheduler-1")


@contextmanager
def running_rig(root: Path, *, database: str | None = None, schedulers: int = 1, fleet: Fleet | None = None) -> Iterator[Rig]:
    """Start SSH hosts and an Airflow with the example's DAG and the test DAGs, all parsed."""
    home = AirflowHome(root, database=database, settings={PARSING: {"min_file_process_interval": "60"}})
    servers = EmbeddedHosts(ADDRESSES, home.home)
    with servers as hosts:
        airflow = Airflow(home, schedulers=schedulers)
        rig = Rig(airflow, hosts, servers)
        rig.write(fleet or rig.fleet())
        for file in (DAGS / "etl.py", *TEST_DAGS.glob("*.py")):
            shutil.copy(file, home.dags)
        home.migrate()
        with airflow:
            for dag_id in ("etl", "port_spans", "host_spans", "picks", "plain", "connected", "failover", "holding"):
                airflow.wait_for_dag(dag_id)
            rig.pools_at_start |= airflow.client.pools()
            yield rig


def new_database(cluster: str, name: str) -> str:
    """Make a database in a PostgreSQL cluster and return its URL."""
    execute(f"{cluster}postgres", [f"CREATE DATABASE {name}"])
    return f"{cluster}{name}"


def execute(url: str, statements: Sequence[str]) -> None:
    """Execute SQL statements, each in a transaction of its own."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def answers(url: str) -> bool:
    """Whether a web page is there."""
    return httpx.get(url, follow_redirects=True, trust_env=False).is_success


def family(pid: int) -> list[psutil.Process]:
    """The processes that a process has started, and theirs."""
    return psutil.Process(pid).children(recursive=True)


def still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; one that has, and that nobody has asked for its exit code yet, has ended."""
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def spans(outputs: Mapping[str, str]) -> list[tuple[float, float]]:
    """When each task of the test DAGs started and ended, sorted."""
    moments = [[float(line) for line in output.split()] for output in outputs.values()]
    return sorted((start, end) for start, end in moments)


def overlaps(outputs: Mapping[str, str]) -> int:
    """How many tasks started before the one before them had ended."""
    found = spans(outputs)
    return sum(later[0] < earlier[1] for earlier, later in pairwise(found))
