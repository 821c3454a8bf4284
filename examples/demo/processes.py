"""Processes that always end with the program that started them, by their ids."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

from .errors import DemoError, end_of

__all__ = ("Process", "end_undisturbed", "exit_on_sigterm", "free_port", "run", "wait_until")


class Process:
    """A program that runs in its own process group and writes one log.

    Leaving the context ends it and everything it has started, by process id.
    """

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.env = dict(env)
        self._command = list(command)

    def __enter__(self) -> Process:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the program, or start it again after its end."""
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def check(self) -> None:
        """Raise `DemoError` with the end of the log if the program has ended."""
        if (code := self._popen.poll()) is not None:
            message = f"{self.name} ended with exit code {code}\n{end_of(self.log)}"
            raise DemoError(message)

    def stop(self, grace: float = 15) -> None:
        """Terminate it and its descendants, and kill them after `grace` seconds; stopping twice is harmless."""
        family = _family(self.pid)
        if grace:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGTERM)
            psutil.wait_procs(family, timeout=grace)
        for process in {*family, *_family(self.pid)}:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def run(command: Sequence[str], *, env: Mapping[str, str], log: Path, timeout: float = 180, cwd: Path | None = None) -> str:
    """Run a program to its end and return its output; standard error goes to the log."""
    with log.open("ab") as errors:
        done = subprocess.run(
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            timeout=timeout,
            check=False,
        )
    if done.returncode:
        message = f"{' '.join(command)} ended with exit code {done.returncode}\n{done.stdout.decode()[-2000:]}\n{end_of(log)}"
        raise DemoError(message)
    return done.stdout.decode()


def free_port(*addresses: str) -> int:
    """Find a TCP port that is free on all the addresses."""
    for _ in range(100):
        with socket.socket() as probe:
            probe.bind((addresses[0], 0))
            port = int(probe.getsockname()[1])
        if all(_is_free(address, port) for address in addresses[1:]):
            return port
    message = f"found no port that is free on all of {', '.join(addresses)}"
    raise DemoError(message)


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def wait_until(ready: Callable[[], bool], what: str, *, processes: Sequence[Process] = (), timeout: float = 120) -> None:
    """Call `ready` twice a second until it is true; give up if a process ends or the time is over.

    Raises:
        DemoError: With the end of the logs.
    """
    deadline = time.monotonic() + timeout
    while not ready():
        for process in processes:
            process.check()
        if time.monotonic() > deadline:
            logs = "\n".join(end_of(process.log) for process in processes)
            message = f"{what} did not happen in {timeout:.0f} seconds\n{logs}"
            raise DemoError(message)
        time.sleep(0.5)


def exit_on_sigterm() -> None:
    """Make SIGTERM end the program as Ctrl-C does, so that what it started is ended too."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)


def end_undisturbed() -> None:
    """Ignore Ctrl-C and SIGTERM from now on, so that a second one does not leave processes behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
