"""Bounds of composing and resolving."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigNode, ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from airflow_balancer.errors import ConfigurationError
from airflow_balancer.files.reading import reading
from airflow_balancer.hydra import hydra_internals
from airflow_balancer.hydra.compose import (
    LONGEST_OVERRIDE,
    compose_file,
    compose_tree,
    force_own_keys,
    hydra_set_aside,
    without_self_warning,
)

TEXT = "a" * 10_000


def test_the_longest_override_is_taken_and_a_longer_one_named(tmp_path):
    longest = "x=" + "a" * (LONGEST_OVERRIDE - 2)
    assert force_own_keys([longest], tmp_path / "a.yaml") == [longest]
    with pytest.raises(ConfigurationError, match=r"a\.yaml: an override has more than 100000 characters; write it into a YAML file$"):
        force_own_keys(["x=1", longest + "a"], tmp_path / "a.yaml")


def test_an_empty_file_of_an_airflow_config_tree_is_named_as_such(write):
    path = write("config/config.yaml", "")
    with pytest.raises(ConfigurationError, match=rf"^{path}: the file is empty; a balancer needs at least 'hosts:'$"):
        compose_tree(path)


def test_the_resolvers_of_hydra_are_there_before_hydra_runs(write):
    OmegaConf.clear_resolver("python_version")
    file = write("a.yaml", "version: ${python_version:major}\nhosts: [host1]\n")
    assert compose_file(file).root["version"] == "3"


def test_only_the_list_at_the_top_of_a_structured_config_is_its_defaults_list(write, monkeypatch):
    @dataclass
    class Typed:
        defaults: list[str] = field(default_factory=lambda: ["_self_"])
        x: dict[str, int] = field(default_factory=lambda: {"defaults": 3})

    monkeypatch.setitem(ConfigStore.instance().repo, "typed.yaml", ConfigNode("typed.yaml", OmegaConf.structured(Typed), None, None, "t"))
    path = write("a.yaml", "defaults: [typed@own, _self_]\nbalancer: {hosts: [a]}\n")
    assert compose_file(path).written == {"own": {"x": {"defaults": 3}}, "balancer": {"hosts": ["a"]}}


def test_a_node_gets_a_host_of_the_fleet_as_it_was_composed(write, monkeypatch):
    monkeypatch.setenv("NAME", "a")
    composed = compose_file(write("a.yaml", "balancer: {hosts: [{name: '${oc.env:NAME}'}]}\nx: '${balancer.name:{}}'\n"))
    monkeypatch.setenv("NAME", "b")
    assert (composed.fleet.hosts[0].name, composed.resolved(("x",))) == ("a", "a")


def test_the_longest_string_of_an_interpolation_is_taken_and_a_longer_one_named(write, monkeypatch):
    path = write("a.yaml", f"x: {TEXT}\nbalancer: {{hosts: [{{name: a, ssh_hook_args: {{host_proxy_cmd: '${{x}}'}}}}]}}\n")
    monkeypatch.setattr(hydra_internals, "MAX_TEXT", 10_000)
    assert compose_file(path).fleet.hosts[0].ssh_hook_args == {"host_proxy_cmd": TEXT}
    monkeypatch.setattr(hydra_internals, "MAX_TEXT", 9_999)
    with pytest.raises(ConfigurationError, match="an interpolation gives a string of more than 9999 characters"):
        compose_file(path).fleet  # noqa: B018


@pytest.mark.parametrize(
    ("bound", "cost", "told"),
    [
        ("MAX_REPEATS", 2, "resolves interpolations more than 1 times again"),
        ("MAX_VALUES", 11, "repeats more than 10 values by interpolations"),
    ],
)
def test_what_interpolations_cost_is_taken_up_to_a_bound_and_named_above_it(write, monkeypatch, bound, cost, told):
    hosts = "[{name: a, ssh_hook_args: {cmd_timeout: '${y}', conn_timeout: '${y}'}}]"
    path = write("a.yaml", f"x: 1\ny: '${{x}}'\nbalancer: {{hosts: {hosts}}}\n")
    monkeypatch.setattr(hydra_internals, bound, cost)
    assert compose_file(path).fleet.hosts[0].ssh_hook_args == {"cmd_timeout": 1, "conn_timeout": 1}
    monkeypatch.setattr(hydra_internals, bound, cost - 1)
    with pytest.raises(ConfigurationError, match=told):
        compose_file(path).fleet  # noqa: B018


def test_a_defaults_list_read_within_roots_may_call_what_is_harmless_and_decode_nothing(write, monkeypatch):
    write("stage/dev.yaml", "default_size: 3\n")
    path = write("config.yaml", "defaults: [stage@_global_: '${oc.env:STAGE}', _self_]\nhosts: [{name: a}]\n")
    monkeypatch.setenv("STAGE", "dev")
    with reading(roots=(path.parent,)):
        assert compose_file(path).fleet.hosts[0].size == 3
        path.write_text(path.read_text().replace("oc.env:STAGE", "oc.decode:dev"))
        with pytest.raises(ConfigurationError, match=r"the resolver 'oc\.decode' is of another package, and not called here"):
            compose_file(path)


def test_a_layer_read_within_roots_may_not_be_a_link_out_of_them(write):
    write("elsewhere/a.yaml", "default_size: 3\n")
    path = write("conf/config.yaml", "defaults: [a, _self_]\nhosts: [{name: a}]\n")
    path.with_name("a.yaml").symlink_to("../elsewhere/a.yaml")
    assert compose_file(path).fleet.hosts[0].size == 3
    with reading(roots=(path.parent,)), pytest.raises(ConfigurationError, match=r"the file 'a\.yaml' is outside of the configuration's"):
        compose_file(path)


def test_a_searchpath_that_is_given_as_an_override_has_layers(write):
    folder = write("elsewhere/env/prod.yaml", "# @package _global_\ndefault_size: 3\n").parent.parent
    path = write("conf/config.yaml", "defaults: [env: prod, _self_]\nhosts: [{name: a}]\n")
    assert compose_file(path, [f"hydra.searchpath=[file://{folder}]"]).fleet.hosts[0].size == 3


def test_a_string_is_parsed_again_after_as_many_others_as_are_kept(monkeypatch):
    monkeypatch.setattr(hydra_internals, "_KEPT", 2)
    effort = hydra_internals._Effort()
    first = effort.parsed("${a}")
    assert effort.parsed("${a}") is first
    assert effort.parsed("${b}") is not effort.parsed("${c}")
    assert effort.parsed("${a}") is not first


def test_more_configs_of_defaults_lists_than_are_read_are_named(write, monkeypatch):
    write("a.yaml", "default_size: 3\n")
    path = write("config.yaml", "defaults: [a, _self_]\nhosts: [{name: a}]\n")
    monkeypatch.setattr(hydra_internals, "MAX_LOADS", 1)
    with pytest.raises(ConfigurationError, match=r"pulls in more than 1 configs by defaults lists$"):
        compose_file(path)


def test_a_config_has_the_layers_of_each_folder(write):
    folders = [write("a/config.yaml", "defaults: [x, y]").parent, write("b/x.yaml", "x: 1").parent, write("c/y.yaml", "y: 2").parent]
    loader = hydra_internals.config_loader(folders)
    with without_self_warning():
        assert hydra_internals.compose_config(loader, "config", []) == {"x": 1, "y": 2}


def test_hydra_starts_although_an_app_runs_which_goes_on_afterwards(tmp_path):
    with initialize_config_dir(str(tmp_path), version_base=None):
        running = GlobalHydra.instance().hydra
        with hydra_set_aside(), initialize_config_dir(str(tmp_path), version_base=None):
            assert GlobalHydra.instance().hydra is not running
        assert GlobalHydra.instance().hydra is running


@pytest.mark.parametrize(
    ("password", "text"),
    [
        ("${oc.env:NO_SUCH_VARIABLE}", "Environment variable 'NO_SUCH_VARIABLE' not found"),
        ("hunter${2", "its value cannot be resolved; in a secret that holds ${ itself, write \\${"),
    ],
    ids=["environment", "secret"],
)
def test_a_password_that_cannot_be_resolved_is_quoted_by_the_variables_name_alone(write, password, text):
    path = write("a.yaml", f"hosts: [{{name: a, password: '{password}'}}]\n")
    with pytest.raises(ConfigurationError) as error:
        compose_file(path).fleet  # noqa: B018
    assert str(error.value).startswith(f"{path}: key 'hosts[0].password': ")
    assert text in str(error.value)
    assert "hunter" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("balancer: [a]\n", "'balancer' must be a mapping with 'hosts:', not ['a']"),
        ("defaults: [_self_]\nextensions: {balancer: 3}\n", "'extensions.balancer' must be a mapping with 'hosts:', not 3"),
        ("x: 3\nbalancer: ${x}\n", "'balancer' must be a mapping with 'hosts:', not 3"),
    ],
    ids=["plain", "composed", "by an interpolation"],
)
def test_a_balancer_that_is_no_mapping_is_named_with_its_file(write, text, told):
    file = write("conf/config.yaml", text)
    with pytest.raises(ConfigurationError) as error:
        compose_file(file)
    assert str(error.value) == f"{file}: {told}"
