"""The paths that read a configuration, each giving its hosts or one of our errors; this runs in a child with limits."""

from __future__ import annotations

import io
import json
import os
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from airflow_balancer import load, load_fleet
from airflow_balancer.airflow import composing
from airflow_balancer.airflow.sources import find_sources
from airflow_balancer.cli import app
from airflow_balancer.errors import BalancerError, ConfigurationError, Problem
from airflow_balancer.files.locate import take_snapshot
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.viewer.catalogue import Catalogue
from airflow_balancer.viewer.configuration import Places
from airflow_balancer.viewer.service import Viewer

from .rig import Hosts, Job, Outcome

MEMORY = 512 * 2**20
"""What a path may allocate, in bytes."""
FOREIGN = "cannot be composed: "
"""What the scheduler and the page say of an error that is none of ours."""


class Refused(Exception):
    """The path refused the configuration with one of our errors."""


class Foreign(Exception):
    """The path answered with something else."""


def by_load(file: Path, overrides: Sequence[str]) -> Hosts:
    """Read as a DAG file does."""
    return {host.name: host.size for host in load(file, overrides).hosts}


def by_load_fleet(file: Path, overrides: Sequence[str]) -> Hosts:
    """Read as data."""
    return {host.name: host.size for host in load_fleet(file, overrides).hosts}


def _command(words: Sequence[str]) -> tuple[int, str, str]:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = app._main(words)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    printed, said = (stream.buffer.getvalue().decode() for stream in (out, err))
    if code not in (0, 1, 2, 3) or "Traceback" in said + printed:
        raise Foreign(f"exit code {code}: {said or printed}")
    return code, printed, said


def by_command(file: Path, overrides: Sequence[str]) -> Hosts:
    """Read as the command line does."""
    code, printed, said = _command(["show", str(file), "output=json", *overrides])
    if code:
        raise Refused(said)
    return {row["name"]: row["size"] for row in json.loads(printed)["hosts"]}


def by_other_commands(file: Path, overrides: Sequence[str]) -> None:
    """Check, print and plan it on the command line."""
    texts = [said for command in ("validate", "config", "plan") for code, _, said in [_command([command, str(file), *overrides])] if code]
    if texts:
        raise Refused(texts[0])


def by_scheduler(file: Path, overrides: Sequence[str]) -> Hosts | None:
    """Find and read it as the scheduler's sync does, in this process, which has limits already."""
    return _synced(file, overrides, lambda path, words: _composed([file.parent], path, words))


def by_scheduler_process(file: Path, overrides: Sequence[str]) -> Hosts | None:
    """Find and read it as the scheduler's sync does."""
    with composing.Composer([file.parent], [file.parent], named=True) as composer:
        return _synced(file, overrides, composer.load)


def _composed(roots: Sequence[Path], path: Path, overrides: Sequence[str]) -> Fleet:
    request = {"roots": [str(root.resolve()) for root in roots], "named": True, "path": str(path), "overrides": list(overrides)}
    answer = json.loads(composing.answer_to(json.loads(json.dumps(request))))
    if "problems" in answer:
        raise ConfigurationError(Problem(**{**problem, "path": tuple(problem["path"])}) for problem in answer["problems"])
    return Fleet.from_data(answer["node"])


def _synced(file: Path, overrides: Sequence[str], read: composing.Load) -> Hosts | None:
    sources, problems = find_sources(take_snapshot([file.parent]))
    fleets, wrong = composing.load_sources([source._replace(overrides=tuple(overrides)) for source in sources], read)
    if texts := [str(problem) for problem in (*problems, *wrong)]:
        raise (Foreign if any(FOREIGN in text for text in texts) else Refused)("\n".join(texts))
    fleet = fleets.get(str(file))
    return None if fleet is None else {host.name: host.size for host in fleet.hosts}


def by_page(file: Path, overrides: Sequence[str]) -> Hosts:
    """Answer as the page's API does."""
    viewer = Viewer(Catalogue(lambda: Places((file.parent,), ((file, tuple(overrides)),))))
    listed = _answer(viewer, "configurations", {})["configurations"]
    if not listed:
        raise Refused("the page lists nothing")
    given = {"configuration": listed[0]["id"]}
    shown = _answer(viewer, "fleet", given)
    for route in ("assignments", "query", "compare"):
        _answer(viewer, route, given, optional=True)
    return {row["name"]: row["size"] for row in shown["hosts"]}


def _answer(viewer: Viewer, route: str, query: dict[str, Any], *, optional: bool = False) -> Any:
    reply = viewer.api_of(route, query)
    text = reply.body.decode()
    if reply.status not in (200, 400, 404, 422) or FOREIGN in text:
        raise Foreign(f"{route}: {reply.status}: {text}")
    if reply.status == 200:
        return json.loads(text)
    if optional:
        return None
    raise Refused("\n".join(json.loads(text)["error"]["problems"]))


PATHS: dict[str, Callable[[Path, Sequence[str]], Hosts | None]] = {
    "load": by_load,
    "load_fleet": by_load_fleet,
    "command": by_command,
    "other commands": by_other_commands,
    "scheduler": by_scheduler,
    "scheduler's process": by_scheduler_process,
    "page": by_page,
}


def read_by(path: str, job: Job) -> Outcome:
    """Return what a path makes of a configuration; nothing is raised."""
    started = _cpu()
    hosts, text, ours = None, "", True
    try:
        hosts = PATHS[path](job.file, job.overrides)
    except (Refused, BalancerError) as error:
        text = str(error)
        ours = all(line.isprintable() for line in text.split("\n"))
    except BaseException as error:
        text, ours = f"{type(error).__name__}: {str(error)[:2000]}", False
    return Outcome(path, hosts, text[:4000], ours, _cpu() - started)


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def serve(connection: Connection) -> None:
    """Answer jobs until there are no more, within the limits."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, resource.RLIM_INFINITY))
    while (job := connection.recv()) is not None:
        started = time.monotonic()
        for path in job.paths:
            connection.send(read_by(path, job))
        connection.send(time.monotonic() - started)
