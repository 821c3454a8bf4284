"""`least_loaded` in a task goes by the slots that are held on real hosts, and where they are not, by the pools."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from time import monotonic

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")
pytest.importorskip("asyncssh", reason="asyncssh is not installed")

from airflow.providers.ssh.hooks.ssh import SSHHook

from airflow_balancer import BalancedSSHHook, BalancedSSHOperator, BalancerConfiguration
from airflow_balancer.airflow.load import taken_slots
from airflow_balancer.airflow.occupancy import host_load
from airflow_balancer.picking.strategies import LeastLoaded
from airflow_balancer.ssh.task import attempt_of
from examples.demo.openssh_hosts import OpenSshHosts
from tests.airflow.pools_server import serving_pools
from tests.airflow.ssh import WHERE, context, running, wordless_server

pytestmark = pytest.mark.thorough

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

NOWHERE = "http://127.0.0.1:1"
ADDRESSES = {"a": "127.0.0.8", "b": "127.0.0.9", "c": "127.0.0.10"}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with OpenSshHosts([*ADDRESSES.values()], tmp_path_factory.mktemp("sshd")) as hosts:
        yield hosts


@pytest.fixture
def balancer(servers, tmp_path, monkeypatch):
    """Makes a balancer of the hosts `a`, `b` and `c`, which hold slots; its arguments are changes to single hosts."""
    (tmp_path / ".ssh").mkdir()
    shutil.copy(servers[0].key_file.with_name("known_hosts"), tmp_path / ".ssh")
    monkeypatch.setenv("HOME", str(tmp_path))
    key = {"username": servers[0].username, "key_file": str(servers[0].key_file)}

    def make(*, deadline=120, **changes):
        hosts = {
            name: {**key, "address": address, "size": 4, "ssh_hook_args": {"port": servers[0].port}, "slot_dir": str(tmp_path / name)}
            for name, address in ADDRESSES.items()
        }
        made = BalancerConfiguration(hosts=hosts, hold_slots=True, host_overrides=changes)
        return made.model_copy(update={"strategy": LeastLoaded(deadline=deadline)})

    return make


@pytest.fixture
def pools(monkeypatch):
    """Makes Airflow say how full its pools are, or be nowhere."""
    with ExitStack() as stack:

        def say(**running):
            url = stack.enter_context(serving_pools(**running)) if running else NOWHERE
            monkeypatch.setenv("AIRFLOW__BALANCER__API_URL", url)

        say()
        yield say


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Airflow may take its time on a machine that is busy."""
    monkeypatch.setattr("airflow_balancer.airflow.load.host_load", partial(host_load, seconds=60))


@contextmanager
def held(balancer, **counts):
    """Hold some slots of the hosts meanwhile."""
    with ExitStack() as stack:
        for name, count in counts.items():
            client = stack.enter_context(balancer.select_host(name=name).hook().get_conn())
            for _ in range(count):
                pid = int(client.exec_command("echo $$; exec sleep 60")[1].readline())
                stack.callback(os.kill, pid, signal.SIGKILL)
        yield


def ran_on(balancer, pool="default_pool"):
    with running(context(1, pool=pool)), BalancedSSHHook(balancer).get_conn() as client:
        address = client.exec_command(WHERE)[1].read().decode().strip()
    return {host.address: host.name for host in balancer.hosts}[address]


def load(balancer, seconds=120):
    return taken_slots(attempt_of(context(1), None), balancer.all_hosts, balancer.fleet, seconds=seconds)


@pytest.fixture
def log(caplog, capsys):
    caplog.set_level(logging.INFO)
    return lambda: caplog.text + capsys.readouterr().out


def test_the_emptiest_by_held_slots_wins_though_the_pools_say_otherwise(balancer, pools):
    pools(a=0, b=4, c=0)
    balancer = balancer()
    with held(balancer, a=2, b=1, c=2):
        assert ran_on(balancer) == "b"


