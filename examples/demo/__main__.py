"""Show the example fleet, run the example DAG on it in a real Airflow, and show where each task ran and what a drained host moves.

`python -m examples.demo`. The environment sets two switches: `KEEP=1` leaves Airflow up until Ctrl-C, `SSHD=1` serves the
hosts with OpenSSH's sshd.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from .airflow_home import AirflowHome
from .airflow_processes import Airflow
from .errors import DemoError
from .fleet import DAGS, FLEET, names_by_address, read_fleet, write_dag
from .openssh_hosts import OpenSshHosts
from .picked import Pick, Picks, sameness
from .processes import end_undisturbed, exit_on_sigterm
from .report import Answer, TaskBar, show_answers, show_moves, show_pools, show_result
from .ssh_hosts import EmbeddedHosts

DAG_ID = "etl"
KEEP = bool(os.environ.get("KEEP"))
DRAINED = "ws2"
PICKS = Path(__file__).with_name("picks.py")


def run_demo(console: Console, home: AirflowHome, stack: ExitStack) -> bool:
    """Show the fleet, start everything, run the DAG once, and return whether every result is as expected."""
    show_fleet(console)
    console.print(f"The DAG {os.path.relpath(DAGS / 'etl.py')} on these hosts", style="bold", highlight=False)
    fleet = serve_fleet(console, home, stack)
    file = write_dag(fleet, home.dags)
    drained_file = write_dag({**fleet, "host_overrides": {DRAINED: {"drain": True}}}, home.root / "drained")
    with console.status("picking hosts, and making Airflow's metadata database"):
        picked, again, drained = prepare(home, file, drained_file)
    stable = show_result(console, sameness(picked, again), right=picked == again)
    right = run_dag(console, start_airflow(console, home, stack), picked)
    show_moves(console, picked, drained, DRAINED)
    return stable and right


def show_fleet(console: Console) -> None:
    """Run `airflow-balancer` on the example's YAML, as a person would."""
    command = [program("airflow-balancer"), os.path.relpath(FLEET)]
    console.print(f"$ {' '.join(command)}", style="bold", highlight=False)
    if code := subprocess.run(command, check=False).returncode:
        message = f"{' '.join(command)} ended with exit code {code}"
        raise DemoError(message)


def serve_fleet(console: Console, home: AirflowHome, stack: ExitStack) -> dict[str, Any]:
    """Start an SSH server on the address of each host, and return the fleet with the login and the port."""
    server = OpenSshHosts if os.environ.get("SSHD") else EmbeddedHosts
    hosts = stack.enter_context(server(list(names_by_address()), home.home))
    console.print(f"SSH servers: one on each address, port {hosts[0].port}", highlight=False)
    return read_fleet(hosts)


def program(name: str) -> str:
    """The relative path of a program of this virtualenv."""
    return os.path.relpath(Path(sys.executable).with_name(name))


def prepare(home: AirflowHome, file: Path, drained_file: Path) -> tuple[Picks, Picks, Picks]:
    """Create the metadata database while two processes pick: the first file's picks, the same again, and the second file's."""
    with ThreadPoolExecutor() as beside:
        database = beside.submit(home.migrate)
        second = beside.submit(picks_in_fresh_process, home, 2, file, drained_file)
        [picked] = picks_in_fresh_process(home, 1, file)
        again, drained = second.result()
        database.result()
    return picked, again, drained


def picks_in_fresh_process(home: AirflowHome, seed: int, *files: Path) -> list[Picks]:
    """Run DAG files with a hash seed and return the picks for the tasks of each."""
    printed = home.python(str(PICKS), *map(str, files), env={"PYTHONHASHSEED": str(seed)})
    names = names_by_address()
    return [
        {task: Pick(names[pick["host"]], pick["host"], pick["pool"]) for task, pick in json.loads(line).items()}
        for line in printed.splitlines()[-len(files) :]
    ]


def start_airflow(console: Console, home: AirflowHome, stack: ExitStack) -> Airflow:
    """Start a new Airflow and let it parse the DAG; it ends with the stack."""
    with console.status(f"starting Airflow {version('apache-airflow')}"):
        airflow = stack.enter_context(Airflow(home))
        stack.callback(airflow.kill)
        console.print(f"Airflow: {home.url}")
    with console.status("waiting for the DAG to be parsed"):
        airflow.wait_for_dag(DAG_ID)
    return airflow


def run_dag(console: Console, airflow: Airflow, picked: Picks) -> bool:
    """Trigger the DAG, wait for its tasks, and compare their answers with the picks."""
    with TaskBar(console, len(picked)) as bar:
        run_id = airflow.run_dag(DAG_ID, seen=bar.update)
    client = airflow.client
    tasks = client.tasks(DAG_ID, run_id)
    right = show_answers(console, [Answer(task, picked[task.task_id], client.output(DAG_ID, run_id, task.task_id)) for task in tasks])
    return show_pools(console, tasks, client.pools()) and right


def main() -> int:
    """Run the demo; the exit code is 0 only if each task's answer came from the picked host."""
    console, start = Console(), time.monotonic()
    exit_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="airflow-balancer-demo-") as root, ExitStack() as stack:
        try:
            code = outcome(console, AirflowHome(Path(root)), stack)
        finally:
            end_undisturbed()
        with console.status("ending what was started"):
            stack.close()
    console.print(f"Demo: {time.monotonic() - start:.0f} s", highlight=False)
    return code


def outcome(console: Console, home: AirflowHome, stack: ExitStack) -> int:
    """Run the demo, stay up with `KEEP=1`, and return the exit code."""
    try:
        right = run_demo(console, home, stack)
        show_pages(console, home)
        if KEEP:
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
    except DemoError as error:
        console.print("[red]The demo failed.[/]")
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0 if right else 1


def show_pages(console: Console, home: AirflowHome) -> None:
    """Print where the page is, with and without Airflow."""
    lines = ["\nThe page in Airflow: KEEP=1 make demo"]
    if KEEP:
        lines = [
            f"\nAirflow stays up until Ctrl-C: {home.url}  (user {home.username}, password {home.password})",
            f"The page: {home.url}/airflow-balancer/",
            f"Its command line: HOME={home.home} AIRFLOW_HOME={home.root} {sys.executable} -m airflow",
        ]
    lines.append(f"The page without Airflow: {program('airflow-balancer-viewer')} {os.path.relpath(FLEET)}")
    console.print(*lines, sep="\n", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
