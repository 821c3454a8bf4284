"""SSH hosts for the tests of the hook and the operator: real servers on loopback, and a task's context."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_balancer import BalancerConfiguration
from airflow_balancer.picking.rendezvous import rank

if TYPE_CHECKING:
    from examples.demo.ssh_hosts import SshHost

WHERE = 'set -- $SSH_CONNECTION; echo "$3"'
KEY = "etl.extract"


def balancer_of(servers: Sequence[SshHost], **changes: Any) -> BalancerConfiguration:
    """The servers as hosts of queue `workers`, each tried once; `changes` are host_overrides, with `_` for the dots of a name."""
    hosts = {
        server.address: {
            "queues": ["workers"],
            "username": server.username,
            "key_file": str(server.key_file),
            "ssh_hook_args": {"port": server.port, "conn_retry_attempts": 1},
        }
        for server in servers
    }
    return BalancerConfiguration(hosts=hosts, host_overrides={name.replace("_", "."): change for name, change in changes.items()})


def addressed(servers: Sequence[SshHost]) -> BalancerConfiguration:
    """The servers as hosts `ws1`, `ws2` and so on, each reached at its address."""
    hosts = balancer_of(servers).hosts
    return BalancerConfiguration(hosts=[host.override(name=f"ws{n}", address=host.name, pool=None) for n, host in enumerate(hosts, 1)])


def order(servers: Sequence[SshHost], key: str = KEY) -> list[str]:
    """The addresses in the order of a key's attempts."""
    return [host.name for host in rank(key, balancer_of(servers).all_hosts)]


def context(number: int, *, map_index: int = -1, pool: str = "default_pool") -> dict[str, Any]:
    """What Airflow tells attempt `number` of the task `etl.extract`."""
    ti = SimpleNamespace(dag_id="etl", task_id="extract", try_number=number, map_index=map_index, xcom_push=lambda **_: None)
    return {"ti": ti, "task_instance": ti, "task": SimpleNamespace(pool=pool, pool_slots=1)}


@contextmanager
def running(context: dict[str, Any]) -> Iterator[None]:
    """Be in a task, as a TaskFlow function is."""
    try:
        from airflow.sdk.execution_time.context import set_current_context
    except ImportError:
        from airflow.models.taskinstance import set_current_context
    with set_current_context(context):
        yield


@contextmanager
def wordless_server(address: str, *, hangs_up: bool) -> Iterator[int]:
    """A server that takes connections and says nothing; it hangs up at once, or keeps silent."""
    with socket.create_server((address, 0)) as listener:
        kept: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                if hangs_up:
                    connection.close()
                kept.append(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()
