"""The hook over real SSH servers: which host it connects to, and what it makes of one that does not answer."""

from __future__ import annotations

import inspect
import logging
import socket
from pathlib import Path

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")
pytest.importorskip("asyncssh", reason="asyncssh is not installed")

import paramiko
from airflow.providers.ssh.hooks.ssh import SSHHook

from airflow_balancer import BalancedSSHHook, BalancerConfiguration, ConfigurationError, HostUnreachable, NoMatch
from airflow_balancer.airflow.hooks import is_unreachable
from airflow_balancer.fleet.hook_args import OF_THE_HOOK
from airflow_balancer.picking.strategies import LeastLoaded
from examples.demo.ssh_hosts import HostKeys
from tests.airflow.pools_server import serving_pools
from tests.airflow.ssh import KEY, WHERE, addressed, balancer_of, context, order, running, wordless_server


def reached(hook):
    with hook.get_conn() as ssh:
        return ssh.exec_command(WHERE)[1].read().decode().strip()


def test_it_is_the_providers_hook_before_it_connects_and_the_hosts_after(hosts):
    hook = BalancedSSHHook(balancer_of(hosts), queue="workers", key=KEY, conn_timeout=5)
    assert (isinstance(hook, SSHHook), hook.client) == (True, None)
    hook.get_conn().close()
    assert (hook.remote_host, hook.port, hook.conn_timeout) == (order(hosts)[0], hosts[0].port, 5)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_each_attempt_of_a_taskflow_function_connects_to_its_host(hosts, number):
    with running(context(number)):
        assert reached(BalancedSSHHook(balancer_of(hosts), queue="workers")) == order(hosts)[(number - 1) % 3]


def test_mapped_tasks_are_spread(hosts):
    hook = BalancedSSHHook(balancer_of(hosts))
    found = set()
    for index in range(12):
        with running(context(1, map_index=index)):
            found.add(reached(hook))
    assert found == set(order(hosts))


def test_outside_of_a_task_a_key_connects_to_its_first_host(hosts):
    assert reached(BalancedSSHHook(balancer_of(hosts), key=KEY)) == order(hosts)[0]


def test_outside_of_a_task_it_needs_a_key(hosts):
    with pytest.raises(ConfigurationError, match="needs key="):
        BalancedSSHHook(balancer_of(hosts)).get_conn()


def test_a_connection_that_lasts_is_given_again(hosts):
    hook = BalancedSSHHook(balancer_of(hosts), key=KEY)
    with hook.get_conn() as ssh:
        assert hook.get_conn() is ssh
    with hook.get_conn() as other:
        assert other is not ssh


@pytest.fixture
def log(caplog, capsys):
    """What was logged: by the logging module in Airflow 2, by structlog in Airflow 3."""
    caplog.set_level(logging.INFO)
    return lambda: caplog.text + capsys.readouterr().out


def test_the_log_names_attempt_host_and_pool(hosts, log):
    with running(context(2, pool="queue-workers")):
        BalancedSSHHook(balancer_of(hosts)).get_conn().close()
    assert f"attempt 2 of etl.extract goes to host '{order(hosts)[1]}', counted in pool 'queue-workers'" in log()


def test_a_dead_host_fails_its_attempt_and_the_next_attempt_connects(ssh_servers, hosts):
    hook = BalancedSSHHook(balancer_of(hosts))
    first, second, _ = order(hosts)
    with ssh_servers.dead(first), running(context(1)), pytest.raises(HostUnreachable) as error:
        hook.get_conn()
    assert f"host '{first}' cannot be reached: [Errno None] Unable to connect to port {hosts[0].port} on {first}" in str(error.value)
    assert str(error.value).endswith(f"attempt 1 of etl.extract fails here, a next one goes to host '{second}'")
    with ssh_servers.dead(first), running(context(2)):
        assert reached(hook) == second


def test_with_failover_the_attempt_goes_on_to_the_next_host(ssh_servers, hosts, log):
    first, second, _ = order(hosts)
    with ssh_servers.dead(first):
        assert reached(BalancedSSHHook(balancer_of(hosts), key=KEY, failover=True)) == second
    assert f"host '{first}' cannot be reached" in log()


