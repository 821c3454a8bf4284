"""What an editor offers and marks: the YAML language server of VS Code, with the schema that `airflow-balancer schema` prints."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_balancer.cli.schema import schema_text
from tests.editor.language_server import LanguageServer, language_server

HERE = Path(__file__).parent
PROGRAM = HERE / "node_modules" / ".bin" / "yaml-language-server"
NAMES_SCHEMA = "# yaml-language-server: $schema=balancer.schema.json\n"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[LanguageServer]:
    """A server for a folder with the schema; npm fetches it the first time."""
    if not PROGRAM.is_file() and (npm := shutil.which("npm")):
        install = [npm, "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=HERE, check=False, capture_output=True)
    if not PROGRAM.is_file():
        pytest.skip("no yaml-language-server: npm install --no-package-lock in tests/editor")
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "balancer.schema.json").write_text(schema_text())
    with language_server(PROGRAM, folder) as started:
        yield started


def offered(server: LanguageServer, name: str, text: str) -> dict[str, str]:
    """The completions at `|` in a text, and what is said of each."""
    before, _, after = f"{NAMES_SCHEMA}{text}".partition("|")
    server.open(name, f"{before}{after}")
    items = server.at(name, "completion", before.count("\n"), len(before.rpartition("\n")[2]))["items"]
    return {item["label"]: str(item.get("documentation", "")) for item in items}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("hosts: []\n|", {"default_size", "ports", "strategy", "queue_pools"}),
        ("hosts:\n  host1:\n    |", {"address", "drain", "queues", "size"}),
        ("hosts:\n  - name: host1\n    |", {"address", "drain", "queues", "size"}),
        ("balancer:\n  ports:\n    - |", {"host", "name", "port", "tags"}),
        ("extensions:\n  balancer:\n    |", {"hosts", "host_overrides", "default_username"}),
    ],
    ids=["a balancer", "a host by name", "a host of a list", "a port in a tree", "an extension"],
)
def test_the_keys_are_offered(server, request, text, keys):
    assert keys <= set(offered(server, f"{request.node.callspec.id}.yaml".replace(" ", "-"), text))


def test_a_key_is_offered_with_its_description(server):
    told = offered(server, "described.yaml", "hosts: []\n|")
    assert "size of hosts without one, in slots" in told["default_size"]


def test_the_values_of_a_key_are_offered(server):
    assert {"bounded", "least_loaded", "random", "rendezvous"} <= set(offered(server, "values.yaml", "hosts: []\nstrategy: |"))


def test_a_key_is_explained_where_the_mouse_is(server):
    server.open("hover.yaml", f"{NAMES_SCHEMA}hosts: []\nqueue_pools: true\n")
    shown = server.at("hover.yaml", "hover", 2, 3)["contents"]
    assert "whether each queue gets a pool, too" in str(shown).replace("\\", "")


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("hosts: {host1: {size: 3}}\n", False),
        ("hosts: {host1: {sise: 3}}\n", True),
        ("hosts: []\ndefault_size: ${oc.env:SIZE}\n", False),
        ("hosts: []\ndefault_size: big\n", True),
        ("hosts: [{name: host1, queues: workers}]\n", True),
        ("balancer: {hosts: {}, strategy: rendevous}\n", True),
    ],
    ids=["right", "a misspelt key", "an interpolation", "a wrong value", "no list", "an unknown strategy in a tree"],
)
def test_what_is_wrong_is_marked(server, request, text, marked):
    found = server.open(f"{request.node.callspec.id}.yaml".replace(" ", "-"), f"{NAMES_SCHEMA}{text}")
    assert (bool(found), found) == (marked, found)
