"""A host's address: where it is reached, when that is not its name."""

from __future__ import annotations

from typing import ClassVar

import pytest
from airflow_pydantic import BalancerHostQueryConfiguration as BaseHostQuery
from airflow_pydantic import Host as BaseHost
from airflow_pydantic import SSHTask

from airflow_balancer import BalancerConfiguration, ConfigurationError, Fleet, Host
from airflow_balancer.config import BalancedSSHTask, BalancerHostQueryConfiguration, Port
from airflow_balancer.fleet.model import address_problem

NO_ADDRESS = "key 'address' must be an IP address or a DNS name"
SUCH_AS = "such as 10.0.0.5, 2001:db8::5 or ws1.example.com"
FORMS = {
    "in a list": {"hosts": [{"name": "ws1", "address": "10.0.0.5"}]},
    "in a mapping": {"hosts": {"ws1": {"address": "10.0.0.5"}}},
    "as remote_host": {"hosts": [{"name": "ws1", "ssh_hook_args": {"remote_host": "10.0.0.5"}}]},
    "as both": {"hosts": [{"name": "ws1", "address": "10.0.0.5", "ssh_hook_args": {"remote_host": "10.0.0.5"}}]},
    "as an override": {"hosts": {"ws1": None}, "host_overrides": {"ws1": {"address": "10.0.0.5"}}},
    "as an override's remote_host": {"hosts": {"ws1": None}, "host_overrides": {"ws1": {"ssh_hook_args": {"remote_host": "10.0.0.5"}}}},
    "as an override of remote_host": {
        "hosts": {"ws1": {"ssh_hook_args": {"remote_host": "10.0.0.4"}}},
        "host_overrides": {"ws1": {"address": "10.0.0.5"}},
    },
    "as remote_host that overrides": {
        "hosts": {"ws1": {"address": "10.0.0.4"}},
        "host_overrides": {"ws1": {"ssh_hook_args": {"remote_host": "10.0.0.5"}}},
    },
}


@pytest.mark.parametrize(("length", "fits"), [(253, True), (254, False)])
def test_the_longest_dns_name_is_an_address(length, fits):
    assert (address_problem("address", f"{'a' * 9}." * 25 + "a" * (length - 250)) == "") is fits


@pytest.mark.parametrize("node", FORMS.values(), ids=FORMS)
def test_every_form_is_read_to_one_place(node):
    [host] = Fleet.from_data(node).hosts
    assert (host.name, host.address, host.ssh_hook_args) == ("ws1", "10.0.0.5", {})


@pytest.mark.parametrize("changes", [{"address": None}, {"ssh_hook_args": {"remote_host": None}}])
def test_an_override_of_none_takes_the_address_away(changes):
    fleet = Fleet.from_data({"hosts": {"ws1": {"address": "10.0.0.5"}}, "host_overrides": {"ws1": changes}})
    assert fleet.hosts[0].address is None


def test_what_is_given_is_left_as_it_is():
    node = {"hosts": [{"name": "ws1", "ssh_hook_args": {"remote_host": "10.0.0.5", "port": 22}}]}
    Fleet.from_data(node)
    assert node == {"hosts": [{"name": "ws1", "ssh_hook_args": {"remote_host": "10.0.0.5", "port": 22}}]}


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ({"name": "ws1"}, "ws1.local"),
        ({"name": "ws1.example.com"}, "ws1.example.com"),
        ({"name": "ws1", "address": "10.0.0.5"}, "10.0.0.5"),
        ({"name": "ws1", "address": "machine5"}, "machine5"),
        ({"name": "ws1.example.com", "address": "::1"}, "::1"),
    ],
)
def test_a_host_is_reached_at_its_address_else_at_its_name(host, reached):
    assert Fleet.from_data({"hosts": [host]}).hosts[0].remote_host == reached


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.5",
        "::1",
        "2001:db8::5",
        "fe80::1%eth0",
        "::ffff:10.0.0.5",
        "ws1",
        "ws1.example.com",
        "ws1.example.com.",
        "my_host",
        "10.example",
        "bücher.example",
    ],
)
def test_ip_addresses_and_dns_names_are_addresses(address):
    assert address_problem("address", address) == ""


