"""README.md is right: every file in it is used, every snippet runs, every output is the real one."""

from __future__ import annotations

import configparser
import re
import runpy
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from airflow_balancer import load_fleet
from airflow_balancer.airflow.options import OPTIONS
from airflow_balancer.picking.strategies import build_strategy
from tests.conftest import HAS_AIRFLOW, REPOSITORY

README = (REPOSITORY / "README.md").read_text()
_SNIPPET = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w/.]+\.(?:yaml|py))`:$")
_PRINTED = re.compile(r"^ *print\(.*\)  # (.*)$", re.MULTILINE)
_NEEDS_AIRFLOW = re.compile(r"airflow\.providers|airflow\.sdk|generate_in_mem")


class Snippet(NamedTuple):
    """A fenced block, and the file that the line before it names."""

    language: str
    text: str
    file: str


def _snippets() -> Iterator[Snippet]:
    for found in _SNIPPET.finditer(README):
        named = _FILE.search(README[: found.start()].rstrip())
        yield Snippet(found["language"], found["text"], named[1] if named else "")


def _commands() -> Iterator[tuple[str, str]]:
    for snippet in SNIPPETS:
        if snippet.language == "console":
            for part in snippet.text.removeprefix("$ ").split("\n$ "):
                command, _, output = part.partition("\n")
                yield command, output.strip()


def _for_this_airflow(text: str) -> str:
    """Take the snippets' advice for Airflow 2, where that is what runs."""
    is_airflow2 = HAS_AIRFLOW and version("apache-airflow").startswith("2.")
    return re.sub(r"^.*  # Airflow 2: (.*)$", r"\1", text, flags=re.MULTILINE) if is_airflow2 else text


def _python(snippet: Snippet) -> Any:
    missing = not HAS_AIRFLOW and _NEEDS_AIRFLOW.search(snippet.text) is not None
    return pytest.param(snippet, id=snippet.file, marks=pytest.mark.skipif(missing, reason="Airflow is not installed"))


SNIPPETS = list(_snippets())
FILES = [snippet for snippet in SNIPPETS if snippet.file]
OF_THE_TREE = [snippet for snippet in FILES if snippet.file.startswith("conf/")]
BALANCERS = [snippet.file for snippet in FILES if snippet.file.endswith(".yaml") and snippet not in OF_THE_TREE]
SCRIPTS = [_python(snippet) for snippet in FILES if snippet.language == "python"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file of the README, and the example tree under both its names."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("conf", "config"):
        shutil.copytree(REPOSITORY / "conf", folder / name)
    for snippet in FILES:
        if snippet not in OF_THE_TREE:
            (folder / snippet.file).parent.mkdir(exist_ok=True)
            (folder / snippet.file).write_text(_for_this_airflow(snippet.text))
    return folder


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run a file of the project as Airflow runs a DAG file; returns what it printed, and its names."""
    monkeypatch.syspath_prepend(project / "dags")
    printed: list[str] = []

    def run_file(name: str) -> tuple[list[str], Mapping[str, Any]]:
        return printed, runpy.run_path(str(project / name), {"print": lambda *values: printed.append(" ".join(map(str, values)))})

    yield run_file
    sys.modules.pop("fleet_strategies", None)


def test_every_snippet_is_of_a_kind_that_is_tested() -> None:
    assert {snippet.language for snippet in SNIPPETS} == {"bash", "console", "ini", "python", "yaml"}
    assert [snippet for snippet in SNIPPETS if snippet.language in ("python", "yaml") and not snippet.file] == []
    assert len(SNIPPETS) == README.count("\n```") / 2


@pytest.mark.parametrize("snippet", OF_THE_TREE, ids=[snippet.file for snippet in OF_THE_TREE])
def test_file_of_the_tree_is_the_one_in_the_repository(snippet: Snippet) -> None:
    lines = (REPOSITORY / snippet.file).read_text().splitlines(keepends=True)
    assert snippet.text == "".join(line for line in lines if line.startswith("# @") or not line.startswith("#"))


@pytest.mark.parametrize("file", BALANCERS)
def test_balancer_yaml_loads(project: Path, file: str) -> None:
    assert {"host1", "host2"} <= {host.name for host in load_fleet(project / file).hosts}


def test_hosts_as_a_list_and_as_a_mapping_are_the_same_fleet(project: Path) -> None:
    def hosts(file: str) -> list[tuple[Any, ...]]:
        return [(host.name, host.os, host.size, host.queues, host.tags) for host in load_fleet(project / file).hosts]

    assert hosts("dags/by_name.yaml") == hosts("dags/balancer.yaml")


