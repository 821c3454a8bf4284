"""The demo, run as a person does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.rig import answers, family, find_sshd, still_running

ROOT = Path(__file__).parents[2]
RESULTS = [
    "12 of 12 picks are the same in a second process with another hash seed.",
    "12 of 12 tasks ran on the picked host.",
    "If ws2 is drained: 3 of 12 tasks move, none of the others.",
]


def _listen_to_ctrl_c() -> None:
    """Undo what a shell does to a program in the background: it ignores SIGINT, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def demo(log: Path, **switches: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the demo in a process group of its own, with its output in a file."""
    env = {**os.environ, **switches, "COLUMNS": "120"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "examples.demo"],
            cwd=ROOT,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_listen_to_ctrl_c,  # noqa: PLW1509 (it takes no lock)
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=120)


def results(log: Path) -> list[str]:
    """Return the sentences in the demo's output that count picks or tasks."""
    return re.findall(r"^.*\b\d+ of \d+ .*$", log.read_text(), re.MULTILINE)


def wait_for(log: Path, pattern: str, process: subprocess.Popen[bytes], timeout: float = 300) -> re.Match[str]:
    """Wait for a line in the demo's output."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if found := re.search(pattern, log.read_text()):
            return found
        assert process.poll() is None, log.read_text()
        time.sleep(0.5)
    raise AssertionError(log.read_text())


def test_kept_demo_on_openssh_shows_the_address_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    if find_sshd() is None:
        pytest.skip("sshd is not installed: apt-get install openssh-server")
    log = tmp_path / "log"
    with demo(log, KEEP="1", SSHD="1") as process:
        url = wait_for(log, r"stays up until Ctrl-C: (\S+)", process)[1]
        home = Path(wait_for(log, r"AIRFLOW_HOME=(\S+)", process)[1])
        assert answers(url)
        assert results(log) == RESULTS
        assert log.read_text().count("✓") == 12
        started = family(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0, log.read_text()
    assert re.fullmatch(r"Demo: \d+ s", log.read_text().splitlines()[-1])
    assert still_running(started) == []
    assert not home.exists()


def test_interrupted_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with demo(log) as process:
        wait_for(log, r"Airflow: (\S+)", process)
        started = family(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130, log.read_text()
    assert started
    assert still_running(started) == []
