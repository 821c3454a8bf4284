"""Measures what a slot costs a command: the same one with and without, in turn, on a real sshd on loopback.

Prints a row for a connection and one command, as an SSHOperator makes them, and one for a command of an open connection.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow.providers.ssh.hooks.ssh import SSHHook

from airflow_balancer.ssh.hook import SlotSSHHook
from airflow_balancer.ssh.slots import Slots
from examples.demo.openssh_hosts import OpenSshHosts
from examples.demo.ssh_hosts import SshHost


def run(hook: SSHHook) -> None:
    """Run a command as an SSHOperator does."""
    status, out, _ = hook.exec_ssh_client_command(hook.get_conn(), "echo ran", get_pty=False, environment=None, timeout=60)
    assert (status, out) == (0, b"ran\n")


def connect_and_run(make: Callable[[], SSHHook]) -> None:
    """Connect, run a command and hang up."""
    hook = make()
    run(hook)
    hook.get_conn().close()


def seconds(call: Callable[[], None]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def row(name: str, without: Callable[[], None], held: Callable[[], None], repeat: int) -> str:
    """Return the least time of calls without and with a slot, made in turn, and what the slot adds."""
    pairs = [(seconds(without), seconds(held)) for _ in range(repeat)]
    before, after = (1000 * min(pair[side] for pair in pairs) for side in (0, 1))
    return f"{name:<24} {before:>9.1f} {after:>9.1f} {after - before:>9.1f} {after / before - 1:>8.1%}"


def measure(host: SshHost, folder: Path, repeat: int) -> None:
    """Print a row for each way of running a command."""

    def plain() -> SSHHook:
        return SSHHook(remote_host=host.address, port=host.port, username=host.username, key_file=str(host.key_file), conn_timeout=10)

    def holding() -> SSHHook:
        return SlotSSHHook.of(plain(), slots=Slots(host.address, 8, str(folder / "slots"), 60, 86400))

    opened, opened_holding = plain(), holding()
    run(opened)
    run(opened_holding)
    print(f"{f'{repeat} times, least in ms':<24} {'without':>9} {'with':>9} {'added':>9}")
    print(row("connect and run", lambda: connect_and_run(plain), lambda: connect_and_run(holding), repeat))
    print(row("run when connected", lambda: run(opened), lambda: run(opened_holding), repeat))
    for hook in (opened, opened_holding):
        hook.get_conn().close()


def main() -> None:
    """Start sshd and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=50, help="how often each command runs (default: 50)")
    repeat = parser.parse_args().repeat
    with TemporaryDirectory() as folder, OpenSshHosts(("127.0.0.8",), Path(folder)) as hosts:
        os.environ["HOME"] = folder  # where its known_hosts is
        measure(hosts[0], Path(folder), repeat)


if __name__ == "__main__":
    main()
