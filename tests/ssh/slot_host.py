"""A host for the tests of slots: runs claims as sshd does, in any login shell, with one of the lock tools."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pytest

from airflow_balancer.ssh.slots import Answer, claim_command, read_answer

TOKEN = "f00d"
TOOLS = ("flock", "toybox", "perl", "python3")
SHELLS = ("sh", "bash", "zsh", "tcsh", "fish")
_OF_THE_SCRIPT = ("ls", "mkdir", "timeout", "printf")
_OF_THE_COMMANDS = ("cat", "echo", "env", "sleep", "sh", "sort", "true")


class Ran(NamedTuple):
    """What a command did: its exit status as Python has it, and all that it printed."""

    status: int
    stdout: bytes
    stderr: bytes


def program(name: str) -> str:
    """The path of a program; the test is skipped where it is missing, which it never is in CI."""
    found = shutil.which(name, path=os.pathsep.join(("/usr/bin", "/bin", "/usr/sbin", os.environ["PATH"])))
    if not found:  # .ci/run installs all of them
        pytest.skip(f"{name} is not installed: on Debian, apt-get install busybox fish sudo tcsh toybox zsh")
    return found


def tool_path(folder: Path, tool: str) -> str:
    """Make a folder for PATH with a single lock tool, or with none where `tool` is empty."""
    folder.mkdir()
    for name in (*_OF_THE_SCRIPT, *_OF_THE_COMMANDS):
        (folder / name).symlink_to(program(name))
    if tool:
        # Debian builds its busybox without flock; toybox has one of its own, for the same arguments.
        (folder / ("flock" if tool == "toybox" else tool)).symlink_to(program(tool))
    return str(folder)


@dataclass(frozen=True)
class SlotHost:
    """Where claims run: the slots' folder and how many there are, the SSH user's home and login shell, PATH."""

    folder: Path
    home: Path
    size: int = 2
    shell: str = "sh"
    path: str = os.environ["PATH"]
    tells_shell: bool = True
    sh: Sequence[str] = ()
    """The shell that runs the script in place of /bin/sh."""

    def with_(self, **changes: object) -> SlotHost:
        return replace(self, **changes)  # type: ignore[arg-type]

    def claim(self, command: str) -> str:
        claim = claim_command(command, size=self.size, slot_dir=str(self.folder), holder="the tests", token=TOKEN)
        return claim.replace("/bin/sh", shlex.join(self.sh), 1) if self.sh else claim

    def start(self, command: str, **options: object) -> subprocess.Popen[bytes]:
        """Start what is sent to sshd, as sshd does."""
        shell = program(self.shell)
        env = {"HOME": str(self.home), "PATH": self.path, "LANG": "C.UTF-8", **({"SHELL": shell} if self.tells_shell else {})}
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([self.shell, "-c", command], executable=shell, env=env, cwd=self.home, start_new_session=True, **streams)

    def run(self, command: str) -> Ran:
        """Run a command without a slot."""
        process = self.start(command)
        out, err = process.communicate(timeout=60)
        return Ran(process.returncode, out, err)

    def run_claimed(self, command: str) -> tuple[Answer, Ran]:
        """Run a command in a slot; what it printed is without the answer, which is beside it."""
        status, out, err = self.run(self.claim(command))
        answer, err = _split(err)
        if answer.kind == "claimed":
            _, out = _split(out)
        return answer._replace(before=b""), Ran(status, out, err)

    @contextmanager
    def held(self, seconds: int = 60) -> Iterator[subprocess.Popen[bytes]]:
        """Hold a slot by a command that sleeps."""
        with self.start(self.claim(f"exec sleep {seconds}")) as process:
            try:
                answer = read_answer(TOKEN, lambda: process.stderr.read(1))
                assert answer.kind == "claimed", answer
                yield process
            finally:
                os.killpg(process.pid, signal.SIGKILL)


def _split(stream: bytes) -> tuple[Answer, bytes]:
    rest = iter(stream[i : i + 1] for i in range(len(stream)))
    answer = read_answer(TOKEN, lambda: next(rest, b""))
    return answer, answer.before + b"".join(rest)


def most_at_once(log: Path) -> int:
    """The most commands that ran at once, by a log with a line `start` or `end` for each."""
    running = most = 0
    for line in log.read_text().split():
        running += {"start": 1, "end": -1}[line]
        most = max(most, running)
    assert running == 0, f"{running} did not end"
    return most


def until(holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def is_held(slot: Path) -> bool:
    """Whether somebody holds a slot."""
    with slot.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
