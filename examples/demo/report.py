"""The demo's output: a progress bar while the tasks run, then tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from .airflow_client import TaskState
from .picked import Pick, Picks, draining, moves

__all__ = ("Answer", "TaskBar", "most_at_once", "show_answers", "show_moves", "show_pools", "show_result")


@dataclass(frozen=True)
class Answer:
    """A task, what the balancer picked for it, and what the remote shell answered."""

    task: TaskState
    picked: Pick
    said: str

    @property
    def is_right(self) -> bool:
        """Whether the shell answered from the picked host, and the task was counted in the picked pool."""
        return self.said.endswith(f" on {self.picked.address}") and self.task.pool == self.picked.pool


class TaskBar:
    """A progress bar over the tasks of a run; a context manager."""

    def __init__(self, console: Console, total: int) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
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
    """The most tasks that ran at the same moment."""
    spans = [(task.started, task.ended) for task in tasks if task.started and task.ended]
    return max((sum(start <= moment < end for start, end in spans) for moment, _ in spans), default=0)


def show_answers(console: Console, answers: Sequence[Answer]) -> bool:
    """Print a row for each task, in the order of their starts, and return whether each ran on its picked host."""
    table = _table("task", "host", "pool", "the remote shell said", "as picked")
    for answer in sorted(answers, key=lambda answer: str(answer.task.started)):
        verdict = "[green]✓[/]" if answer.is_right else "[red]✗[/]"
        table.add_row(answer.task.task_id, answer.picked.host, answer.task.pool, answer.said, verdict)
    _print_table(console, "Where each task ran", table)
    right = sum(answer.is_right for answer in answers)
    return show_result(console, f"{right} of {len(answers)} tasks ran on the picked host.", right=right == len(answers))


def show_pools(console: Console, tasks: Sequence[TaskState], slots: Mapping[str, int]) -> bool:
    """Print how full each pool was, and return whether no pool exceeded its slots."""
    table = _table("pool", "slots", "tasks", "most at once")
    over = []
    for pool in sorted({task.pool for task in tasks}):
        counted = [task for task in tasks if task.pool == pool]
        peak = most_at_once(counted)
        over += [pool] if peak > slots[pool] else []
        table.add_row(pool, str(slots[pool]), str(len(counted)), str(peak))
    _print_table(console, "The pools, made by the plugin", table)
    said = f"more than the slots in {', '.join(over)}" if over else "never more than the slots"
    return show_result(console, f"Most at once: tasks that ran at the same moment, {said}.", right=not over)


def show_moves(console: Console, before: Picks, after: Picks, drained: str) -> None:
    """Print which tasks move, and where, if a host is drained."""
    table = _table("task", "host", "host then")
    for task, hosts in moves(before, after).items():
        table.add_row(task, *hosts)
    _print_table(console, f"The same DAG with host_overrides.{drained}.drain=true", table)
    console.print(draining(before, after, drained), highlight=False)


def show_result(console: Console, sentence: str, *, right: bool) -> bool:
    """Print a sentence in green if it is right, else in red, and return whether it is."""
    console.print(sentence, style="green" if right else "red", highlight=False, soft_wrap=True)
    return right


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, no_wrap=True, justify="right" if column in ("slots", "tasks", "most at once") else "left")
    return table


def _print_table(console: Console, title: str, table: Table) -> None:
    console.print(f"\n{title}", style="bold", highlight=False)
    console.print(table)
