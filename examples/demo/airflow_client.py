"""The part of Airflow's REST API that the demo and the live tests use: version 2 of Airflow 3, version 1 of Airflow 2."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from .airflow_home import IS_AIRFLOW_2, AirflowHome
from .errors import DemoError

__all__ = ("AirflowClient", "TaskState")

FINISHED = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})


@dataclass(frozen=True)
class TaskState:
    """The state of one task in one run."""

    task_id: str
    state: str | None
    pool: str
    started: datetime | None
    ended: datetime | None
    attempts: int

    @property
    def finished(self) -> bool:
        """Whether the task will not run again by itself."""
        return self.state in FINISHED


class AirflowClient:
    """A logged-in client; a context manager."""

    def __init__(self, home: AirflowHome) -> None:
        self._home = home
        self._http = httpx.Client(base_url=home.url, timeout=30, trust_env=False)
        self._api = "/api/v1" if IS_AIRFLOW_2 else "/api/v2"

    def __enter__(self) -> AirflowClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def is_up(self) -> bool:
        """Whether the server answers."""
        try:
            return self._http.get("/health" if IS_AIRFLOW_2 else "/api/v2/version").is_success
        except httpx.TransportError:
            return False

    def login(self) -> None:
        """Log in with the home's password: get a token from Airflow 3, send the password with each request to Airflow 2."""
        home = self._home
        if IS_AIRFLOW_2:
            self._http.auth = (home.username, home.password)
            return
        answer = self._http.post("/auth/token", json={"username": home.username, "password": home.password})
        answer.raise_for_status()
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG has been parsed."""
        return self._http.get(f"{self._api}/dags/{dag_id}").is_success

    def import_errors(self) -> list[str]:
        """Why DAG files could not be parsed."""
        return [error["stack_trace"] for error in self._get("importErrors")["import_errors"]]

    def trigger(self, dag_id: str) -> str:
        """Start a run and return its id."""
        body = {} if IS_AIRFLOW_2 else {"logical_date": None}
        return str(self._call("POST", f"dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """The state of a run."""
        return str(self._get(f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """The tasks of a run, sorted by id."""
        found = self._get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return sorted((_task_state(task) for task in found), key=lambda task: task.task_id)

    def output(self, dag_id: str, run_id: str, task_id: str) -> str:
        """What a task's command printed on its host."""
        entry = self._get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value")
        return base64.b64decode(entry["value"]).decode().strip()

    def pools(self) -> dict[str, int]:
        """The slots of each pool."""
        return {pool["name"]: pool["slots"] for pool in self._get("pools?limit=1000")["pools"]}

    def connections(self) -> dict[str, str]:
        """The host of each connection."""
        return {item["connection_id"]: item["host"] for item in self._get("connections?limit=1000")["connections"]}

    def set_slots(self, pool: str, slots: int) -> None:
        """Change a pool by hand, as a person would."""
        body = {"name": pool, "slots": slots, "include_deferred": self._get(f"pools/{pool}")["include_deferred"]}
        self._call("PATCH", f"pools/{pool}?update_mask=slots", json=body)

    def delete_pool(self, pool: str) -> None:
        """Delete a pool by hand, as a person would."""
        self._call("DELETE", f"pools/{pool}")

    def dag_versions(self, dag_id: str) -> int:
        """How many versions of a DAG Airflow 3 has."""
        return int(self._get(f"dags/{dag_id}/dagVersions")["total_entries"])

    def last_parsed(self, dag_id: str) -> str:
        """When a DAG was last parsed."""
        return str(self._get(f"dags/{dag_id}")["last_parsed_time"])

    def _get(self, path: str) -> dict[str, Any]:
        return self._call("GET", path)

    def _call(self, method: str, path: str, json: object = None) -> dict[str, Any]:
        answer = self._http.request(method, f"{self._api}/{path}", json=json)
        if answer.is_error:
            message = f"{method} {path}: {answer.status_code} {answer.text[:500]}"
            raise DemoError(message)
        return dict(answer.json()) if answer.content else {}


def _task_state(task: dict[str, Any]) -> TaskState:
    started, ended = _moment(task["start_date"]), _moment(task["end_date"])
    return TaskState(task["task_id"], task["state"], task["pool"], started, ended, task["try_number"])


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
