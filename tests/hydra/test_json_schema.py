"""The JSON Schema admits what is right, refuses what is wrong, and describes every key."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

import airflow_balancer
from airflow_balancer.hydra.json_schema import PARTS, descriptions, json_schema
from airflow_balancer.hydra.schema import BalancerConf, BoundedConf, HostConf, PortConf
from tests.conftest import REPOSITORY
from tests.docs.pages import BLOCKS
from tests.fleet.test_bad_input import WRONG_YAML

VALIDATORS = {part: Draft7Validator(json_schema(part)) for part in PARTS}
_WRONG = re.compile("wrong|^old/")
_PACKAGE = re.compile(r"^# @package .*\.(hosts|ports|strategy)$", re.MULTILINE)


def written() -> Iterator[tuple[str, str]]:
    """Every YAML of the example trees, the start of a tree, README and docs, but those that are wrong on purpose, and called so."""
    start = Path(airflow_balancer.__file__).parent / "cli" / "start"
    for folder in (REPOSITORY / "conf", REPOSITORY / "examples", REPOSITORY / "tests" / "live", start):
        for path in sorted(folder.rglob("*.yaml")):
            yield str(path.relative_to(REPOSITORY)), path.read_text()
    for block in BLOCKS:
        if block.kind == "yaml" and not _WRONG.search(block.file):
            yield f"{block.page.relative_to(REPOSITORY)}:{block.line}", block.text


def part_of(text: str) -> str:
    """What a file holds, going by its package; a list is an inventory."""
    found = _PACKAGE.search(text)
    return found[1] if found else "hosts" if isinstance(yaml.safe_load(text), list) else "balancer"


def problems(text: str, part: str = "balancer") -> list[str]:
    return [error.message for error in VALIDATORS[part].iter_errors(yaml.safe_load(text))]


WRITTEN = dict(written())


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_every_yaml_in_this_repository_is_admitted(text):
    assert problems(text, part_of(text)) == []


def test_there_is_yaml_of_every_part():
    assert {part_of(text) for text in WRITTEN.values()} == {"balancer", "hosts", "strategy"}
    assert len(WRITTEN) > 30


INVISIBLE = {
    "an override of an unknown host",
    "a port on an unknown host",
    "a port on two hosts",
    "a host twice",
    "a host with another name than its key",
    "a port twice on a host",
    "a port's name twice",
    "one pool with two different slots",
    "Airflow's own pool",
    "a key twice in the YAML",
    "an argument that the host's key file takes the place of",
    "a host whose name is a boolean",
    "a host whose name is null",
    "a pool whose name is a fraction",
    "a tab",
    "invalid UTF-8",
    "a cyclic interpolation",
    "an interpolation of nothing",
    "a value that must be given",
    "no balancer",
    "two balancers",
    "a default that does not exist",
}
"""What no schema of a single document sees: what the file refers to, that it is no YAML, or names, which are strings in JSON."""


@pytest.mark.parametrize("name", [name for name in WRONG_YAML if name not in INVISIBLE])
def test_a_wrong_file_is_refused(name):
    assert problems(WRONG_YAML[name][0])


@pytest.mark.parametrize(
    "place",
    ["balancer: {{{}}}", "extensions:\n  balancer: {{{}}}", "_target_: airflow_balancer.BalancerConfiguration\n{}", "hosts: []\n{}"],
    ids=["balancer", "extensions.balancer", "a target", "hosts"],
)
def test_a_misspelt_key_is_refused_wherever_the_balancer_is(place):
    assert problems(place.format("default_size: 3")) == []
    assert problems(place.format("default_sise: 3"))


@pytest.mark.parametrize("pools", ["{a: 0}", "{a: {slotz: 3}}", "[{name: a}]", "3"])
def test_pools_are_slots_by_name_or_a_list_with_both(pools):
    assert problems("hosts: []\npools: {a: 3, b: {slots: 3}}\n") == problems("hosts: []\npools: [{name: a, slots: 3}]\n") == []
    assert problems(f"hosts: []\npools: {pools}\n")


@pytest.mark.parametrize(("name", "right"), [("a", True), ("''", False)], ids=["one character", "none"])
def test_a_pool_and_the_host_of_a_port_are_named_by_one_character_at_least(name, right):
    texts = [f"hosts: [{{name: b, pool: {name}}}]\n", f"hosts: []\nports: [{{host: {name}, port: 80}}]\n"]
    assert [problems(text) == [] for text in texts] == [right, right]


def test_a_mapping_is_described_as_its_structured_config_is():
    parts = {"balancer": BalancerConf, "host": HostConf, "port": PortConf}
    assert {part: json_schema()["$defs"][part]["description"] for part in parts} == {part: conf.__doc__ for part, conf in parts.items()}


def test_other_keys_of_a_tree_are_its_own():
    assert problems("balancer: {hosts: []}\ntasks: {a: {size: big}}\nextensions: {other: 3}\n") == []


def _leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield (*path, key)
        yield from _leaves(value, (*path, key))


EVERY_KEY = """
hosts:
  - {name: a, address: 10.0.0.5, username: u, password: {key: k}, key_file: k, ssh_hook_args: {port: 22}, os: ubuntu,
     pool: {pool: p, slots: 2, description: d, include_deferred: true}, size: 3, queues: [q], tags: [t], drain: true,
     hold_slots: true, slot_dir: /s, slot_wait: 1.5, slot_timeout: 3}
