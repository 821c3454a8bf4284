"""The structured configs, and their agreement with the models that check them."""

from __future__ import annotations

import dataclasses

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import OmegaConf

from airflow_balancer.config import BalancerConfiguration, Host, Port
from airflow_balancer.fleet.fleet import FLEET_KEYS
from airflow_balancer.fleet.model import HostSpec, PortSpec, Settings
from airflow_balancer.hydra.schema import (
    BalancerConf,
    BoundedConf,
    HostConf,
    LeastLoadedConf,
    PortConf,
    RandomConf,
    RendezvousConf,
    register_configs,
)
from airflow_balancer.picking import strategies

HYDRA_KEYS = {"_target_", "_convert_"}


def names(conf) -> set[str]:
    return {field.name for field in dataclasses.fields(conf)} - HYDRA_KEYS


@pytest.mark.parametrize(
    ("conf", "model", "others"),
    [
        (HostConf, HostSpec, set()),
        (PortConf, PortSpec, {"host_name"}),
        (BalancerConf, Settings, {"hosts", "ports", "pools", "host_overrides"}),
    ],
    ids=["host", "port", "balancer"],
)
def test_structured_config_and_model_have_the_same_keys(conf, model, others):
    assert names(conf) == set(model.model_fields) | others


@pytest.mark.parametrize(
    ("model", "cls", "others"),
    [(HostSpec, Host, set()), (PortSpec, Port, {"host_name"}), (Settings, BalancerConfiguration, {"hosts", "ports", "pools"})],
    ids=["host", "port", "balancer"],
)
def test_model_and_object_have_the_same_keys(model, cls, others):
    assert set(cls.model_fields) == set(model.model_fields) | others


@pytest.mark.parametrize("model", [HostSpec, Host])
def test_an_address_is_a_text_or_none_in_json_schema_and_structured_config(model):
    shown = model.model_json_schema()["properties"]["address"]
    assert (shown["anyOf"], shown["default"], HostConf().address) == ([{"type": "string"}, {"type": "null"}], None, None)


def test_a_structured_host_with_an_address_is_a_host_that_goes_there():
    host = OmegaConf.structured(HostConf(name="ws1", address="10.0.0.5", size=3))
    assert instantiate(host, _convert_="all").hook().remote_host == "10.0.0.5"


@pytest.mark.parametrize(
    ("conf", "model"),
    [
        (BalancerConf(), Settings()),
        (HostConf(name="a", size=8, hold_slots=False), HostSpec(name="a", size=8)),
        (PortConf(host="a", port=80), PortSpec(host="a", port=80)),
    ],
    ids=["balancer", "host", "port"],
)
def test_structured_config_and_model_have_the_same_defaults(conf, model):
    given = dataclasses.asdict(conf)
    assert {key: given[key] for key in type(model).model_fields} == model.model_dump()


def test_object_and_model_have_the_same_defaults():
    plain = BalancerConfiguration().model_dump(exclude={"hosts", "ports", "pools", "pool_manager", "strategy"})
    assert plain == Settings().model_dump(exclude={"pool_manager", "strategy"})


def test_the_keys_of_a_balancer_are_those_of_the_structured_config():
    assert set(FLEET_KEYS) == names(BalancerConf)


@pytest.mark.parametrize(
    ("conf", "strategy"),
    [
        (RendezvousConf, strategies.Rendezvous),
        (BoundedConf, strategies.Bounded),
        (LeastLoadedConf, strategies.LeastLoaded),
        (RandomConf, strategies.Random),
    ],
)
def test_a_strategys_config_names_its_class(conf, strategy):
    assert strategies.build_strategy(dataclasses.asdict(conf())) == strategy()


def test_registering_again_changes_nothing():
    register_configs()
    before = {name: node.node for name, node in ConfigStore.instance().repo["airflow_balancer"].items() if hasattr(node, "node")}
    register_configs()
    after = {name: node.node for name, node in ConfigStore.instance().repo["airflow_balancer"].items() if hasattr(node, "node")}
    assert sorted(after) == ["balancer.yaml", "host.yaml", "port.yaml"]
    assert after == before


def test_only_our_own_group_is_stored():
    register_configs()
    ours = {node.provider for node in ConfigStore.instance().repo["airflow_balancer"].values() if hasattr(node, "provider")}
    assert ours == {"airflow_balancer"}


def test_an_app_composes_them_without_an_import(python, write):
    write(
        "config.yaml",
        "defaults:\n  - /airflow_balancer/balancer@balancer\n  - /airflow_balancer/strategy@balancer.strategy: random\n  - _self_\n",
    )
    code = (
        "import hydra\n"
        "with hydra.initialize_config_dir(config_dir=__import__('os').getcwd(), version_base=None):\n"
        "    cfg = hydra.compose('config', overrides=['balancer.default_size=3'])\n"
        "print(cfg.balancer.default_size, cfg.balancer.strategy)\n"
    )
    assert python(code).stdout == "3 {'_target_': 'airflow_balancer.strategies.Random'}\n"


def test_a_structured_balancer_rejects_an_unknown_key_when_it_is_composed(write):
    folder = write("config.yaml", "defaults:\n  - /airflow_balancer/balancer@balancer\n  - _self_\nbalancer:\n  default_sise: 3\n").parent
    with (
        initialize_config_dir(config_dir=str(folder), version_base=None),
        pytest.raises(Exception, match="Key 'default_sise' not in 'BalancerConf'"),
    ):
        compose("config")


def test_a_structured_host_is_an_option_of_its_own(write):
    folder = write("config.yaml", "defaults:\n  - /airflow_balancer/host@hosts.host1\n  - _self_\nhosts:\n  host1: {size: 3}\n").parent
    with initialize_config_dir(config_dir=str(folder), version_base=None):
        host = OmegaConf.to_container(compose("config").hosts.host1)
    assert host == {**dataclasses.asdict(HostConf()), "size": 3}
