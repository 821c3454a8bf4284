"""Run the example DAG in a real Airflow on SSH hosts of this machine, and show where each task ran.

`python -m examples.demo`. The environment sets two switches: `KEEP=1` leaves Airflow up until Ctrl-C, `SSHD=1` serves the
hosts with OpenSSH's sshd.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

from rich.console import Console

from .airflow_home import AirflowHome
from .airflow_processes import Airflow
from .errors import DemoError
from .fleet import DAGS, read_fleet, write_fleet
from .openssh_hosts import OpenSshHosts
from .processes import end_undisturbed, exit_on_sigterm
from .report import Answer, TaskBar, show_pools, show_table
from .ssh_hosts import EmbeddedHosts

ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
DAG_ID = "etl"


def run_demo(console: Console, home: AirflowHome, stack: ExitStack) -> bool:
    """Start everything, run the DAG once, and say whether each task ran where it should."""
    server = OpenSshHosts if os.environ.get("SSHD") else EmbeddedHosts
    hosts = stack.enter_context(server(ADDRESSES, home.home))
    console.print(f"SSH servers: {', '.join(f'{host.address}:{host.port}' for host in hosts)}")
    write_fleet(read_fleet(hosts), home.dags / "balancer.yaml")
    shutil.copy(DAGS / "etl.py", home.dags)
    airflow = start_airflow(console, home, stack)
    with console.status("waiting for the DAG to be parsed"):
        picked = picks_in_fresh_process(home)
        airflow.wait_for_dag(DAG_ID)
    return run_dag(console, airflow, picked)


def start_airflow(console: Console, home: AirflowHome, stack: ExitStack) -> Airflow:
    """Start a new Airflow; it ends with the stack."""
    with console.status("making Airflow's metadata database"):
        home.migrate()
    with console.status("starting Airflow"):
        airflow = stack.enter_context(Airflow(home))
    console.print(f"Airflow: {home.url}")
    return airflow


def picks_in_fresh_process(home: AirflowHome) -> dict[str, dict[str, str]]:
    """Parse the DAG file once more, apart from Airflow and under another hash seed: the picks must be the same."""
    printed = home.python(str(Path(__file__).with_name("picks.py")), str(home.dags / "etl.py"), env={"PYTHONHASHSEED": "random"})
    picked: dict[str, dict[str, str]] = json.loads(printed.splitlines()[-1])
    return picked


def run_dag(console: Console, airflow: Airflow, picked: dict[str, dict[str, str]]) -> bool:
    """Trigger the DAG, wait for its tasks, and compare their answers with what the balancer picked."""
    with TaskBar(console, len(picked)) as bar:
        run_id = airflow.run_dag(DAG_ID, seen=bar.update)
    client = airflow.client
    tasks = client.tasks(DAG_ID, run_id)
    answers = [Answer(task, picked[task.task_id], client.output(DAG_ID, run_id, task.task_id)) for task in tasks]
    show_table(console, answers)
    return show_pools(console, tasks, client.pools()) and all(answer.is_right for answer in answers)


def main() -> int:
    """Run the demo; the exit code is 0 only if each task's answer came from the picked host."""
    console = Console()
    exit_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="airflow-balancer-demo-") as root, ExitStack() as stack:
        try:
            home = AirflowHome(Path(root))
            right = run_demo(console, home, stack)
            if os.environ.get("KEEP"):
                keep_up(console, home)
        except DemoError as error:
            console.print("[red]The demo failed.[/]")
            console.print(str(error), markup=False, highlight=False, soft_wrap=True)
            return 1
        except KeyboardInterrupt:
            return 130
        finally:
            end_undisturbed()
            console.print("Ending what was started.")
    return 0 if right else 1


def keep_up(console: Console, home: AirflowHome) -> None:
    """Say how to log in, and wait for Ctrl-C."""
    lines = [
        f"Airflow stays up until Ctrl-C: {home.url}  (user {home.username}, password {home.password})",
        f"The viewer: {home.url}/airflow-balancer/",
        f"Its command line: HOME={home.home} AIRFLOW_HOME={home.root} {sys.executable} -m airflow",
    ]
    console.print(*lines, sep="\n", highlight=False, soft_wrap=True)
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