host_overrides: {a: {size: 4}}
ports: [{name: web, host: a, port: 80, tags: [t]}, {host_name: a, port: 81}]
default_username: u
default_password: p
default_key_file: k
primary_queue: q
secondary_queue: q
default_queue: q
default_size: 4
override_pool_size: true
create_connection: true
queue_pools: true
hold_slots: true
slot_dir: ~/s
slot_wait: 60
slot_timeout: 60.5
pool_manager: {connection_id: c}
pools: {warehouse: 4, lake: {slots: 2, description: d, include_deferred: false}}
team: payments
strategy: {_target_: airflow_balancer.strategies.Bounded, c: 1.5}
lock: balancer.lock.yaml
"""


@pytest.mark.parametrize("given", ["${oc.env:VALUE}", "${a.b}", "???", "ws-${env}", None])
def test_every_value_may_be_an_interpolation_or_null(given):
    for path in _leaves(yaml.safe_load(EVERY_KEY)):
        data = yaml.safe_load(EVERY_KEY)
        node = data
        for key in path[:-1]:
            node = node[key]
        if given != "ws-${env}" or isinstance(node[path[-1]], str):
            node[path[-1]] = given
        shown = [error.message for error in VALIDATORS["balancer"].iter_errors(data)]
        # The class says which options there are, and an entry of a list is told by its name or port.
        if path[-1] != "_target_" and (given is not None or path[-1] not in ("name", "port", "host", "host_name")):
            assert (path, shown) == (path, [])


@pytest.mark.parametrize("conf", [HostConf, PortConf, BalancerConf, BoundedConf], ids=lambda conf: conf.__name__)
def test_every_key_is_described_once_above_its_field(conf):
    told = {key: text for key, text in descriptions(conf).items() if key != "_target_"}
    assert [*told] == [field.name for field in dataclasses.fields(conf) if field.name != "_target_"]
    assert [key for key, text in told.items() if not text] == []


def test_an_editor_shows_the_description_and_the_default():
    size = json_schema()["$defs"]["balancer"]["properties"]["default_size"]
    assert (size["description"], size["default"]) == ("size of hosts without one, in slots", 8)


@pytest.mark.parametrize("part", PARTS)
def test_it_alone_has_a_title_and_no_key_has_a_default_of_null(part):
    assert re.findall(r'"title": |"default": null', json.dumps(json_schema(part))) == ['"title": ']


@pytest.mark.parametrize("part", PARTS)
def test_the_schema_is_one(part):
    Draft7Validator.check_schema(json_schema(part))


STRATEGIES = {
    "a name": ("bounded", True),
    "a target": ("airflow_balancer.strategies.Random", True),
    "an option": ("{_target_: airflow_balancer.Bounded, c: 2}", True),
    "one of one's own": ("{_target_: fleet_strategies.First, any: 3}", True),
    "none of ours": ("{_target_: airflow_balancer.strategies.Frist}", False),
    "a mapping without a class": ("{c: 2}", False),
    "a layer of a group": ("{defaults: [bounded]}", True),
    "none of ours in a layer": ("{_target_: airflow_balancer.strategies.Frist, defaults: [bounded]}", False),
    "another's option": ("{_target_: airflow_balancer.Random, c: 2}", False),
}


@pytest.mark.parametrize(("strategy", "right"), STRATEGIES.values(), ids=STRATEGIES)
def test_a_strategy_is_a_name_or_a_class_with_its_options(strategy, right):
    assert (problems(f"hosts: []\nstrategy: {strategy}\n") == []) is right
