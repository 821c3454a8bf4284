"""Real metadata databases for tests: SQLite files and a PostgreSQL cluster of our own, migrated by Airflow."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AIRFLOW = str(Path(sys.executable).with_name("airflow"))
_MEMORY = Path("/dev/shm")


def environment(home: Path, url: str, **more: str) -> dict[str, str]:
    """Return the environment of an Airflow process with this home and metadata database."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    return {
        **kept,
        # The executors of Airflow 2 look for `airflow` on the PATH.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        **more,
    }


def migrate(home: Path, url: str) -> None:
    """Make Airflow's tables in an empty database."""
    (home / "dags").mkdir(parents=True, exist_ok=True)
    command = [AIRFLOW, "db", "migrate"]
    done = subprocess.run(command, env=environment(home, url), cwd=home, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-4000:])


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def postgres_programs() -> Path | None:
    """Return the directory with PostgreSQL's own programs, which Debian keeps off the PATH; None without them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)


@contextmanager
def postgres_cluster(programs: Path) -> Iterator[str]:
    """Run a cluster on loopback, and give its URL up to the database's name.

    It is in memory where there is room: each database of Airflow has a thousand files, and disks are slow to delete them.
    """
    # PostgreSQL does not run as root, and pytest's own folders are closed to the user that it runs as.
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    who = {"user": user} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="balancer-", dir=_MEMORY if _has_room(_MEMORY) else None))
    if who:
        shutil.chown(folder, user)
    data, port = folder / "data", free_port()
    run = {"cwd": folder, "stdout": subprocess.DEVNULL, "timeout": 120, **who}
    try:
        subprocess.run([programs / "initdb", "-A", "trust", "-U", "airflow", "-E", "UTF8", "--no-sync", "-D", data], check=True, **run)
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off -c max_connections=100"
        subprocess.run([programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start"], check=True, **run)
        try:
            yield f"postgresql+psycopg2://airflow@127.0.0.1:{port}/"
        finally:
            subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], check=True, **run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_room(folder: Path) -> bool:
    return folder.is_dir() and shutil.disk_usage(folder).free > 2**31