def test_a_host_with_an_address_is_reached_there_and_called_by_both(ssh_servers, hosts, log):
    balancer = addressed(hosts)
    first, second, third = balancer.rank_hosts(key=KEY)
    with ssh_servers.dead(first.address):
        assert reached(BalancedSSHHook(balancer, key=KEY, failover=True)) == second.address
        with pytest.raises(HostUnreachable) as error:
            BalancedSSHHook(balancer, key=KEY).get_conn()
    assert f"goes to host '{second.name}' at {second.address}" in log()
    assert str(error.value).startswith(f"host '{first.name}' at {first.address} cannot be reached: ")
    assert str(error.value).endswith(f"a next one goes to host '{second.name}' at {second.address}")
    assert {host.name for host in (first, second, third)} == {"ws1", "ws2", "ws3"}


def test_with_failover_every_host_is_tried_once(ssh_servers, hosts):
    first, second, third = order(hosts)
    hook = BalancedSSHHook(balancer_of(hosts), failover=True)
    with (
        ssh_servers.dead(first),
        ssh_servers.dead(second),
        ssh_servers.dead(third),
        running(context(3)),
        pytest.raises(HostUnreachable) as error,
    ):
        hook.get_conn()
    assert [part.split("'")[1] for part in str(error.value).split("; ")[:3]] == [third, first, second]


@pytest.mark.parametrize("hangs_up", [True, False], ids=["hangs up", "keeps silent"])
def test_a_host_that_does_not_speak_cannot_be_reached(hosts, hangs_up):
    with wordless_server("127.0.0.9", hangs_up=hangs_up) as port:
        arguments = {"port": port, "conn_retry_attempts": 1, "banner_timeout": 0.5}
        balancer = BalancerConfiguration(hosts=[{"name": "127.0.0.9", "ssh_hook_args": arguments}])
        with pytest.raises(HostUnreachable, match=r"host '127.0.0.9' cannot be reached: Error reading SSH protocol banner"):
            BalancedSSHHook(balancer, key=KEY).get_conn()


def changed(hosts, change):
    """The balancer, with a change to the first host of the ranking."""
    return balancer_of(hosts, **{order(hosts)[0].replace(".", "_"): change})


def test_a_refused_login_is_not_passed_over(hosts, tmp_path):
    stranger = HostKeys(tmp_path / "stranger").client
    with pytest.raises(paramiko.AuthenticationException):
        BalancedSSHHook(changed(hosts, {"key_file": str(stranger)}), key=KEY, failover=True).get_conn()


def test_a_missing_key_file_is_not_passed_over(hosts):
    with pytest.raises(FileNotFoundError):
        BalancedSSHHook(changed(hosts, {"key_file": "/nowhere/id"}), key=KEY, failover=True).get_conn()


def test_an_unknown_host_key_is_not_passed_over(hosts, ssh_home):
    (ssh_home / ".ssh" / "known_hosts").unlink()
    with pytest.raises(paramiko.SSHException, match="not found in known_hosts"):
        BalancedSSHHook(balancer_of(hosts), key=KEY, failover=True).get_conn()


@pytest.mark.parametrize(
    ("error", "unreachable"),
    [
        (ConnectionRefusedError(111, "Connection refused"), True),
        (TimeoutError("timed out"), True),
        (OSError(113, "No route to host"), True),
        (socket.gaierror(-2, "Name or service not known"), True),
        (EOFError(), True),
        (paramiko.SSHException("Negotiation failed."), True),
        (paramiko.ProxyCommandFailure("nc host 22", "refused"), True),
        (FileNotFoundError(2, "No such file or directory", "/nowhere/id"), False),
        (paramiko.AuthenticationException("Authentication failed."), False),
        (paramiko.SSHException("Server 'host1' not found in known_hosts"), False),
        (paramiko.SSHException("No authentication methods available"), False),
        (ValueError("q must be exactly 160, 224, or 256 bits long"), False),
    ],
    ids=repr,
)
def test_a_host_that_answers_can_be_reached_whatever_it_says(error, unreachable):
    assert is_unreachable(error) is unreachable


