"""Print the address and the pool that a DAG file gives to each of its tasks: `python picks.py FILE...`.

Each file gives one line of JSON. These lines come last, after Airflow's logs.
"""

from __future__ import annotations

import json
import runpy
import sys
from typing import Any


def picks(file: str) -> dict[str, dict[str, str]]:
    """Run a DAG file as Airflow does, and return the host and pool of its SSH tasks."""
    dags: list[Any] = [value for value in runpy.run_path(file).values() if hasattr(value, "task_dict")]
    return {task.task_id: {"host": task.ssh_hook.remote_host, "pool": task.pool} for dag in dags for task in dag.tasks}


if __name__ == "__main__":
    lines = [json.dumps(picks(file)) for file in sys.argv[1:]]
    sys.stdout.write("\n".join(["", *lines, ""]))
