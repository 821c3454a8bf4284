"""airflow-balancer 0.7.12, from the package index, is what docs/migration.md says of it, and this package has all of its names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import BLOCKS
from tests.docs.rows import PAGE
from tests.docs.snippets import FILES as SNIPPET_FILES
from tests.docs.snippets import SNIPPETS

pytestmark = pytest.mark.slow
PUBLISHED = ("airflow-balancer==0.7.12", "airflow-config==1.12.8", "airflow-pydantic==1.7.2")
SCRIPT = Path(__file__).with_name("published_facts.py")
FILES = {block.file: block.text for block in BLOCKS if block.page == PAGE and block.kind == "yaml"}
GONE = {
    "airflow_balancer": {"balancer", "configured_pools", "host", "pool_manager", "port", "query"},
    "airflow_balancer.config": {"host", "pool_manager", "port"},
}


def facts_of(python: str, folder: Path) -> dict[str, Any]:
    """Return what the script says of the package in a Python's virtualenv."""
    files = {name: str(folder / name) for name in FILES}
    scripts = {name: str(folder / "snippets" / f"{name}.py") for name in SNIPPETS}
    command = [python, "-W", "ignore", str(SCRIPT), json.dumps(files), json.dumps(scripts)]
    result = subprocess.run(command, cwd=folder / "snippets", capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("published")
    snippets = {f"{name}.py": snippet.code for name, snippet in SNIPPETS.items()} | SNIPPET_FILES
    for name, text in {**FILES, **{f"snippets/{name}": text for name, text in snippets.items()}}.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    return made


@pytest.fixture(scope="module")
def published(folder: Path) -> dict[str, Any]:
    """The facts of the published package, in a virtualenv without Airflow."""
    uv, python = str(Path(sys.executable).with_name("uv")), str(folder / "venv" / "bin" / "python")
    pins = [
        f"--{kind}={REPOSITORY / file}"
        for kind, file in (("constraints", "constraints-airflow3.txt"), ("build-constraints", "constraints-build.txt"))
    ]
    for command in (
        [uv, "venv", "--quiet", str(folder / "venv")],
        [uv, "pip", "install", "--quiet", "--python", python, *pins, *PUBLISHED],
    ):
        subprocess.run(command, check=True, timeout=300)
    return facts_of(python, folder)


@pytest.fixture(scope="module")
def ours(folder: Path) -> dict[str, Any]:
    return facts_of(sys.executable, folder)


def test_all_names_are_here_but_those_that_the_page_names(published: dict[str, Any], ours: dict[str, Any]) -> None:
    assert {module: {*found} - {*ours["names"][module]} for module, found in published["names"].items()} == {
        module: GONE.get(module, set()) for module in published["names"]
    }


def test_all_fields_have_their_defaults(published: dict[str, Any], ours: dict[str, Any]) -> None:
    for name, members in published["members"].items():
        assert members["fields"].items() <= ours["members"][name]["fields"].items(), name


def test_all_methods_take_their_arguments(published: dict[str, Any], ours: dict[str, Any]) -> None:
    for name, members in published["members"].items():
        for method, arguments in members["methods"].items():
            assert ours["members"][name]["methods"][method][: len(arguments)] == arguments, (name, method)


def test_it_does_what_the_page_says(published: dict[str, Any]) -> None:
    assert published["deeds"] == {
        "sise: 3": "8",
        "size: 0": "8",
        "size: -3": "-3",
        "default_size: 0": "0",
        "slots: 3, size: 8": "[('gpu', 8)]",
        "a shared pool": "[('gpu', 16), ('gpu', 8)]",
        "a port's pool": "[('a', 8), ('a-80', 8), ('a-80', 1)]",
        "two ports of a name": "1",
        "host: host0": "ValidationError",
        "an unknown host": "ValidationError",
        "hosts: {}": "ValidationError",
        "hosts: null": "ValidationError",
        "drain: true": "'host0'",
        "remote_host": "'host0.local'",
        "key_file": "'~/.ssh/id'",
        "pool manager": "['airflow_laminar_pool_manager']",
        "os": "TypeError",
        "range": "{8000}",
        "free_port('host0')": "ValidationError",
        "no number": "None",
        "other": "1",
        "override": "'host0'",
        "repr": "True",
        "json": "True",
        "deferred": "False",
        "old/balancer.yaml": "['worker1', 'worker2']",
        "dags/balancer.yaml": "['worker1', 'worker2']",
    }


def test_its_documentations_snippets_print_what_they_did(published: dict[str, Any]) -> None:
    assert published["outputs"] == {name: snippet.printed for name, snippet in SNIPPETS.items()}


def test_no_deed_of_the_page_is_the_same_here_but_those_of_the_mended_file(published: dict[str, Any], ours: dict[str, Any]) -> None:
    same = {name for name, outcome in published["deeds"].items() if ours["deeds"][name] == outcome}
    assert same == {"an unknown host", "dags/balancer.yaml"}
