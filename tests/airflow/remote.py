"""Remote jobs for the tests: tasks that run without an Airflow, and what their host has seen."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_balancer import BalancedSSHRemoteJobOperator, BalancerConfiguration
from tests.airflow.ssh import KEY, context

fork = get_context("fork")


class Store:
    """Airflow 3.3's `task_state_store`, in a file that outlives a process."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def get(self, key: str, default: Any = None) -> Any:
        return self._all().get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.file.write_text(json.dumps({**self._all(), key: value}))

    def delete(self, key: str) -> None:
        self.file.write_text(json.dumps({name: value for name, value in self._all().items() if name != key}))

    def _all(self) -> dict[str, Any]:
        return json.loads(self.file.read_text()) if self.file.exists() else {}


@dataclass
class Task:
    """A task whose job logs that it starts and ends; each attempt has an operator of its own, as in Airflow."""

    folder: Path
    balancer: BalancerConfiguration
    stored: bool = True
    seconds: float = 0
    failover: bool = False
    name: str = "task"
    exit_code: int = 0

    @property
    def log(self) -> list[str]:
        file = self.folder / "log"
        return file.read_text().split() if file.exists() else []

    def operator(self, **changes: Any) -> BalancedSSHRemoteJobOperator:
        command = f"echo start >>{self.folder}/log; echo said; sleep {self.seconds}; echo end >>{self.folder}/log; exit {self.exit_code}"
        given = {"command": command, "poll_interval": 0.2, "remote_base_dir": str(self.folder / "jobs"), **changes}
        return BalancedSSHRemoteJobOperator(task_id="extract", balancer=self.balancer, key=KEY, failover=self.failover, **given)

    def context(self, number: int) -> dict[str, Any]:
        made = context(number)
        made["ti"].run_id, made["ti"].get_first_reschedule_date = self.name, lambda _: None
        made["dag_run"] = SimpleNamespace(start_date="2026-01-01")
        return {**made, "task_state_store": Store(self.folder / f"{self.name}.json")} if self.stored else made

    def start(self, number: int = 1, **changes: Any) -> TaskDeferred:
        """Run an attempt until it defers."""
        with pytest.raises(TaskDeferred) as raised:
            self.operator(**changes).execute(self.context(number))
        return raised.value

    def end(self, deferred: TaskDeferred, number: int = 1, **changes: Any) -> dict[str, Any]:
        """Run the trigger of an attempt, and then the attempt's last part; return what the trigger said."""
        event = event_of(deferred)
        self.operator(**changes).execute_complete(self.context(number), event, **deferred.kwargs)
        return event

    def killed(self, at: Callable[[Callable[[], None]], None], number: int = 1) -> None:
        """Run an attempt in a process that kills itself where `at` puts the killing."""
        process = fork.Process(target=self._killed, args=(at, number))
        process.start()
        process.join(60)
        assert process.exitcode == -9, process.exitcode

    def _killed(self, at: Callable[[Callable[[], None]], None], number: int) -> None:
        at(lambda: os.kill(os.getpid(), 9))
        self.start(number)


def trigger_of(deferred: TaskDeferred) -> Any:
    """The trigger as the triggerer has it."""
    path, arguments = deferred.trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(__import__(module, fromlist=[name]), name)(**json.loads(json.dumps(arguments)))


def event_of(deferred: TaskDeferred) -> dict[str, Any]:
    """Run the trigger until it fires."""

    async def first() -> dict[str, Any]:
        events = trigger_of(deferred).run()
        event = await anext(events)
        await events.aclose()
        return event.payload

    return asyncio.run(asyncio.wait_for(first(), 60))
