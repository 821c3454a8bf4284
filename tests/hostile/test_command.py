"""What the command line says when it is interrupted, cut off, or given hostile input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_balancer import ConfigurationError, load_fleet

pytestmark = pytest.mark.thorough

PROGRAM = Path(sys.executable).with_name("airflow-balancer")
BALANCER = "lock: balancer.lock.yaml\nhosts: [{name: host1}]\n"
GOOD = "from airflow_balancer import load\nload('balancer.yaml').free_port('host1', key='good')\n"
RUDE = {
    "exits": "raise SystemExit(0)",
    "exits by sys": "import sys; sys.exit('bye')",
    "ends the process": "import os; os._exit(0)",
    "kills itself": "import os; os.kill(os.getpid(), 9)",
    "is interrupted": "raise KeyboardInterrupt",
    "raises": "raise ValueError('one\\ntwo')",
    "raises what is no Exception": "class Bad(BaseException):\n    def __str__(self):\n        raise ValueError\nraise Bad",
    "recurses": "def f():\n    f()\nf()",
    "is no Python": "def",
    "has a null byte": "\0",
    "overflows the stack": "import sys; sys.setrecursionlimit(10**7)\ndef f():\n    f()\nf()",
}
LOUD = {
    "prints": "print('noise')",
    "writes to file 1": "import os; os.write(1, b'noise')",
    "writes to the first stdout": "import sys; sys.__stdout__.write('noise'); sys.__stdout__.flush()",
    "starts a program": "import subprocess; subprocess.run(['echo', 'noise'])",
    "prints at exit": "import atexit; atexit.register(print, 'noise')",
    "closes stdout": "import sys; sys.stdout.close()",
    "closes file 1": "import os; os.close(1)",
    "changes the folder": "import os; os.chdir('/')",
}


def run(*words: object, **more) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, timeout=120, check=False, **more)


@pytest.mark.slow
class TestDagFiles:
    @pytest.mark.parametrize("name", RUDE)
    def test_a_file_that_ends_badly_is_one_problem(self, write, name: str) -> None:
        file = write("balancer.yaml", BALANCER)
        bad = write("bad.py", RUDE[name])
        done = run("lock", file, f"dag_files={bad}")
        lines = done.stderr.decode().splitlines()
        assert (done.returncode, done.stdout) == (1, b"")
        assert [line for line in lines if line.startswith("airflow-balancer: ")] == [lines[-1]]
        assert lines[-1].startswith(f"airflow-balancer: {bad}: cannot be run: ")
        assert not (file.parent / "balancer.lock.yaml").exists()

    @pytest.mark.parametrize("name", LOUD)
    def test_a_file_that_is_loud_does_not_dirty_the_answer(self, write, name: str) -> None:
        import json

        file = write("balancer.yaml", BALANCER)
        write("dags/a_dag.py", f"# airflow dag\n{LOUD[name]}\n")
        write("dags/good.py", GOOD)
        done = run("lock", file, f"dag_files={file.parent}/dags", "output=json")
        assert done.returncode == 0, done.stderr.decode()
        assert [entry["requester"] for entry in json.loads(done.stdout)["ports"]] == ["good"]


@pytest.mark.slow
class TestEnds:
    def test_an_interrupt_is_quiet(self, write) -> None:
        file = write("balancer.yaml", BALANCER)
        slow = write("slow.py", "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)")
        done = run("lock", file, f"dag_files={slow}")
        assert (done.returncode, done.stdout, b"Traceback" in done.stderr) == (130, b"", False), done.stderr.decode()

    def test_an_interrupt_of_the_imports_is_quiet(self, write) -> None:
        code = "import sys\nsys.modules['airflow_balancer.cli.app'] = None\n"
        code += "import builtins, airflow_balancer.cli as cli\nreal = builtins.__import__\n"
        code += "def interrupted(name, *args):\n    if name == 'app': raise KeyboardInterrupt\n    return real(name, *args)\n"
        done = subprocess.run(
            [sys.executable, "-c", f"{code}builtins.__import__ = interrupted\ncli.main()"], capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (130, b"")

    @pytest.mark.parametrize(
        "words", [["show"], ["show", "output=json"], ["--help"], ["config"], ["--info", "defaults"], ["select"]], ids=" ".join
    )
    def test_a_closed_pipe_is_quiet(self, write, words: list[str]) -> None:
        file = write("balancer.yaml", "defaults: [_self_]\nhosts: {" + ", ".join(f"h{n}: {{}}" for n in range(300)) + "}\n")
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([PROGRAM, file, *words], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, b"")

    def test_no_output_at_all_is_quiet(self, write) -> None:
        file = write("balancer.yaml", BALANCER)
        done = subprocess.run(["/bin/sh", "-c", f"'{PROGRAM}' show '{file}' >&- 2>&-"], timeout=60, check=False)
        assert done.returncode in (0, 1)

    @pytest.mark.parametrize("command", ["show", "select", "validate", "config", "plan"])
    def test_what_an_encoding_lacks_is_replaced(self, write, command: str) -> None:
        file = write("balancer.yaml", "hosts: [{name: josé, queues: [日本]}]\nports: [{name: é, host: josé, port: 1}]\n")
        done = run(command, file, env={**os.environ, "PYTHONIOENCODING": "ascii"})
        assert done.returncode == 0, done.stderr.decode()
        assert done.stderr == b""

    def test_an_error_in_what_an_encoding_lacks_is_said(self, write) -> None:
        done = run(
            "show", write("josé/balancer.yaml", "hosts: [{name: josé, sise: 日}]\n"), env={**os.environ, "PYTHONIOENCODING": "ascii"}
        )
        assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
        assert b"unknown key 'sise'" in done.stderr


@pytest.mark.parametrize("character", ["\\n", "\\t", "\\x1b", "\\x7f", "\\x00", "\\x85", "\\u2028", "\\ud800"])
@pytest.mark.parametrize("key", ["name: {}", "name: a, queues: [{}]", "name: a, tags: [{}]", "name: a, os: {}", "name: a, pool: {}"])
def test_a_control_character_in_a_name_is_refused(write, key: str, character: str) -> None:
    text = f'"a{character}b"'
    with pytest.raises(ConfigurationError) as refused:
        load_fleet(write("balancer.yaml", f"hosts: [{{{key.format(text)}}}]\n"))
    assert str(refused.value).isprintable()


class TestOrigins:
    @pytest.mark.parametrize(
        "overrides",
        [
            ["hosts=[{name:host1,size:0}]"],
            ["hosts.0.size=0"],
            ["hosts.0={name:host1,size:0}"],
            ["hosts=[{name:host1}]", "+hosts.0.size=0"],
        ],
    )
    def test_an_error_about_an_overridden_value_names_the_override(self, write, overrides: list[str]) -> None:
        file = write("balancer.yaml", "hosts: [{name: host1, size: 3}]\n")
        with pytest.raises(ConfigurationError, match="'size' must be a whole number") as refused:
            load_fleet(file, overrides)
        assert f"override '{overrides[-1]}'" in str(refused.value)

    def test_one_about_a_value_beside_it_names_the_file(self, write) -> None:
        file = write("balancer.yaml", "defaults: [_self_]\nhosts: {host1: {size: 0}, host2: {size: 3}}\n")
        with pytest.raises(ConfigurationError, match="'size' must be a whole number") as refused:
            load_fleet(file, ["hosts={host2:{size:4}}"])
        assert "override" not in str(refused.value)


def test_the_readmes_failover_tree_is_shown(cli, write) -> None:
    import json
    import shutil

    from tests.conftest import REPOSITORY

    folder = write("x", "").parent / "conf"
    shutil.copytree(REPOSITORY / "conf", folder)
    for words in (["show"], ["plan"], ["config"], ["validate"]):
        done = cli(*words, "--config-dir", str(folder), "dags=failover", "output=json", cwd=folder.parent)
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout)
    done = cli("show", "--config-dir", str(folder), "dags=failover", cwd=folder.parent)
    assert done.returncode == 0
    assert "host" in done.stdout
