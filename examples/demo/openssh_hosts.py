"""The same hosts served by OpenSSH's sshd, one daemon for each address."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from getpass import getuser
from pathlib import Path

from .errors import DemoError
from .processes import Process, free_port, wait_until
from .ssh_hosts import HostKeys, SshHost, check_loopback

__all__ = ("OpenSshHosts", "find_sshd")

_CONFIG = """\
AddressFamily inet
ListenAddress {address}:{port}
HostKey {host_key}
AuthorizedKeysFile {authorized}
PidFile none
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
MaxStartups 100
"""


def find_sshd() -> str | None:
    """The path of sshd, which is often outside a user's PATH."""
    return shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


class OpenSshHosts:
    """Real sshd on loopback addresses. As root, sshd needs the directory `/run/sshd`, which this class creates.

    Args:
        addresses: Where they listen.
        home: The directory for their keys, settings and logs.
        settings: More lines for each `sshd_config`; `{address}` stands for the server's address.
    """

    def __init__(self, addresses: Sequence[str], home: Path, *, settings: str = "") -> None:
        self._addresses = addresses
        self._home = home
        self._settings = settings
        self._stack = ExitStack()
        self.servers: dict[str, Process] = {}

    def __enter__(self) -> list[SshHost]:
        check_loopback(self._addresses)
        if (sshd := find_sshd()) is None:
            message = "there is no sshd on this machine; Debian has it in the package openssh-server"
            raise DemoError(message)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        keys = HostKeys(self._home)
        port = free_port(*self._addresses)
        with ExitStack() as stack:
            for address in self._addresses:
                self._serve(stack, sshd, keys, address, port)
            self._stack = stack.pop_all()
        return [SshHost(address, port, getuser(), keys.client) for address in self._addresses]

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _serve(self, stack: ExitStack, sshd: str, keys: HostKeys, address: str, port: int) -> None:
        config = self._home / f"sshd_{address}.conf"
        host_key = keys.new_host_key(address, port)
        lines = _CONFIG + self._settings
        config.write_text(lines.format(address=address, port=port, host_key=host_key, authorized=keys.authorized))
        log = self._home / f"sshd_{address}.log"
        process = Process(f"sshd on {address}", [sshd, "-D", "-e", "-f", str(config)], env=os.environ, log=log)
        stack.callback(process.stop, grace=1)  # what its sessions started does not end by itself
        process.start()
        self.servers[address] = process
        wait_until(lambda: _answers(address, port), f"an answer from sshd on {address}", processes=[process], timeout=20)


def _answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0
