"""The reference has every key, command, option, resolver and exported name, and messages that there are."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest

from airflow_balancer.airflow.options import OPTIONS
from airflow_balancer.cli.commands import NAMES, all_commands
from airflow_balancer.fleet.fleet import FLEET_KEYS
from airflow_balancer.fleet.hook_args import OF_A_CONNECTION, OF_THE_HOOK
from airflow_balancer.fleet.model import HostSpec, NamedPoolSpec, PoolSpec, PortSpec, VariableSpec
from airflow_balancer.hydra import resolvers
from airflow_balancer.picking.filters import HOST_KEYS
from tests.conftest import HAS_AIRFLOW, REPOSITORY
from tools.reference.keys import OF_0_7, type_of
from tools.reference.messages import MESSAGES
from tools.reference.pages import pages
from tools.reference.python import MODULES

REFERENCE = REPOSITORY / "docs" / "reference"
SOURCE = "\n".join(path.read_text() for path in (REPOSITORY / "airflow_balancer").rglob("*.py"))


def _section(page: str, title: str) -> str:
    return re.split(r"\n#+ ", (REFERENCE / page).read_text().partition(f"# {title}\n")[2])[0]


def _rows(page: str, title: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)`", _section(page, title), re.MULTILINE)


def test_the_pages_are_what_the_tool_writes() -> None:
    assert {path.name: path.read_text() for path in REFERENCE.glob("*.md")} == pages()


@pytest.mark.parametrize(
    ("title", "keys"),
    [
        ("Balancer", FLEET_KEYS),
        ("Hosts", HostSpec.model_fields),
        ("Ports", {*PortSpec.model_fields, "host_name"}),
        ("Pools", NamedPoolSpec.model_fields),
        ("pool", PoolSpec.model_fields),
        ("password", VariableSpec.model_fields),
    ],
)
def test_every_key_of_the_models_is_in_the_reference(title: str, keys: Any) -> None:
    assert sorted(_rows("yaml.md", title)) == sorted(keys)


def test_every_key_has_a_type_and_a_meaning() -> None:
    lines = (REFERENCE / "yaml.md").read_text().splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| `")]
    assert [row for row in rows if len(row) < 3 or not row[1].strip() or not row[2].strip("| ")] == []


def test_every_argument_of_a_hook_is_in_the_reference() -> None:
    assert set(re.findall(r"`(\w+)`", _section("yaml.md", "ssh_hook_args"))) == {*OF_THE_HOOK, *OF_A_CONNECTION, "SSHHook"}


@pytest.mark.parametrize("command", all_commands(), ids=NAMES)
def test_every_command_and_its_keys_are_in_the_reference(command: Any) -> None:
    assert _rows("command-line.md", command.name) == list(command.all_keys)


def test_every_option_is_in_the_reference() -> None:
    assert _rows("settings.md", "Settings") == list(OPTIONS)


def test_every_key_of_a_query_is_in_the_reference() -> None:
    assert sorted(_rows("resolvers.md", "Keys of a query for hosts")) == sorted(HOST_KEYS)


def test_every_resolver_is_in_the_reference() -> None:
    assert set(re.findall(r"`\$\{balancer\.(\w+)", (REFERENCE / "resolvers.md").read_text())) == set(resolvers.NAMES)


@pytest.mark.parametrize("module", MODULES)
def test_every_exported_name_is_in_the_reference(module: str) -> None:
    section = re.split(r"\n## ", (REFERENCE / "python.md").read_text().partition(f"## {module}\n")[2])[0]
    told = [*re.findall(r"^### (\w+)", section, re.MULTILINE), *re.findall(r"`(\w+)`", section.rpartition("Also: ")[2])]
    assert set(import_module(module).__all__) - set(told) == set()


@pytest.mark.parametrize("message", [text for messages in MESSAGES.values() for text in messages])
def test_every_message_of_the_reference_is_one(message: str) -> None:
    assert [part for part in message.split("…") if part not in SOURCE.replace('"\n        f"', "")] == []


@pytest.mark.skipif(not HAS_AIRFLOW, reason="airflow-pydantic's models are the same without Airflow, and load faster")
def test_keys_since_0_7_are_those_of_airflow_pydantic() -> None:
    import airflow_pydantic

    models = {"host": airflow_pydantic.Host, "port": airflow_pydantic.Port, "balancer": airflow_pydantic.BalancerConfiguration}
    assert {name: {*model.model_fields} for name, model in models.items()} == dict(OF_0_7)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "null"}]}, "whole number, 1 to 65535"),
        ({"exclusiveMinimum": 0, "anyOf": [{"type": "integer"}, {"type": "number"}]}, "number above 0"),
        ({"anyOf": [{"type": "string"}, {"$ref": "#/$defs/variable"}, {"$ref": "#/$defs/interpolation"}]}, "string or mapping"),
        ({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "list of strings"),
    ],
)
def test_types_are_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert type_of(schema) == words
