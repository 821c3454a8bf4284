"""A temporary Airflow home: its airflow.cfg, its DAGs, and the environment in which its programs run."""

from __future__ import annotations

import configparser
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from .processes import free_port, run

__all__ = ("IS_AIRFLOW_2", "AirflowHome")

IS_AIRFLOW_2 = version("apache-airflow").startswith("2.")
Sections = dict[str, dict[str, str]]


class AirflowHome:
    """A directory with everything that an Airflow has: settings, DAGs, logs, and the database if it is SQLite.

    Args:
        root: An empty directory.
        database: A SQLAlchemy URL; without one, SQLite in the home.
        settings: More settings for airflow.cfg, by section.
    """

    username = "admin"

    def __init__(self, root: Path, *, database: str | None = None, settings: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.root = root
        self.home = root / "home"
        self.dags = root / "dags"
        self.logs = root / "logs"
        for directory in (self.home, self.dags, self.logs):
            directory.mkdir(parents=True, exist_ok=True)
        self.database = database or f"sqlite:///{root / 'airflow.db'}"
        self.password = secrets.token_hex(12)
        self.url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
        self._write_settings(settings or {})

    @property
    def env(self) -> dict[str, str]:
        """The environment of this Airflow's programs, without inherited AIRFLOW settings, and with a home that has our SSH keys."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "_AIRFLOW"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return {**kept, "AIRFLOW_HOME": str(self.root), "HOME": str(self.home), "PATH": path, "NO_PROXY": "*"}

    def command(self, *arguments: str) -> list[str]:
        """The command line of an `airflow` subcommand."""
        return [sys.executable, "-m", "airflow", *arguments]

    def airflow(self, *arguments: str) -> str:
        """Run an `airflow` subcommand to its end and return what it printed."""
        return run(self.command(*arguments), env=self.env, log=self.logs / "airflow-commands.log")

    def python(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run Python in this Airflow's environment and return what it printed."""
        return run([sys.executable, *arguments], env={**self.env, **(env or {})}, log=self.logs / "python.log")

    def migrate(self) -> None:
        """Create the metadata database, and the user, which Airflow 2 keeps there."""
        self.airflow("db", "migrate")
        if IS_AIRFLOW_2:
            self.airflow("users", "create", *_user_flags(self.username, self.password))

    def task_log(self, dag_id: str, run_id: str, task_id: str) -> Path:
        """The log of a task's last attempt."""
        attempts = self.logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        return max(attempts.glob("attempt=*.log"), default=attempts / "attempt=1.log")

    def _write_settings(self, settings: Mapping[str, Mapping[str, str]]) -> None:
        sections = _common(self) | (_airflow2(self) if IS_AIRFLOW_2 else _airflow3(self))
        for name, values in settings.items():
            sections.setdefault(name, {}).update(values)
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_dict(sections)
        with (self.root / "airflow.cfg").open("w") as file:
            parser.write(file)
        (self.root / "passwords.json").write_text(json.dumps({self.username: self.password}))


def _common(home: AirflowHome) -> Sections:
    return {
        "core": {
            "dags_folder": str(home.dags),
            "load_examples": "False",
            "min_serialized_dag_update_interval": "0",
            "parallelism": "6",
            "dags_are_paused_at_creation": "False",
        },
        "database": {"sql_alchemy_conn": home.database, "load_default_connections": "False"},
        "logging": {"base_log_folder": str(home.logs)},
        "scheduler": {"scheduler_idle_sleep_time": "0.5"},
    }


def _airflow3(home: AirflowHome) -> Sections:
    common = _common(home)
    own = {
        "executor": "LocalExecutor",
        "simple_auth_manager_users": f"{home.username}:admin",
        "simple_auth_manager_passwords_file": str(home.root / "passwords.json"),
        "execution_api_server_url": f"{home.url}/execution/",
    }
    return {
        "core": {**common["core"], **own},
        "api": {"base_url": home.url, "secret_key": secrets.token_hex(16)},
        "api_auth": {"jwt_secret": secrets.token_hex(32)},
        "dag_processor": {"refresh_interval": "5", "min_file_process_interval": "5", "bundle_refresh_check_interval": "2"},
    }


def _airflow2(home: AirflowHome) -> Sections:
    common = _common(home)
    executor = "SequentialExecutor" if home.database.startswith("sqlite") else "LocalExecutor"
    parsing = {"dag_dir_list_interval": "5", "min_file_process_interval": "5"}
    return {
        "core": {**common["core"], "executor": executor},
        "api": {"auth_backends": "airflow.api.auth.backend.basic_auth"},
        "scheduler": {**common["scheduler"], **parsing},
        "webserver": {"base_url": home.url, "secret_key": secrets.token_hex(16), "workers": "1"},
    }


def _user_flags(username: str, password: str) -> Sequence[str]:
    names = ["--username", username, "--firstname", "Demo", "--lastname", "Admin", "--email", "admin@example.org"]
    return [*names, "--role", "Admin", "--password", password]
