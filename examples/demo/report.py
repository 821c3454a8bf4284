"""What the demo shows: a bar while the tasks run, a table when they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from .airflow_client import TaskState

__all__ = ("Answer", "TaskBar", "most_at_once", "show_pools", "show_table")


@dataclass(frozen=True)
class Answer:
    """A task, the host and the pool that the balancer picked for it, and what the remote shell answered."""

    task: TaskState
    picked: Mapping[str, str]
    said: str

    @property
    def is_right(self) -> bool:
        """Whether the shell answered from the picked host, and the task was counted in the picked pool."""
        return self.said.endswith(f" on {self.picked['host']}") and self.task.pool == self.picked["pool"]


class TaskBar:
    """A progress bar over the tasks of a run; a context manager."""

    def __init__(self, console: Console, total: int) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._bar = self._progress.add_task("waiting for the scheduler", total=total)

    def __enter__(self) -> TaskBar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, tasks: Sequence[TaskState]) -> None:
        """Show how many tasks are done and which run."""
        running = ", ".join(task.task_id for task in tasks if task.state == "running")
        done = sum(task.finished for task in tasks)
        self._progress.update(self._bar, completed=done, description=running or "waiting for the scheduler")


def most_at_once(tasks: Sequence[TaskState]) -> int:
    """How many of the tasks ran at the same moment, at most."""
    spans = [(task.started, task.ended) for task in tasks if task.started and task.ended]
    return max((sum(start <= moment < end for start, end in spans) for moment, _ in spans), default=0)


def show_table(console: Console, answers: Sequence[Answer]) -> None:
    """Print a row for each task, in the order in which they ran."""
    table = Table(title="Where each task ran")
    for heading in ("task", "host", "pool", "the remote shell said", ""):
        table.add_column(heading, no_wrap=True)
    for answer in sorted(answers, key=lambda answer: str(answer.task.started)):
        verdict = "[green]✓[/]" if answer.is_right else "[red]✗[/]"
        table.add_row(answer.task.task_id, answer.picked["host"], answer.task.pool, answer.said, verdict)
    console.print(table)


def show_pools(console: Console, tasks: Sequence[TaskState], slots: Mapping[str, int]) -> bool:
    """Print how full each pool was, and return whether none ran more tasks than it has slots."""
    table = Table(title="The pools, made by the plugin")
    for heading in ("pool", "slots", "tasks", "at once"):
        table.add_column(heading, justify="left" if heading == "pool" else "right")
    kept = True
    for pool in sorted({task.pool for task in tasks}):
        counted = [task for task in tasks if task.pool == pool]
        peak = most_at_once(counted)
        kept &= peak <= slots[pool]
        table.add_row(pool, str(slots[pool]), str(len(counted)), str(peak), style="red" if peak > slots[pool] else None)
    console.print(table)
    return kept
