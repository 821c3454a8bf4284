"""The table of docs/migration.md for YAML: what this package does with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_balancer import BalancerConfiguration, Host, load
from airflow_balancer.airflow.connections import wanted_connections
from airflow_balancer.airflow.pools import plan_pools, wanted_pools
from airflow_balancer.config import configured_pools
from airflow_balancer.fleet.pools import PoolSlots
from tests.conftest import Answer, Write
from tests.docs.rows import fleet, needs_airflow, problem, shows

_SIZE = "must be a whole number from 1 to 2147483647, not"


@shows(
    "`sise: 3`, any unknown key",
    "`size: 0`",
    "`size: -3`, `size: 16.0`, `size: true`",
    "`slots: 0` or `slots: -1` in a host's `pool`",
    "`queues: workers`, any string for a list",
    "`ssh_hook_args` that no hook reads",
    "`ssh_hook_args: {username: x}` beside a `username`",
)
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sise": 3}, "unknown key 'sise'; did you mean 'size'?"),
        ({"size": 0}, f"key 'size' {_SIZE} 0"),
        ({"size": -3}, f"key 'size' {_SIZE} -3"),
        ({"size": 16.0}, f"key 'size' {_SIZE} 16.0"),
        ({"size": True}, f"key 'size' {_SIZE} True"),
        ({"pool": {"pool": "gpu", "slots": 0}}, f"key 'pool.slots' {_SIZE} 0"),
        ({"pool": {"pool": "gpu", "slots": -1}}, f"key 'pool.slots' {_SIZE} -1"),
        ({"queues": "workers"}, "key 'queues' must be a list such as [workers], not 'workers'"),
        ({"ssh_hook_args": {"colour": 1}}, "key 'ssh_hook_args.colour' is no argument of an SSH hook, and would be dropped"),
        (
            {"username": "y", "ssh_hook_args": {"username": "x"}},
            "key 'ssh_hook_args.username' would be dropped for the host's 'username'; give it as the host's key 'username'",
        ),
    ],
    ids=str,
)
def test_a_hosts_wrong_value_is_an_error_that_names_host_and_key(values: dict[str, Any], message: str) -> None:
    assert f"host 'a': {message}" in problem({"name": "a", **values})


@shows("`size: 0`", "`default_size: 0`")
def test_a_host_without_a_size_has_the_default_which_is_above_zero() -> None:
    assert [host.size for host in fleet("a", default_size=6).hosts] == [6]
    assert f"key 'default_size' {_SIZE} 0" in problem("a", default_size=0)


@shows("`pool: {pool: gpu, slots: 3}` with `size: 8`")
@pytest.mark.parametrize(("pool", "slots"), [({"pool": "gpu", "slots": 3}, 3), ({"pool": "gpu"}, 8)], ids=["slots", "none"])
def test_a_pool_has_its_own_slots_or_the_hosts_size(pool: dict[str, Any], slots: int) -> None:
    assert [made.slots for made in configured_pools(fleet({"name": "a", "size": 8, "pool": pool}))] == [slots]


@shows("two hosts with one `pool`, other sizes and no `slots`")
def test_hosts_that_share_a_pool_agree_on_its_slots() -> None:
    def hosts(**pool: Any) -> list[dict[str, Any]]:
        return [{"name": name, "size": size, "pool": {"pool": "gpu", **pool}} for name, size in (("a", 16), ("b", 8))]

    assert "host 'b': pool 'gpu' is requested with 8 slots, but with 16 by host 'a'" in problem(*hosts())
    assert [(pool.pool, pool.slots) for pool in configured_pools(fleet(*hosts(slots=24)))] == [("gpu", 24)]


@shows("host `a-80`, and port 80 of host `a`")
def test_a_port_and_a_host_have_pools_of_their_own() -> None:
    ports = [{"host_name": "a", "port": 80}]
    assert "port 80: pool 'a-80' is requested with 1 slots, but with 8 by host 'a-80'" in problem("a", "a-80", ports=ports)
    made = fleet("a", {"name": "a-80", "pool": {"pool": "host-a-80"}}, ports=ports)
    assert [pool.pool for pool in configured_pools(made)] == ["a", "host-a-80", "a-80"]


@shows("a host whose pool is `default_pool`", "two ports of one `name`", "a port on an unknown host")
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hosts": [{"name": "default_pool"}]}, "its pool would be Airflow's own 'default_pool'; give it another with key 'pool'"),
        (
            {"hosts": [{"name": "a"}, {"name": "b"}], "ports": [{"name": "web", "host_name": host, "port": 80} for host in "ab"]},
            "port 'web': is defined twice, at ports[0] and ports[1]; port names must differ",
        ),
        ({"hosts": [{"name": "a"}], "ports": [{"host_name": "b", "port": 80}]}, "port 80 on host 'b': unknown host 'b' (hosts: a)"),
    ],
    ids=["default_pool", "name", "host"],
)
def test_names_that_cannot_work_are_errors(values: dict[str, Any], message: str) -> None:
    assert message in problem(*values.pop("hosts"), **values)


@shows("`host_name: host1` in a port", "`host: host1` in a port")
@pytest.mark.parametrize("key", ["host", "host_name"])
def test_a_port_names_its_host_by_either_key(key: str) -> None:
    made = fleet("host1", ports=[{key: "host1", "port": 8080}])
    assert made.ports[0].host is made.hosts[0]


@shows("`hosts` or `ports` as a mapping by name", "`host_overrides`")
def test_hosts_and_ports_are_mappings_or_lists_and_single_hosts_change() -> None:
    mapping = {"hosts": {"host1": {"size": 2}, "host2": {}}, "ports": {"web": {"host": "host1", "port": 80}}}
    made = BalancerConfiguration(**mapping, host_overrides={"host1": {"size": 4}})
    assert [(host.name, host.size) for host in made.hosts] == [("host1", 4), ("host2", 8)]
    assert [(port.name, port.port) for port in made.ports] == [("web", 80)]


@shows("`hosts: null`, `default_username: null`")
def test_null_is_as_if_the_key_were_left_out() -> None:
    made = BalancerConfiguration(hosts=None, default_username=None)
    assert (made.hosts, made.default_username) == ([], "airflow")


@shows("`ssh_hook_args: {remote_host: 10.0.0.5}`")
@pytest.mark.parametrize("values", [{"ssh_hook_args": {"remote_host": "10.0.0.5"}}, {"address": "10.0.0.5"}], ids=["argument", "key"])
def test_a_remote_host_is_the_address(values: dict[str, Any]) -> None:
    assert fleet({"name": "host1", **values}).hosts[0].hook().remote_host == "10.0.0.5"


@shows("`key_file: ~/.ssh/id`")
def test_a_key_file_may_begin_with_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert Host(name="host1", username="me", key_file="~/.ssh/id").hook().key_file == "/home/me/.ssh/id"


@shows("`create_connection: true`")
@pytest.mark.parametrize(("switch", "made"), [(True, ["host1"]), (False, [])])
def test_create_connection_makes_a_connection_for_each_host(*, switch: bool, made: list[str]) -> None:
    assert list(wanted_connections({"": fleet("host1", create_connection=switch).fleet}, {})) == made


@shows("`override_pool_size: true`")
@pytest.mark.parametrize(("switch", "slots"), [(True, 8), (False, 5)])
def test_slots_that_were_edited_by_hand_are_reset_only_with_override_pool_size(*, switch: bool, slots: int) -> None:
    edited = PoolSlots("host1", 5, "Balancer pool for host(host1) [airflow-balancer: 8 slots]", include_deferred=True)
    plan = plan_pools(wanted_pools({"": fleet("host1", override_pool_size=switch).fleet}), [edited])
    assert [pool.slots for pool in (*plan.unchanged, *(change.after for change in plan.update))] == [slots]


@shows("no key `pool_manager`", "`pool_manager: {dag: {enabled: false}}`", "`managed_dags()`, `generated_files()`, `generate_in_mem()`")
@pytest.mark.parametrize(
    ("values", "dags"),
    [({}, []), ({"pool_manager": {"dag": {"enabled": False}}}, []), ({"pool_manager": {}}, ["airflow_laminar_pool_manager"])],
    ids=["none", "disabled", "given"],
)
def test_the_pool_managers_dag_is_made_only_with_its_key(values: dict[str, Any], dags: list[str]) -> None:
    made = fleet("host1", **values)
    assert [dag.dag_id for dag in made.managed_dags()] == dags
    assert list(made.generated_files(airflow_major_version=3)) == [f"{dag}.py" for dag in dags]


QUERY = """\
# @package _global_
_target_: airflow_config.Configuration
extensions:
  balancer:
    _target_: {package}.BalancerConfiguration
    hosts:
      - {{name: reports-1, tags: [reports]}}
      - {{name: reports-2, tags: [reports]}}
