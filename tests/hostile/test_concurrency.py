"""Several processes and threads at once, killed ones, and files that are replaced while they are kept."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from airflow_balancer.files.locate import read_inventory
from airflow_balancer.files.reading import reading
from airflow_balancer.hydra.compose import load_fleet
from airflow_balancer.lock.entries import PortRequest
from airflow_balancer.lock.file import Lock, lock_at, write_lock

pytestmark = pytest.mark.thorough

PROGRAM = Path(sys.executable).with_name("airflow-balancer")
ASKING = (
    "balancer: {{lock: balancer.lock.yaml, hosts: [{{name: host1}}, {{name: host2}}]}}\n"
    "dags: {{t{0}: {{_target_: x, p: '${{balancer.free_port:{{host:host1}}}}', h: '${{balancer.name:{{}}}}'}}}}\n"
)
KILLED = """
import os, sys
os.replace = lambda *_: os.kill(os.getpid(), 9)
from pathlib import Path
Path.replace = os.replace
from airflow_balancer.cli.app import main
main()
"""


@pytest.mark.slow
def test_locks_that_are_written_at_once_lose_no_entry(write) -> None:
    files = [write(f"b{n}.yaml", ASKING.format(n)) for n in range(6)]
    running = [subprocess.Popen([PROGRAM, "lock", file], stdout=subprocess.DEVNULL) for file in files]
    assert [process.wait(60) for process in running] == [0] * 6
    lock = lock_at(files[0].parent / "balancer.lock.yaml")
    assert sorted(entry.requester for entry in lock.ports) == [f"dags.t{n}.p" for n in range(6)]
    assert len({entry.port for entry in lock.ports}) == 6
    assert [entry.requester for entry in lock.hosts] == [f"dags.t{n}" for n in range(6)]
    assert max(Counter(host for entry in lock.hosts for host in entry.hosts).values()) <= 4


@pytest.mark.slow
def test_a_killed_lock_leaves_nothing_that_stays(write) -> None:
    file = write("balancer.yaml", ASKING.format(1))
    lock = write("balancer.lock.yaml", "ports: []\n")
    killed = subprocess.run([sys.executable, "-c", KILLED, "lock", file], timeout=60, check=False)
    assert killed.returncode == -9
    assert lock.read_text() == "ports: []\n"
    assert subprocess.run([PROGRAM, "lock", file], stdout=subprocess.DEVNULL, timeout=60, check=False).returncode == 0
    assert sorted(path.name for path in file.parent.iterdir()) == ["balancer.lock.yaml", "balancer.yaml"]
    assert "dags.t1" in lock.read_text()


def test_a_lock_file_keeps_its_mode(write) -> None:
    file = write("balancer.lock.yaml", "ports: []\n")
    file.chmod(0o640)
    write_lock(Lock(file, ports=(PortRequest("host1", "a", 1, 9).entry(3),)))
    assert "requester: a" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_fork_while_another_thread_composes_can_compose(write) -> None:
    slow = write("slow/balancer.yaml", "defaults: [_self_]\nhosts: {" + ", ".join(f"h{n}: {{}}" for n in range(100)) + "}\n")
    quick = write("quick/balancer.yaml", "defaults: [_self_]\nhosts: [{name: host1}]\n")
    load_fleet(quick)
    done = threading.Event()

    def compose() -> None:
        while not done.is_set():
            load_fleet(slow)

    thread = threading.Thread(target=compose, daemon=True)
    thread.start()
    try:
        codes = [_code_of_child(quick) for _ in range(5)]
    finally:
        done.set()
        thread.join(30)
    assert codes == [0] * 5


def _code_of_child(file: Path) -> int:
    time.sleep(0.02)
    if (child := os.fork()) == 0:
        code = 1
        try:
            code = 0 if len(load_fleet(file).hosts) == 1 else 2
        finally:
            os._exit(code)
    for _ in range(200):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -99


def _replace(file: Path, content: str) -> None:
    """Replace a file by one of equal size and time."""
    before = file.stat()
    new = file.with_name("new")
    new.write_text(content)
    assert new.stat().st_size == before.st_size
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(file)
    assert file.stat().st_mtime_ns == before.st_mtime_ns


class TestReplaced:
    def test_an_inventory(self, write) -> None:
        file = write("hosts.yaml", "[{name: a}]")
        with reading(folders=(file.parent,)):
            assert read_inventory("hosts.yaml") == [{"name": "a"}]
            _replace(file, "[{name: b}]")
            assert read_inventory("hosts.yaml") == [{"name": "b"}]

    def test_a_lock_file(self, write) -> None:
        text = "ports: [{host: h, port: 9, requester: %s, min: 1, max: 9}]"
        file = write("balancer.lock.yaml", text % "a")
        assert [entry.requester for entry in lock_at(file).ports] == ["a"]
        _replace(file, text % "b")
        assert [entry.requester for entry in lock_at(file).ports] == ["b"]

    def test_a_configuration_of_the_page(self, write) -> None:
        from airflow_balancer.viewer.catalogue import Catalogue
        from airflow_balancer.viewer.configuration import Places

        file = write("balancer.yaml", "hosts: [{name: a}]")
        catalogue = Catalogue(lambda: Places((file.parent,), ((file, ()),)))
        [identity] = catalogue.look().configurations
        assert [host.name for host in catalogue.open(identity).fleet.hosts] == ["a"]
        _replace(file, "hosts: [{name: b}]")
        assert [host.name for host in catalogue.open(identity).fleet.hosts] == ["b"]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: 127", b"GET /api/configurations HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /"])
def test_a_request_that_is_half_sent_ends(write, sent: bytes) -> None:
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    file = write("balancer.yaml", "hosts: [{name: host1}]\n")
    program = PROGRAM.with_name("airflow-balancer-viewer")
    server = subprocess.Popen([program, file, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        port = int(server.stdout.readline().split("/ ")[0].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(sent)
            started = time.monotonic()
            while connection.recv(65536):
                pass
            assert time.monotonic() - started < 25
    finally:
        server.terminate()
        server.wait(10)
