"""Runs the sides in turn, one process after the other, and gathers their samples."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .cases import FRESH, POSTGRESQL, PROCESSES
from .fleets import write_files
from .model import Measurement, Side, Size

__all__ = ("Effort", "Results", "Sides", "run")

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Effort:
    """How much is measured: rounds of all processes, samples of a job in each, seconds after which it takes no more, a process's limit."""

    rounds: int
    repeats: int
    seconds: float
    limit: float


@dataclass(frozen=True)
class Sides:
    """The Python of each side's virtualenv."""

    ours: str
    published: str

    def python(self, side: Side) -> str:
        """Return a side's Python; bare models run beside this package's."""
        return self.published if side == "published" else self.ours


@dataclass
class Results:
    """The samples of each measurement, and why one has none."""

    samples: dict[Measurement, list[float]] = field(default_factory=dict)
    failures: dict[Measurement, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Process:
    """One process of a round: the jobs that it runs, one after the other."""

    side: Side
    size: Size
    jobs: tuple[str, ...]
    on_postgresql: bool

    def of(self, job: str) -> Measurement:
        return Measurement(self.side, job, self.size)

    def without(self, failures: Mapping[Measurement, str]) -> _Process | None:
        """Return the process without the jobs that failed before; None where all did."""
        jobs = tuple(job for job in self.jobs if self.of(job) not in failures)
        return replace(self, jobs=jobs) if jobs else None


def _processes(measurements: Iterable[Measurement]) -> list[_Process]:
    """Return what one round runs: the sides of one size next to each other."""
    groups: dict[tuple[object, ...], list[Measurement]] = {}
    for item in dict.fromkeys(measurements):
        alone = item.job if item.job.startswith(FRESH) else ""
        groups.setdefault((item.size, alone, item.job.endswith(POSTGRESQL), item.side), []).append(item)
    ordered = sorted(groups.items(), key=lambda group: tuple(map(str, group[0])))
    return [_Process(items[0].side, items[0].size, tuple(item.job for item in items), bool(key[2])) for key, items in ordered]


def run(measurements: Iterable[Measurement], sides: Sides, effort: Effort, database: str, say: Callable[[str], None]) -> Results:
    """Take the samples.

    Args:
        measurements: What to measure.
        sides: The virtualenvs.
        effort: How much.
        database: The URL of an empty PostgreSQL database; empty: what needs one is left out.
        say: Is told what runs.
    """
    results, processes = Results(), _processes(measurements)
    with tempfile.TemporaryDirectory(prefix="balancer-bench-") as folder:
        for size in dict.fromkeys(process.size for process in processes):
            write_files(_files(Path(folder), size), *size)
        # The first round writes the bytecode and fills the system's caches; its samples do not count.
        _warm(processes, sides, Path(folder))
        for number in range(effort.rounds):
            for process in (left for item in processes if (left := item.without(results.failures))):
                say(f"round {number + 1} of {effort.rounds}: {process.side}, {process.size}, {', '.join(process.jobs)}")
                samples, failures = _run(process, sides, effort, Path(folder), database)
                results.failures |= failures
                for item, more in samples.items():
                    results.samples.setdefault(item, []).extend(more)
    return results


def _files(folder: Path, size: Size) -> Path:
    return folder / f"{size.hosts}-{size.ports}"


def _environment(side: Side, folder: Path) -> Mapping[str, str]:
    """Return an environment in which a side finds its own package, and writes bytecode as it would in service."""
    left_out = ("PYTHON", "AIRFLOW")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    path = [_REPOSITORY / "tools", *([] if side == "published" else [_REPOSITORY])]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode" / side),
        "AIRFLOW_HOME": str(folder / "airflow" / side),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }


def _command(process: _Process, sides: Sides, effort: Effort, folder: Path, database: str) -> list[str]:
    files = _files(folder, process.size)
    python = sides.python(process.side)
    if process.jobs[0] in PROCESSES:
        return [python, *(text.format(file=files / "plain" / "fleet.yaml") for text in PROCESSES[process.jobs[0]])]
    setting = {**process.size._asdict(), "repeats": effort.repeats, "seconds": effort.seconds, "folder": str(files)}
    jobs = [job.removesuffix(POSTGRESQL) for job in process.jobs]
    asked = {"jobs": jobs, "setting": {**setting, "database": database if process.on_postgresql else ""}}
    return [python, "-m", "bench.worker", json.dumps(asked)]


def _warm(processes: Iterable[_Process], sides: Sides, folder: Path) -> None:
    least = Effort(rounds=1, repeats=1, seconds=0, limit=600)
    for side in dict.fromkeys(process.side for process in processes):
        jobs = [job for process in processes if process.side == side for job in process.jobs if POSTGRESQL not in job]
        size = min((process.size for process in processes), key=lambda size: size.hosts)
        for name in ("process.cli", "process.python"):
            if name in jobs:
                _start(_Process(side, size, (name,), on_postgresql=False), sides, least, folder, "")
        rest = tuple(dict.fromkeys(job for job in jobs if job not in PROCESSES))
        if rest:
            _start(_Process(side, size, rest, on_postgresql=False), sides, least, folder, "")


def _start(
    process: _Process, sides: Sides, effort: Effort, folder: Path, database: str
) -> tuple[subprocess.CompletedProcess[str] | None, float, str]:
    """Run a process to its end or limit, and return it, its seconds, and what it printed."""
    command = _command(process, sides, effort, folder, database)
    environment = _environment(process.side, folder)
    start = time.perf_counter()
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=effort.limit, check=False)
    except subprocess.TimeoutExpired as error:
        return None, effort.limit, (error.stdout or b"").decode()
    return done, time.perf_counter() - start, done.stdout


def _run(
    process: _Process, sides: Sides, effort: Effort, folder: Path, database: str
) -> tuple[dict[Measurement, list[float]], dict[Measurement, str]]:
    """Return the samples of a process's jobs, and why others have none."""
    if process.on_postgresql and not database:
        return {}, {process.of(job): "PostgreSQL is not installed" for job in process.jobs}
    done, seconds, printed = _start(process, sides, effort, folder, database)
    failed = done is None or bool(done.returncode)
    if process.jobs[0] in PROCESSES and not failed:
        return {process.of(process.jobs[0]): [seconds]}, {}
    answers = (
        {}
        if process.jobs[0] in PROCESSES
        else {process.of(job): line for job, line in zip(process.jobs, map(json.loads, printed.splitlines()), strict=False)}
    )
    samples = {item: line["samples"] for item, line in answers.items() if "samples" in line}
    reason = f"over {effort.limit:g} s" if done is None else (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    errors = {
        process.of(job): answers.get(process.of(job), {}).get("error", reason) for job in process.jobs if process.of(job) not in samples
    }
    return samples, errors
