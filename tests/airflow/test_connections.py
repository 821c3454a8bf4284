"""The SSH connections that `create_connection` asks for, and the plan for them."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from airflow_balancer.airflow.connections import SshConnection, plan_connections, variable_keys, wanted_connections
from airflow_balancer.airflow.pools import Plan, Update
from airflow_balancer.errors import ConfigurationError
from airflow_balancer.fleet.fleet import Fleet


def fleets(*hosts: dict[str, Any], **node: Any) -> dict[str, Fleet]:
    return {"a.yaml": Fleet.from_data({"create_connection": True, "hosts": list(hosts), **node})}


def connection(name: str = "host1", **values: Any) -> SshConnection:
    given = {"host": f"{name}.local", "login": "airflow", "password": None, "port": None, "extra": "{}"}
    return SshConnection(name=name, description=f"Balancer connection for host({name}) [airflow-balancer]", **given | values)


class TestWanted:
    def test_each_host_has_a_connection(self) -> None:
        assert wanted_connections(fleets({"name": "host1"}), {}) == {"host1": connection()}

    @pytest.mark.parametrize("given", [False, None], ids=["false", "not given"])
    def test_without_create_connection_there_is_none(self, *, given: bool | None) -> None:
        assert wanted_connections(fleets({"name": "host1"}, create_connection=given), {}) == {}

    def test_a_name_with_a_dot_is_the_address(self) -> None:
        name = "host1.example.org"
        assert wanted_connections(fleets({"name": name}), {}) == {name: connection(name, host=name)}

    @pytest.mark.parametrize(
        "given", [{"address": "10.0.0.5"}, {"ssh_hook_args": {"remote_host": "10.0.0.5"}}], ids=["address", "remote_host"]
    )
    def test_a_hosts_address_is_the_connections_host(self, given: dict[str, Any]) -> None:
        assert wanted_connections(fleets({"name": "host1", **given}), {}) == {"host1": connection(host="10.0.0.5")}

    def test_a_new_address_updates_the_connection(self) -> None:
        before, after = connection(host="10.0.0.4"), connection(host="10.0.0.5")
        wanted = wanted_connections(fleets({"name": "host1", "address": "10.0.0.5"}), {})
        assert plan_connections(wanted, [before]) == Plan((), (Update(before, after),), (), (), {})

    def test_arguments_of_the_hook_become_port_and_extra(self) -> None:
        host = {"name": "host1", "key_file": "/key", "ssh_hook_args": {"port": 22022, "conn_timeout": 3}}
        wanted = connection(port=22022, extra='{"conn_timeout": 3, "key_file": "/key"}')
        assert wanted_connections(fleets(host), {}) == {"host1": wanted}

    def test_the_extra_does_not_depend_on_the_order_of_the_arguments(self) -> None:
        hosts = [{"name": "host1", "ssh_hook_args": dict(pairs)} for pairs in permutations({"conn_timeout": 3, "compress": True}.items())]
        wanted = {"host1": connection(extra='{"compress": true, "conn_timeout": 3}')}
        assert [wanted_connections(fleets(host), {}) for host in hosts] == [wanted, wanted]

    @pytest.mark.parametrize("value", ["12345", "[1]", '"password"', '{"other": "word"}'])
    def test_json_without_a_password_is_the_password(self, value: str) -> None:
        config = fleets({"name": "host1", "password": {"key": "secret"}})
        assert wanted_connections(config, {"secret": value}) == {"host1": connection(password=value)}

    @pytest.mark.parametrize("value", ["word", '{"password": "word"}'], ids=["text", "json"])
    def test_a_password_in_a_variable_is_looked_up(self, value: str) -> None:
        config = fleets({"name": "host1", "password": {"key": "secret"}})
        assert variable_keys(config) == {"secret"}
        assert wanted_connections(config, {"secret": value}) == {"host1": connection(password="word")}

    def test_a_missing_variable_is_an_error_that_names_it(self) -> None:
        with pytest.raises(ConfigurationError) as error:
            wanted_connections(fleets({"name": "host1", "password": {"key": "secret"}}), {})
        text = "its password is Airflow Variable 'secret', which cannot be read; set it, then apply again"
        assert str(error.value) == f"a.yaml: connection 'host1': {text}"

    def test_a_name_longer_than_airflow_takes_is_an_error(self) -> None:
        with pytest.raises(ConfigurationError, match="its name has 201 characters, Airflow allows 200"):
            wanted_connections(fleets({"name": "h" * 201}), {})

    def test_two_configurations_may_not_want_other_connections(self) -> None:
        other = {"b.yaml": fleets({"name": "host1", "username": "other"})["a.yaml"]}
        with pytest.raises(ConfigurationError, match=r"^b.yaml: connection 'host1': differs between two configurations"):
            wanted_connections(fleets({"name": "host1"}) | other, {})

    def test_a_password_stands_in_no_repr(self) -> None:
        assert "word" not in repr(wanted_connections(fleets({"name": "host1", "password": "word"}), {}))


def test_the_plan_makes_updates_leaves_and_orphans_by_name() -> None:
    named = {name: connection(name) for name in "hgfedcba"}
    old = {name: named[name]._replace(login="old") for name in "dc"}
    others = connection("g")._replace(description="by hand", host="elsewhere")
    gone = [connection("j"), connection("i")]
    note = "others made this connection; delete it to let the balancer make its own"
    assert plan_connections(named, [others, named["h"], *gone, *old.values(), named["f"], named["e"]]) == Plan(
        create=(named["a"], named["b"]),
        update=(Update(old["c"], named["c"]), Update(old["d"], named["d"])),
        unchanged=(named["e"], named["f"], others, named["h"]),
        orphaned=(gone[1], gone[0]),
        notes={"g": note},
    )