@pytest.mark.parametrize("snippet", SCRIPTS)
def test_python_prints_what_its_comments_say(run: Any, snippet: Snippet) -> None:
    printed, _ = run(snippet.file)
    assert printed == _PRINTED.findall(snippet.text)


@pytest.mark.skipif(not HAS_AIRFLOW, reason="Airflow is not installed")
def test_dag_file_runs_its_task_on_the_picked_host(run: Any) -> None:
    _, names = run("dags/etl.py")
    task = names["dag"].get_task("extract")
    assert (task.ssh_hook.remote_host, task.pool) == (f"{names['host'].name}.local", names["host"].name)
    assert task.command == f"extract --port {names['port'].port}"


@pytest.mark.skipif(not HAS_AIRFLOW, reason="Airflow is not installed")
def test_dag_of_airflow_config_is_made_with_its_picks(run: Any) -> None:
    _, names = run("dags/nightly.py")
    tasks = {task.task_id: (task.ssh_hook.remote_host, task.pool, task.command) for task in names["etl"].tasks}
    assert tasks == {
        "extract": ("host2.local", "host2", "extract --on host2 --port 9651"),
        "publish": ("host1.local", "host1", "publish --to http://host1:8080"),
    }


def test_tests_of_the_testing_section_pass(run: Any) -> None:
    _, names = run("test_dags.py")
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


# What the README's hosts answer to `check`; they are nowhere.
ANSWERS = {
    "host1": b"::id ubuntu\n::version 24.04\n::cores 16\n::tool flock (util-linux)\n::counted\n::hex 1F90\n::end\n",
    "host2": b"::id ubuntu\n::version 24.04\n::cores 8\n::tool flock (util-linux)\n::counted\n::end\n"
    b"::slot 0 2026-11-25T19:00:00Z 4711 etl.extract, attempt 1\n::slot 1 2026-11-25T19:04:10Z 4802 a person, to look at the GPU\n",
    "host3": b"::system Darwin\n::version 15.1\n::cores 8\n::tool perl\n::drain new disk, back on Monday\n::end\n",
}


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_balancer.cli import check
    from airflow_balancer.cli.probe import Probe
    from airflow_balancer.ssh.host_facts import Facts

    def probe(hosts: Any, timeout: int | None) -> list[Probe]:
        return [Probe(0.02, "known", "ok", Facts.read(ANSWERS[host.name])) for host in hosts]

    monkeypatch.setattr(check, "_probe", probe)


@pytest.mark.usefixtures("probed")
@pytest.mark.parametrize(("command", "output"), list(_commands()), ids=[command for command, _ in _commands()])
def test_command_prints_what_the_readme_shows(cli: Any, project: Path, command: str, output: str) -> None:
    program, *words = shlex.split(command)
    answer = cli(*words, cwd=project)
    failed = output.startswith("airflow-balancer: ")
    printed = answer.stderr if failed else answer.stdout
    lines = [shown.rstrip() for shown in printed.replace(f"{project}/", "").splitlines()]
    assert "\n".join(lines).strip() == output
    assert (program, answer.returncode) == ("airflow-balancer", 1 if failed else 3 if "differs" in output or " new, " in output else 0)


def test_options_of_airflow_cfg_exist() -> None:
    parser = configparser.ConfigParser()
    parser.read_string(next(snippet.text for snippet in SNIPPETS if snippet.language == "ini"))
    assert parser.sections() == ["balancer"]
    assert set(parser["balancer"]) <= set(OPTIONS)


def test_extras_exist() -> None:
    assert set(re.findall(r"airflow-balancer\[(\w+)\]", README)) <= set(metadata("airflow-balancer").get_all("Provides-Extra") or ())


def test_every_resolver_is_in_the_table() -> None:
    source = (REPOSITORY / "airflow_balancer" / "hydra" / "resolvers.py").read_text()
    assert set(re.findall(r"\$\{balancer\.(\w+)", README)) == set(re.findall(r'_(?:resolver|register)\("(\w+)"', source))


def test_strategies_in_the_table_exist() -> None:
    table = README.partition("| `strategy` | chooses |")[2].partition("\n\n")[0]
    names = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    assert names == [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(build_strategy(name)).__name__).lower() for name in names]
    assert names
