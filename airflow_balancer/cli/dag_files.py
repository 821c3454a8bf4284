"""Runs DAG files to learn their requests; for their author at the command line only."""

from __future__ import annotations

import os
import pickle
import runpy
import signal
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import ConfigurationError, Problem
from .command import Key, Request

if TYPE_CHECKING:
    from ..lock.recorder import Recorder

SECONDS = 60
"""The longest that a DAG file may run."""
T = TypeVar("T")

DAG_FILES = Key("dag_files", "PATH", "DAG files, or folders of them, whose requests count, too; they are run")

_PICKS = (b"free_port", b"select_host", b"assign_hosts")
_SKIPPED = frozenset(("__pycache__", "node_modules", "site-packages"))


def paths_of(request: Request) -> list[str]:
    """Return the paths under a request's key `dag_files`."""
    given = request.keys.get("dag_files") or []
    return given if isinstance(given, list) else [given]


def find_dag_files(paths: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Return the Python files to run, each with the folder that it is imported from, as absolute paths.

    A folder gives the files below it that contain the words `dag` and `airflow`, as Airflow's discovery does, and those
    that contain `free_port`, `select_host` or `assign_hosts`.

    Raises:
        ConfigurationError: A path does not exist, or is neither a folder nor a Python file.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            folder = path.absolute()
            found |= {file: folder for file in sorted(folder.rglob("*.py")) if _is_meant(file, folder)}
        elif path.is_file() and path.suffix == ".py":
            found.setdefault(path.absolute(), path.absolute().parent)
        else:
            wrong = "must be a Python file or a folder of them" if path.exists() else "there is no such file or folder"
            raise ConfigurationError(f"dag_files: {path}: {wrong}")
    return sorted(found.items())


def _is_meant(file: Path, folder: Path) -> bool:
    if any(part in _SKIPPED or part.startswith(".") for part in file.relative_to(folder).parts):
        return False
    content = file.read_bytes().lower()
    return any(word in content for word in _PICKS) or (b"dag" in content and b"airflow" in content)


def run_dag_file(file: Path, folder: Path, recorder: Recorder) -> Recorder:
    """Run a file as a DAG processor does, and return a copy of the recorder with the file's requests.

    The file runs in its own process, with its folder importable, and not as the main program. Its warnings are hidden.
    The recorder must be that of the current reading.

    Raises:
        ConfigurationError: The file cannot be run. The error has the cause.
    """
    _load_once()
    noted, wrong = _in_child(lambda: _run(file, folder, recorder))
    if noted is None:
        raise ConfigurationError([Problem(f"cannot be run: {wrong}", origin=str(file))])
    return noted


def _load_once() -> None:
    """Import what nearly every DAG file imports, once for all children."""
    with warnings.catch_warnings(), suppress(ImportError):
        warnings.simplefilter("ignore")
        import_module("airflow_balancer.config")


def _in_child(run: Callable[[], T]) -> tuple[T | None, str]:
    """Call a function in a forked child, and return its result, or None and the reason. Its output goes to stderr."""
    reading, writing = os.pipe()
    interrupts: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))  # held back until the child is forked
    if (child := os.fork()) == 0:
        signal.signal(signal.SIGINT, handler)
        os.close(reading)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        with suppress(BaseException):
            _answer(run, writing)
        os._exit(0)
    try:
        signal.signal(signal.SIGINT, handler)
        if interrupts and callable(handler):
            handler(signal.SIGINT, None)
        os.close(writing)
        with open(reading, "rb") as answer:
            content = answer.read()
    except KeyboardInterrupt:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ended = f"it takes more than {SECONDS} seconds" if code == -signal.SIGALRM else f"it ends the process, with code {code}"
    result: tuple[T | None, str] = pickle.loads(content) if content else (None, ended)  # noqa: S301 (ours)
    return result


def _answer(run: Callable[[], Any], writing: int) -> None:
    os.dup2(2, 1)
    try:
        answer = pickle.dumps((run(), ""))
    except BaseException as error:  # a file may raise anything
        answer = pickle.dumps((None, _text(error)))
    with open(writing, "wb") as file:
        file.write(answer)


def _text(error: BaseException) -> str:
    try:
        return " ".join(f"{type(error).__name__}: {error}".split())
    except Exception:  # its __str__ may raise, too
        return type(error).__name__


def _run(file: Path, folder: Path, recorder: Recorder) -> Recorder:
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True  # a module that is edited within the same second would run as it was before
    warnings.simplefilter("ignore")
    runpy.run_path(str(file), run_name=f"dag_file_{file.stem}")
    return recorder