@pytest.mark.parametrize(
    ("address", "shown", "hint"),
    [
        ("", "''", SUCH_AS),
        ("ws 1", "'ws 1'", SUCH_AS),
        (" ws1", "' ws1'", SUCH_AS),
        ("ws1\n", r"'ws1\n'", SUCH_AS),
        ("ws1\x00", r"'ws1\x00'", SUCH_AS),
        ("ssh://ws1", "'ssh://ws1'", "leave the scheme and the path out"),
        ("ssh://me:hunter/2@ws1/x", "'**********@ws1/x'", "leave the scheme and the path out"),
        ("me@ws1", "'**********@ws1'", "the user is the key `username`"),
        ("ws1:2222", "'ws1:2222'", "the port is `ssh_hook_args: {port: 2222}`"),
        ("[::1]:2222", "'[::1]:2222'", "the port is `ssh_hook_args: {port: 2222}`"),
        ("[::1]", "'[::1]'", "leave the brackets out"),
        ("10.0.0.256", "'10.0.0.256'", "an IPv4 address has four numbers from 0 to 255"),
        ("10.0.0.0/8", "'10.0.0.0/8'", SUCH_AS),
        ("-v", "'-v'", SUCH_AS),
        ("$(reboot)", "'$(reboot)'", SUCH_AS),
        ("fe80::1%$(reboot)", "'fe80::1%$(reboot)'", SUCH_AS),
        ("ws..1", "'ws..1'", SUCH_AS),
        ("a." * 127, f"'{'a.' * 30}'", SUCH_AS),
    ],
)
def test_what_is_no_address_is_said_with_what_would_be_right(address, shown, hint):
    with pytest.raises(ConfigurationError) as error:
        Fleet.from_data({"hosts": [{"name": "ws1", "address": address}]})
    assert str(error.value) == f"host 'ws1': {NO_ADDRESS}, not {shown}; {hint}"


@pytest.mark.parametrize("value", [5, True, ["10.0.0.5"]])
def test_an_address_is_a_text(value):
    with pytest.raises(ConfigurationError) as error:
        Fleet.from_data({"hosts": [{"name": "ws1", "address": value}]})
    assert str(error.value) == f"host 'ws1': {NO_ADDRESS}, such as 10.0.0.5, not {value!r}"


HOST = {"name": "ws1", "address": "10.0.0.4"}
CONFLICT = "key 'address' says '10.0.0.4' but 'ssh_hook_args.remote_host' says '10.0.0.5'; give one of them"
OTHER = {"ssh_hook_args": {"remote_host": "10.0.0.5"}}
WRONG_REMOTE_HOST = "key 'ssh_hook_args.remote_host' must be an IP address or a DNS name, not 'a:1'; the port is `ssh_hook_args: {port: 1}`"


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"hosts": [HOST | OTHER]}, f"host 'ws1': {CONFLICT}"),
        ({"hosts": {"ws1": None}, "host_overrides": {"ws1": {"address": "10.0.0.4"} | OTHER}}, f"host_overrides.ws1: {CONFLICT}"),
        ({"hosts": [{"name": "ws1", "ssh_hook_args": {"remote_host": "a:1"}}]}, f"host 'ws1': {WRONG_REMOTE_HOST}"),
        ({"hosts": [HOST | {"ssh_hook_args": {"remote_host": "a:1"}}]}, f"host 'ws1': {WRONG_REMOTE_HOST}"),
        (
            {"hosts": [{"name": "ws1", "address": "me:hunter2@ws1"} | OTHER]},
            f"host 'ws1': {NO_ADDRESS}, not '**********@ws1'; the user is the key `username`",
        ),
    ],
)
def test_two_addresses_and_a_wrong_remote_host_are_said(node, message):
    with pytest.raises(ConfigurationError) as error:
        Fleet.from_data(node)
    assert str(error.value) == message


class TestHost:
    @pytest.mark.parametrize("use_local", [True, False])
    def test_its_hook_goes_to_exactly_the_address(self, use_local):
        assert Host(name="ws1", address="machine5").hook(use_local=use_local).remote_host == "machine5"

    def test_without_one_its_hook_goes_to_its_name(self):
        host = Host(name="ws1")
        assert (host.hook().remote_host, host.hook(use_local=False).remote_host) == ("ws1.local", "ws1")

    def test_a_remote_host_of_the_call_takes_precedence(self):
        assert Host(name="ws1", address="10.0.0.5").hook(remote_host="10.0.0.6").remote_host == "10.0.0.6"

    def test_its_hook_has_the_user_and_the_credential_as_before(self):
        hook = Host(name="ws1", address="10.0.0.5", username="me", password="secret").hook()
        assert (hook.remote_host, hook.username, hook.password) == ("10.0.0.5", "me", "secret")

    def test_remote_host_is_read_to_the_address(self):
        host = Host(name="ws1", ssh_hook_args={"remote_host": "10.0.0.5", "port": 22})
        assert (host.address, host.ssh_hook_args, host.hook().remote_host) == ("10.0.0.5", {"port": 22}, "10.0.0.5")

    def test_remote_host_is_read_to_the_address_when_it_is_set(self):
        host = Host(name="ws1")
        host.ssh_hook_args = {"remote_host": "10.0.0.5", "port": 22}
        assert (host.address, host.ssh_hook_args, host.hook().remote_host) == ("10.0.0.5", {"port": 22}, "10.0.0.5")

    def test_an_address_is_checked_when_it_is_set(self):
        host = Host(name="ws1", address="10.0.0.5")
        with pytest.raises(ValueError, match="must be an IP address or a DNS name"):
            host.address = "10.0.0.5:22"
        assert host.address == "10.0.0.5"

    def test_it_is_the_same_host_wherever_it_is(self):
        hosts = {Host(name="ws1", address="10.0.0.5"), Host(name="ws2", address="10.0.0.4")}
        assert [host.name for host in sorted(hosts)] == ["ws1", "ws2"]
        assert hash(Host(name="ws1", address="10.0.0.5")) == hash(Host(name="ws1"))

    def test_a_copy_has_its_address(self):
        host = Host(name="ws1", address="10.0.0.5")
        assert (host.override(size=3).address, host.override(address="10.0.0.6").address) == ("10.0.0.5", "10.0.0.6")

    def test_json_has_its_address(self):
        assert Host.model_validate_json(Host(name="ws1", address="10.0.0.5").model_dump_json()).address == "10.0.0.5"