@pytest.mark.slow
def test_held_slots_count_by_the_size(balancer, pools):
    balancer = balancer(b={"size": 16})
    with held(balancer, a=1, b=2, c=1):
        assert ran_on(balancer) == "b"


@pytest.mark.slow
def test_where_all_hosts_answer_airflow_is_not_asked(balancer, pools, log):
    balancer = balancer()
    with held(balancer, a=1, c=2):
        assert load(balancer) == {"a": 1, "b": 0, "c": 2}
    assert "count" not in log()


@pytest.mark.slow
def test_a_host_with_a_file_drain_is_full(balancer, pools, tmp_path):
    balancer = balancer()
    with held(balancer, b=1):
        (tmp_path / "b" / "drain").write_text("new disk")
        assert load(balancer) == {"a": 0, "b": 4, "c": 0}


@pytest.mark.slow
def test_a_host_that_holds_no_slots_counts_by_its_pool(balancer, pools, log):
    balancer = balancer(b={"hold_slots": False})
    pools(a=4, b=3, c=4)
    with held(balancer, a=1):
        assert load(balancer) == {"a": 1, "b": 3, "c": 0}
    assert "do not say" not in log()


@pytest.mark.slow
def test_a_silent_host_costs_no_more_than_the_deadline_and_counts_by_its_pool(balancer, pools, log):
    pools(a=4, b=2, c=4)
    with wordless_server("127.0.0.11", hangs_up=False) as port, held(balancer(), a=3):
        balancer, start = balancer(b={"address": "127.0.0.11", "ssh_hook_args": {"port": port}}), monotonic()
        found = load(balancer, seconds=10)
        took = monotonic() - start
    assert (found, 9 < took < 15) == ({"a": 3, "b": 2, "c": 0}, True)
    said = "attempt 1 of etl.extract: these hosts did not report their held slots, and count by their pools: "
    assert f"{said}host 'b' at 127.0.0.11 (" in log()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"address": "127.0.0.12"}, r"Unable to connect"),
        ({"ssh_hook_args": {"ssh_conn_id": "gone"}}, ""),
    ],
    ids=["it is dead", "its hook cannot be made"],
)
def test_a_host_that_gives_no_count_counts_by_its_pool(balancer, pools, log, changes, why):
    balancer = balancer(b=changes)
    pools(a=4, b=2, c=4)
    assert load(balancer) == {"a": 0, "b": 2, "c": 0}
    assert re.search(rf"did not report their held slots, and count by their pools: host 'b' at 127[.0-9]+ \(.*{why}", log())


@pytest.mark.slow
def test_a_host_of_which_nothing_is_known_counts_as_full(balancer, pools, log):
    balancer = balancer(b={"hold_slots": False})
    with held(balancer, a=3):
        assert load(balancer) == {"a": 3, "b": 4, "c": 0}
    assert "hosts without a report count as full: " in log()


def test_a_task_asks_with_the_deadline_of_the_strategy_and_the_arguments_of_its_hook(balancer, pools, monkeypatch):
    asked = []
    monkeypatch.setattr("airflow_balancer.airflow.hooks.taken_slots", lambda *_, **given: asked.append(given) or {"b": 1})
    with running(context(1)):
        BalancedSSHHook(balancer(deadline=5), conn_timeout=7).get_conn().close()
    assert asked == [{"seconds": 5, "conn_timeout": 7}]


def test_no_host_is_asked_while_a_dag_file_is_parsed(balancer, pools, monkeypatch):
    monkeypatch.setattr(SSHHook, "get_conn", lambda _: pytest.fail("asked"))
    monkeypatch.setattr("airflow_balancer.airflow.load.ask_all", lambda *_: pytest.fail("asked"))
    balancer = balancer()
    with DAG("etl", start_date=datetime(2026, 1, 1), schedule=None):
        operator = BalancedSSHOperator(task_id="extract", balancer=balancer, command="true")
    assert operator.pool == balancer.select_host(key="etl.extract").name
    assert repr(operator.ssh_hook) == "balanced pool=default_pool strategy=LeastLoaded hosts=4:a,b,c"