dags:
  remote-report:
    start_date: "2025-01-01"
    tasks:
      report:
        _target_: airflow_config.SSHTask
        command: report
        ssh_hook: {hook}
"""
_OBJECT = "{{_target_: {package}.BalancerHostQueryConfiguration, balancer: '${{extensions.balancer}}', tag: reports}}"


@pytest.fixture
def tree(write: Write) -> Callable[[str, str], Path]:
    """Write a tree of airflow-config with a task that queries for its host, and return its root."""
    return lambda package, hook: write("config/config.yaml", QUERY.format(package=package, hook=hook.format(package=package)))


@shows("`_target_: airflow_pydantic.BalancerConfiguration`", "`airflow_pydantic.BalancerConfiguration` in the guides of airflow-config")
@pytest.mark.parametrize(("package", "ours"), [("airflow_balancer", True), ("airflow_pydantic", False)])
def test_airflow_config_makes_the_balancer_that_the_target_names(tree: Callable[[str, str], Path], package: str, *, ours: bool) -> None:
    from airflow_config import load_config

    config = load_config("config", "config", basepath=str(tree(package, _OBJECT)))
    assert isinstance(config.extensions["balancer"], BalancerConfiguration) is ours
    assert config.dags["remote-report"].tasks["report"].pool.pool in {"reports-1", "reports-2"}


@shows("`_target_: airflow_pydantic.BalancerHostQueryConfiguration`")
@pytest.mark.parametrize(
    ("hook", "count"), [(_OBJECT, "0 picks"), ("'${{balancer.host:{{tag:reports}}}}'", "1 pick")], ids=["object", "resolver"]
)
def test_plan_lists_the_picks_of_resolvers(tree: Callable[[str, str], Path], cli: Callable[..., Answer], hook: str, count: str) -> None:
    tree("airflow_balancer", hook)
    assert f"{count} of config/config.yaml" in cli("plan", "--config-dir", "config").stdout


@shows("a file with `hosts` and without `_target_`")
@pytest.mark.parametrize("read", [load, BalancerConfiguration.load_path], ids=["load", "load_path"])
def test_a_file_with_hosts_is_a_balancer(write: Write, read: Callable[[Path], BalancerConfiguration]) -> None:
    assert [host.name for host in read(write("balancer.yaml", "hosts: [{name: host1}]\n")).hosts] == ["host1"]


@needs_airflow
@shows("`config.generate(...)` for a host with a password", '`config.generate("generated", airflow_major_version=3)`')
def test_generated_dag_files_have_no_password_and_no_pool_manager(write: Write, tmp_path: Path) -> None:
    from airflow_config import load_config

    text = QUERY.format(package="airflow_balancer", hook=_OBJECT.format(package="airflow_balancer"))
    root = write("config/config.yaml", text.replace("    hosts:", "    default_password: hunter22\n    hosts:"))
    load_config("config", "config", basepath=str(root)).generate(tmp_path / "generated", airflow_major_version=3)
    assert [path.name for path in (tmp_path / "generated").iterdir()] == ["remote-report.py"]
    source = (tmp_path / "generated" / "remote-report.py").read_text()
    assert ("hunter22" in source, "password='**********'" in source) == (False, True)