def addresses(balancer):
    return {host.name: (host.address, host.ssh_hook_args, host.hook().remote_host) for host in balancer.hosts}


class TestBalancer:
    @pytest.mark.parametrize("node", FORMS.values(), ids=FORMS)
    def test_every_form_makes_a_host_that_goes_there(self, node):
        assert addresses(BalancerConfiguration(**node)) == {"ws1": ("10.0.0.5", {}, "10.0.0.5")}

    @pytest.mark.parametrize("cls", [Host, BaseHost])
    def test_a_host_object_is_taken_with_its_remote_host(self, cls):
        host = cls(name="ws1", ssh_hook_args={"remote_host": "10.0.0.5"})
        assert addresses(BalancerConfiguration(hosts=[host])) == {"ws1": ("10.0.0.5", {}, "10.0.0.5")}

    def test_an_override_changes_the_address_of_a_host_object(self):
        balancer = BalancerConfiguration(hosts=[Host(name="ws1", address="10.0.0.4")], host_overrides={"ws1": {"address": "10.0.0.5"}})
        assert addresses(balancer) == {"ws1": ("10.0.0.5", {}, "10.0.0.5")}

    def test_an_address_moves_no_pick_and_no_free_port(self):
        hosts = [{"name": f"ws{n}", "size": n, "queues": ["workers"]} for n in range(1, 6)]
        plain = BalancerConfiguration(hosts=hosts)
        reached = BalancerConfiguration(hosts=[{**host, "address": f"10.0.0.{n}"} for n, host in enumerate(hosts)])
        for key in map(str, range(50)):
            ranked, again = (balancer.rank_hosts(queue="workers", key=key) for balancer in (plain, reached))
            assert [(host.name, host.pool) for host in ranked] == [(host.name, host.pool) for host in again]
            ports = [balancer.free_port(ranked[0].name, key=key) for balancer in (plain, reached)]
            assert (ports[0].port, ports[0].pool) == (ports[1].port, ports[1].pool)

    def test_the_host_of_a_port_has_its_address(self):
        host = Host(name="ws1", address="10.0.0.5")
        ports = [{"host": "ws1", "port": 80}, Port(host=host, port=81), {"host_name": "ws1", "port": 82}]
        balancer = BalancerConfiguration(hosts=[host], ports=ports)
        assert [(port.host.address, port.pool) for port in balancer.ports] == [("10.0.0.5", f"ws1-{number}") for number in (80, 81, 82)]


class TestTask:
    BALANCER: ClassVar = {"hosts": {"ws1": {"address": "10.0.0.5"}, "ws2": {}}}

    @pytest.mark.parametrize("hold_slots", [False, True])
    def test_the_code_of_an_ssh_task_goes_to_the_address(self, hold_slots):
        task = SSHTask(task_id="t", command="true", ssh_hook=BalancerConfiguration(**self.BALANCER, hold_slots=hold_slots).hosts[0])
        assert "ssh_hook=SSHHook(remote_host='10.0.0.5', username='airflow')" in task.render()[2]

    def test_the_code_of_a_balanced_task_has_the_address(self):
        task = BalancedSSHTask(task_id="t", command="true", balancer=self.BALANCER, query={"name": "ws1"})
        assert "hosts=[{'name': 'ws1', 'address': '10.0.0.5', 'username': 'airflow', 'size': 8}]" in task.render()[2]

    @pytest.mark.parametrize("query", [BalancerHostQueryConfiguration, BaseHostQuery])
    def test_a_task_on_all_hosts_of_a_query_goes_to_their_addresses(self, query):
        hosts = query(kind="filter", name=["ws*"], balancer=BalancerConfiguration(**self.BALANCER))
        assert SSHTask(task_id="t", command="true", ssh_hook=hosts).render()[2].endswith(".expand(remote_host=['10.0.0.5', 'ws2.local'])")

    def test_a_task_on_hosts_of_airflow_pydantic_goes_to_their_names(self):
        assert [SSHTask._remote_host_name(BaseHost(name=name)) for name in ("ws1", "ws1.lan")] == ["ws1.local", "ws1.lan"]