def least_loaded(hosts):
    return BalancedSSHHook(balancer_of(hosts).model_copy(update={"strategy": LeastLoaded()}))


def test_least_loaded_ranks_by_the_load_at_the_attempt_without_the_tasks_own(hosts, monkeypatch):
    first, second, third = order(hosts)
    with serving_pools(**{first: 2, second: 1, third: 5}) as url:
        monkeypatch.setenv("AIRFLOW__BALANCER__API_URL", url)
        ran = []
        for number, pool in ((1, "default_pool"), (2, "default_pool"), (3, "default_pool"), (1, first)):
            with running(context(number, pool=pool)):
                ran.append(reached(least_loaded(hosts)))
    assert ran == [second, first, third, first]


def test_where_no_load_is_known_least_loaded_ranks_without_it_and_says_so(hosts, monkeypatch, log):
    monkeypatch.setenv("AIRFLOW__BALANCER__API_URL", "http://127.0.0.1:1")
    with running(context(2)):
        assert reached(least_loaded(hosts)) == order(hosts)[1]
    said = log()
    assert "attempt 2 of etl.extract: no load is known, so the hosts are ranked without it: " in said
    assert "http://127.0.0.1:1: cannot be reached" in said


def test_a_drained_host_is_none_of_the_ranking(hosts):
    drained = changed(hosts, {"drain": True})
    assert [host.name for host in BalancedSSHHook(drained).ranked(KEY)] == order(hosts)[1:]


def test_the_log_says_which_hosts_are_drained_and_why_without_secrets(hosts, log):
    drained = changed(hosts, {"drain": "hunter2 is replaced", "password": "hunter2"})
    with running(context(1)):
        assert reached(BalancedSSHHook(drained, queue="workers")) == order(hosts)[1]
    assert f"attempt 1 of etl.extract skips drained hosts: {order(hosts)[0]} is drained: ********** is replaced" in log()


def test_a_first_host_that_is_drained_is_no_candidate_and_the_error_says_why(hosts):
    drained, first = changed(hosts, {"drain": "disks are replaced"}), order(hosts)[0]
    with pytest.raises(NoMatch) as error:
        BalancedSSHHook(drained, first=first).ranked(KEY)
    assert str(error.value).startswith(f"host {first!r}, which is to be the first, is not a candidate (")
    assert str(error.value).endswith(f"); {first} is drained: disks are replaced")


def test_a_query_that_nothing_matches_says_so(hosts):
    with pytest.raises(NoMatch, match=r"queue='wokers'; did you mean 'workers'\? \(3 hosts left out: 3 by queue;"):
        BalancedSSHHook(balancer_of(hosts), queue="wokers", key=KEY).get_conn()


def test_an_unknown_argument_is_an_error_at_once(hosts):
    with pytest.raises(TypeError, match="queu"):
        BalancedSSHHook(balancer_of(hosts), queu="workers")


def test_a_key_file_may_be_in_the_home(hosts, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    host = balancer_of(hosts).hosts[0]
    (tmp_path / "key").write_bytes(Path(host.key_file).read_bytes())
    host.key_file = "~/key"
    assert reached(host.hook(use_local=False)) == host.name


@pytest.mark.parametrize("hold_slots", [False, True])
def test_a_hosts_hook_has_one_repr_at_each_parse(hold_slots):
    host = {"name": "ws1", "username": "me", "address": "10.0.0.1", "password": "s3cret", "hold_slots": hold_slots}
    hooks = [BalancerConfiguration(hosts=[host]).hosts[0].hook() for _ in range(2)]
    name = "SlotSSHHook" if hold_slots else "HostSSHHook"
    assert [repr(hook) for hook in hooks] == [f"{name}(me@10.0.0.1:22)"] * 2
    assert all(isinstance(hook, SSHHook) for hook in hooks)


def test_the_arguments_that_are_known_are_those_of_the_providers_hook():
    assert sorted(inspect.signature(SSHHook.__init__).parameters.keys() - {"self"}) == list(OF_THE_HOOK)
