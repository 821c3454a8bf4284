"""`airflow-balancer-viewer`."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from airflow_balancer.cli.viewer import main, viewer_parser
from tests.viewer.conftest import REPOSITORY

pytestmark = pytest.mark.thorough

if find_spec("uvicorn") is None or find_spec("fastapi") is None:
    pytest.skip("FastAPI or uvicorn is not installed: pip install 'airflow-balancer[viewer]'", allow_module_level=True)

COMMAND = [sys.executable, "-W", "ignore", "-c", "from airflow_balancer.cli.viewer import main; main()"]


@contextmanager
def served(*words: str, cwd: Path = REPOSITORY) -> Iterator[str]:
    """Run the command on a free port, and give its address."""
    environment = {**os.environ, "NO_PROXY": "*"}
    with subprocess.Popen([*COMMAND, "--port", "0", *words], cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, process.poll()
            yield found[0]
        finally:
            process.terminate()
            process.wait(10)


def get(url: str, **headers: str) -> tuple[int, bytes]:
    """Return the status and the body of an answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def fails(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    """Return the exit code and the error of a command line that serves nothing."""
    monkeypatch.setattr(sys, "argv", ["airflow-balancer-viewer", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0), capsys.readouterr().err


def test_the_tree_is_served_on_loopback_with_its_overrides() -> None:
    with served("--config-dir", "conf", "env=prod") as url:
        assert url.startswith("http://127.0.0.1:")
        assert get(url)[0] == 200
        (shown,) = json.loads(get(f"{url}api/configurations")[1])["configurations"]
        assert (shown["name"], shown["environment"]) == ("config.yaml", "prod")
        fleet = json.loads(get(f"{url}api/fleet?configuration={shown['id']}")[1])
        assert {host["username"] for host in fleet["hosts"]} == {"airflow-prod"}


def test_a_page_of_another_name_that_leads_here_is_refused() -> None:
    with served("examples/dags/balancer.yaml") as url:
        assert get(f"{url}api/configurations", Host="rebound.example.org")[0] == 421
        assert get(f"{url}api/configurations", Host="localhost:1")[0] == 200


def test_a_folder_without_a_root_config_shows_all_that_is_in_it() -> None:
    with served("--config-dir", "examples/dags") as url:
        assert len(json.loads(get(f"{url}api/configurations")[1])["configurations"]) == 1


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with served("--config-dir", str(tmp_path)) as url:
        assert json.loads(get(f"{url}api/configurations")[1])["hint"].startswith("There is no configuration in this folder")


def test_it_listens_on_loopback_at_port_8765_unless_told_otherwise() -> None:
    given = viewer_parser().parse_args([])
    assert (given.host, given.port) == ("127.0.0.1", 8765)


def test_help_explains_each_option(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["airflow-balancer-viewer", "--help"])
    with pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr().out
    assert (end.value.code, [word for word in ("--host HOST", "--port PORT", "--help, -h") if word not in shown]) == (0, [])


def test_an_override_of_a_folder_without_a_root_config_is_refused(capsys, monkeypatch, tmp_path) -> None:
    told = f"airflow-balancer-viewer: 'env=prod' overrides nothing: {tmp_path} holds no config.yaml\n"
    # Where nothing is refused, there is no such address to listen on.
    assert fails(capsys, monkeypatch, "--host", "192.0.2.1", "--config-dir", str(tmp_path), "env=prod") == (2, told)


def test_a_taken_port_is_said(capsys, monkeypatch, write) -> None:
    path = write("a.yaml", "hosts: [{name: host1}]\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, text = fails(capsys, monkeypatch, str(path), "--port", str(port))
    told = f"cannot listen on 127.0.0.1 port {port}: Address already in use; give another with --host or --port"
    assert (code, text) == (1, f"airflow-balancer-viewer: {told}\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "70000", "FILE"], (2, "argument --port: invalid")),
        (["missing.yaml"], (1, "there is no such file")),
        (["select", "FILE"], (2, "'select' is for airflow-balancer")),
        (["FILE", "default_size=-1"], (1, "key 'default_size' must be a whole number")),
        (["FILE", "query.queue=a"], (2, "'query.queue=a' is for airflow-balancer")),
        (["--host", "192.0.2.1", "FILE"], (1, "cannot listen on 192.0.2.1 port")),
    ],
    ids=["port", "missing", "command", "wrong", "query", "address"],
)
def test_what_is_wrong_is_said_and_coded_as_by_the_command_line(capsys, monkeypatch, write, words, told) -> None:
    path = write("a.yaml", "hosts: [{name: host1}]\n")
    code, text = fails(capsys, monkeypatch, *(str(path) if word == "FILE" else word for word in words))
    assert (code, told[1] in text) == (told[0], True), text


def test_without_the_extra_the_command_says_what_to_install(capsys, monkeypatch, write) -> None:
    path = write("a.yaml", "hosts: [{name: host1}]\n")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert fails(capsys, monkeypatch, str(path)) == (
        1,
        "airflow-balancer-viewer: the viewer needs FastAPI and uvicorn: pip install 'airflow-balancer[viewer]'\n",
    )
