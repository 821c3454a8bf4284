"""The table of docs/migration.md for Python: what this package does with code for 0.7.12."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import airflow_balancer.config
from airflow_balancer import BalancerConfiguration, ConfigurationError, Host, NoFreePort, NoMatch, Port, load, load_config
from tests.conftest import Write
from tests.docs.rows import fleet, needs_airflow, problem, shows

SIZES = {"host1": 24, "host2": 8}


@pytest.fixture
def balancer() -> BalancerConfiguration:
    hosts = [{"name": name, "size": size, "queues": ["workers"]} for name, size in SIZES.items()]
    return fleet(*hosts, ports=[{"name": name, "host_name": "host1", "port": port} for name, port in (("web", 8080), ("api", 8081))])


@shows("`from airflow_balancer import configured_pools`", "`airflow_balancer.host`, `.port`, `.query`, `.balancer`, `.pool_manager`")
def test_the_package_exports_no_more_than_it_names() -> None:
    names = ("configured_pools", "host", "port", "query", "balancer", "pool_manager")
    assert [name for name in names if hasattr(airflow_balancer, name)] == []
    assert callable(airflow_balancer.config.configured_pools)


@shows('`select_host(queue="workers")`', "`select_host(...)` anywhere", "`select_port()`")
def test_a_key_gets_the_same_host_and_port(balancer: BalancerConfiguration) -> None:
    assert len({balancer.select_host(queue="workers", key="nightly").name for _ in range(20)}) == 1
    assert len({balancer.select_port(key="nightly").pool for _ in range(20)}) == 1


@shows('`select_host(queue="workers")`')
def test_the_strategy_random_picks_another_host_at_each_call(balancer: BalancerConfiguration) -> None:
    balancer.strategy = "random"
    assert {balancer.select_host(queue="workers", key="nightly").name for _ in range(200)} == SIZES.keys()


@shows("hosts of other sizes")
def test_hosts_are_picked_in_proportion_to_their_sizes(balancer: BalancerConfiguration) -> None:
    picks = Counter(balancer.select_host(key=f"task {number}").name for number in range(1000))
    assert 700 < picks["host1"] < 800


@shows('`filter_hosts(os="ubuntu")` beside a host without `os`')
def test_a_host_without_a_system_matches_none() -> None:
    made = fleet("host1", {"name": "host2", "os": "ubuntu"})
    assert [host.name for host in made.filter_hosts(os="ubuntu")] == ["host2"]


@shows(
    "`free_port(host)` twice",
    "`free_port(host, min=8000, max=9000)`",
    "`free_port(host=host, min=8000, max=9000)`",
    "`free_port(host)` in a full range",
    '`free_port("host1")`',
)
def test_free_ports_differ_reach_both_ends_and_end(balancer: BalancerConfiguration) -> None:
    assert {balancer.free_port("host1", min=8000, max=8001).port for _ in range(2)} == {8000, 8001}
    with pytest.raises(NoFreePort) as error:
        balancer.free_port(balancer.hosts[0], min=8000, max=8001)
    assert isinstance(error.value, RuntimeError)


@shows("`free_port(host)` twice")
def test_equal_keys_get_one_free_port(balancer: BalancerConfiguration) -> None:
    assert len({balancer.free_port("host1", key="search").port for _ in range(2)}) == 1


@shows("no match")
def test_no_match_is_a_runtime_error_that_says_what_exists(balancer: BalancerConfiguration) -> None:
    with pytest.raises(RuntimeError, match=r"names: host1, host2; queues: workers") as error:
        balancer.filter_hosts(queue="gpu")
    assert isinstance(error.value, NoMatch)


@shows(
    "`except hydra.errors.InstantiationException` around a load",
    "`except airflow_config.ConfigNotFoundError`, `MissingConfigException`",
    '`load_config("config", "config")` of a broken tree',
)
@pytest.mark.parametrize("read", [load_config, lambda folder, name: load(f"{folder}/{name}.yaml")], ids=["load_config", "load"])
def test_what_is_wrong_with_a_file_is_a_configuration_error(write: Write, tmp_path: Path, read: Callable[..., Any]) -> None:
    write("config/balancer.yaml", "hosts: [{name: host1}]\n")
    write("config/config.yaml", "# @package _global_\ndefaults: [missing]\n")
    write("config/twice.yaml", "hosts: [{name: a}, {name: a}]\n")
    for name, message in (("config", "missing"), ("twice", "is defined twice"), ("none", "there is no such file")):
        with pytest.raises(ConfigurationError, match=message) as error:
            read(str(tmp_path / "config"), name)
        assert isinstance(error.value, ValueError)


@shows('`Host(name="a", sise=3)`', '`Port(host_name="a")` without a number')
@pytest.mark.parametrize("make", [lambda: Host(name="a", sise=3), lambda: Port(host_name="a")], ids=["host", "port"])
def test_a_wrong_object_is_an_error_when_it_is_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValidationError):
        make()


@shows("`Port(host=other)` with a host that is not in `hosts`")
def test_a_ports_host_is_one_of_the_hosts() -> None:
    port = Port(host=Host(name="other"), port=80)
    assert "port 80 on host 'other': unknown host 'other' (hosts: host1)" in problem("host1", ports=[port])
    assert fleet("host1", port.host, ports=[port]).ports == [port]


@shows('`host.override(name="b")`')
@pytest.mark.parametrize(("given", "pool"), [({}, "b"), ({"pool": {"pool": "a", "slots": 8}}, "a")], ids=["follows", "given"])
def test_an_overridden_hosts_pool_follows_its_name(given: dict[str, Any], pool: str) -> None:
    made = fleet(fleet("a").hosts[0].override(name="b", **given))
    assert made.hosts[0].pool.pool == pool


@shows("`repr(balancer)`, `print(balancer)`", "`repr(host)`, `model_dump_json()`")
def test_passwords_are_masked_but_in_the_attribute_and_plain_data() -> None:
    made = fleet({"name": "host1", "password": "hunter22"})
    assert (repr(made), str(made)) == ("BalancerConfiguration(...)", "BalancerConfiguration(...)")
    assert [text for text in (repr(made.hosts), made.model_dump_json()) if "hunter22" in text or "**********" not in text] == []
    assert BalancerConfiguration(**made.model_dump()).hosts[0].password == "hunter22"


@needs_airflow
@shows("the type of `host.hook()`")
def test_a_hook_is_an_ssh_hook_of_airflows() -> None:
    from airflow.providers.ssh.hooks.ssh import SSHHook

    assert isinstance(Host(name="host1").hook(), SSHHook)


@shows("log lines such as `Selected host: host1`")
def test_queries_log_nothing(balancer: BalancerConfiguration, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        balancer.select_host()
        balancer.filter_ports()
    assert caplog.records == []


@shows('`password: "{{ var.json.x.password }}"`')
def test_a_password_with_braces_is_a_string_and_a_key_a_variable() -> None:
    text = "{{ var.json.x.password }}"
    hosts = fleet({"name": "a", "password": text}, {"name": "b", "password": {"key": "x"}}).hosts
    assert (hosts[0].password, hosts[1].password.key) == (text, "x")


class TestWhatStays:
    @pytest.mark.parametrize(("pool", "name"), [({}, "host1"), ({"pool": "gpu"}, "gpu")], ids=["name", "pool"])
    def test_names_of_pools(self, pool: dict[str, Any], name: str) -> None:
        ports = [{"host_name": "host1", "port": 80}, {"name": "web", "host_name": "host1", "port": 81}]
        made = fleet({"name": "host1", **pool}, ports=ports)
        assert (made.hosts[0].pool.pool, [port.pool for port in made.ports]) == (name, ["host1-80", "web"])

    @pytest.mark.parametrize("name", ["BalancerConfiguration", "Host", "Port", "HostQuery", "PortQuery", "PoolManagerConfiguration"])
    def test_classes_extend_those_of_airflow_pydantic(self, name: str) -> None:
        import airflow_pydantic

        ours = getattr(airflow_balancer, name)
        assert issubclass(ours, getattr(airflow_pydantic, ours.__name__))

    @pytest.mark.parametrize("name", ["BalancerConfiguration", "Host", "Port", "HostQuery", "PortQuery", "PoolManagerConfiguration"])
    def test_fields_and_arguments_of_airflow_pydantics(self, name: str) -> None:
        ours = getattr(airflow_balancer, name)
        base = next(cls for cls in ours.__mro__ if cls.__module__.startswith("airflow_pydantic."))
        assert base.model_fields.keys() <= ours.model_fields.keys()
        for method, function in inspect.getmembers(base, inspect.isfunction):
            if not method.startswith("_"):
                theirs, given = (
                    [(arg.name, arg.default) for arg in inspect.signature(each).parameters.values() if arg.kind is not arg.VAR_KEYWORD]
                    for each in (function, getattr(ours, method))
                )
                assert given[: len(theirs)] == theirs, method

    def test_queues_of_the_balancer_are_values_alone(self) -> None:
        made = fleet("host1", primary_queue="primary", secondary_queue="workers", default_queue="other")
        assert (made.primary_queue, made.secondary_queue, made.default_queue) == ("primary", "workers", "other")
        assert made.select_host(key="x").queues == []
