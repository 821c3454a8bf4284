"""Composes configurations in a child process, so that none of them can crash, exhaust or change the calling process.

The child has limits on memory and time, no DAG folder on its Python path, and none of the resolvers registered in
Airflow's process. It reads a line of JSON for each configuration, and answers with a line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any, Self

from ..errors import ConfigurationError, Problem
from ..files.locate import find_source, tree_above
from ..files.reading import reading
from ..files.yaml import read_root
from ..fleet.fleet import Fleet
from ..fleet.masking import mask_text
from ..hydra.secrets import written_secrets

if TYPE_CHECKING:
    from .sources import Source

Load = Callable[[Path, Sequence[str]], Fleet]
CPU_SECONDS = 10
"""The most CPU time to compose one configuration; a Hydra tree of 1,000 hosts takes three seconds."""
SECONDS = 30.0
"""The most wall-clock time, which allows for a busy machine."""
MEMORY = 2**30
"""The child's address space, in bytes."""


class Composer:
    """The child process. It starts with the first configuration, and again after one that killed it.

    Args:
        roots: The folders that hold every file the child may open.
        closed: The folders to keep off its Python path; Airflow 2 puts the DAGs folder there.
        named: Whether an operator named the configurations; they may then compose from folders above their own.
    """

    def __init__(self, roots: Sequence[Path], closed: Sequence[Path], *, named: bool) -> None:
        self._request = {"roots": [str(root.resolve()) for root in roots], "named": named}
        self._closed = closed
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def load(self, path: Path, overrides: Sequence[str]) -> Fleet:
        """Return the fleet of a configuration.

        Raises:
            ConfigurationError: The configuration is invalid, or exceeds a limit.
        """
        self._process = self._process or _start(self._closed)
        answer = _ask(self._process, {**self._request, "path": str(path), "overrides": list(overrides)})
        if answer is None:
            raise ConfigurationError(_loss(self._end()))
        if "problems" in answer:
            raise ConfigurationError(Problem(**{**problem, "path": tuple(problem["path"])}) for problem in answer["problems"])
        return Fleet.from_data(answer["node"])

    def _end(self) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()
        with process:
            return process.wait()


def load_sources(sources: Sequence[Source], load: Load) -> tuple[dict[str, Fleet], list[Problem]]:
    """Compose each source as data, without instantiating anything; a source that fails becomes a problem, and the rest are loaded."""
    fleets, problems = {}, []
    for source in sources:
        origin = str(source.path)
        if origin in fleets:  # the same file with other overrides
            origin = shlex.join([origin, *source.overrides])
        try:
            fleets[origin] = load(source.path, source.overrides)
        except ConfigurationError as error:
            problems += [problem if problem.origin else replace(problem, origin=origin) for problem in error.problems]
        except Exception as error:  # one broken file must not hide the others
            text = mask_text(str(error), written_secrets(source.path, source.overrides))
            problems.append(Problem(f"cannot be composed: {type(error).__name__}: {text}", origin=origin))
    return fleets, problems


def _start(closed: Sequence[Path]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path_without(closed))), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", "-m", __name__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603


def path_without(closed: Sequence[Path]) -> list[str]:
    """Return Python's path without some folders. Airflow 2 puts the DAGs folder on it, and Hydra imports plugins from it."""
    folders = [folder.resolve() for folder in closed]
    return [entry for entry in sys.path if not any(Path(entry).resolve().is_relative_to(folder) for folder in folders)]


@contextmanager
def without_code_of(folders: Sequence[Path]) -> Iterator[None]:
    """Hide the Python modules in some folders while the context lasts."""
    path = sys.path[:]
    sys.path[:] = path_without(folders)
    try:
        yield
    finally:
        sys.path[:] = path


def _ask(process: subprocess.Popen[str], request: Mapping[str, Any]) -> Any:
    """Return the process's answer to a request, or None if it ended."""
    assert process.stdin
    assert process.stdout
    patience = Timer(SECONDS, process.kill)
    patience.start()
    try:
        process.stdin.write(f"{json.dumps(request)}\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        return None
    finally:
        patience.cancel()
    return json.loads(line) if line.endswith("\n") else None


def _loss(code: int) -> str:
    if code > 0:
        return f"cannot be composed: the process for it ended with code {code}"
    return f"cannot be composed within {CPU_SECONDS} s of CPU time, {SECONDS:g} s and {MEMORY // 2**20} MiB"


def answer_to(request: Mapping[str, Any]) -> str:
    """Return the answer to a request as JSON: the balancer's node, or the problems."""
    try:
        return json.dumps({"node": _node(request)})
    except ConfigurationError as error:
        return json.dumps({"problems": [asdict(problem) for problem in error.problems]})
    except Exception as error:  # one broken file must not stop the child
        return json.dumps({"problems": [asdict(Problem(f"cannot be composed: {type(error).__name__}: {error}"))]})


def _node(request: Mapping[str, Any]) -> Mapping[str, Any]:
    from ..hydra.compose import compose_file

    source = find_source(request["path"])
    roots = [Path(root) for root in request["roots"]]
    if request["named"]:
        roots += [folder.resolve() for folder in tree_above(source, read_root(source))]
    with reading(roots=tuple(roots), foreign_code=False):
        composed = compose_file(source, request["overrides"])
        composed.fleet  # noqa: B018 (it raises the problems, each with its file)
        return composed.node


def _limit() -> None:
    """Set the limits for the next answer."""
    with suppress(ValueError, OSError):  # some systems lack such limits
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, resource.RLIM_INFINITY))


def _main() -> None:
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # other output must not mix with the answers
        for line in sys.stdin:
            _limit()
            answers.write(f"{answer_to(json.loads(line))}\n")
            answers.flush()


if __name__ == "__main__":
    _main()
