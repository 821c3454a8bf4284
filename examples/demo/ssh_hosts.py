"""Hosts to run tasks on: SSH servers inside this process, each on its own loopback address.

Commands run in a real shell. Like sshd, a server sets `SSH_CONNECTION`, which has the address that the client connected to.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from typing import Any

import asyncssh

from .errors import DemoError
from .processes import free_port

__all__ = ("EmbeddedHosts", "HostKeys", "SshHost")


@dataclass(frozen=True)
class SshHost:
    """A host's address and port, and the login."""

    address: str
    port: int
    username: str
    key_file: Path


class HostKeys:
    """Fresh keys for one client and its hosts, in a home directory as OpenSSH lays it out."""

    def __init__(self, home: Path) -> None:
        self.directory = home / ".ssh"
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.client = self.directory / "id_ed25519"
        self.authorized = self.directory / "authorized_keys"
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(self.client)
        self.client.chmod(0o600)
        key.write_public_key(self.authorized)

    def new_host_key(self, address: str, port: int) -> Path:
        """Create the key of a host, and add it to the client's known hosts."""
        path = self.directory / f"host_{address}"
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(path)
        path.chmod(0o600)
        with (self.directory / "known_hosts").open("a") as known:
            known.write(f"[{address}]:{port} {key.export_public_key().decode().strip()}\n")
        return path


class EmbeddedHosts:
    """SSH servers that live in a thread of this process; they need no root and no daemon."""

    def __init__(self, addresses: Sequence[str], home: Path) -> None:
        self._addresses = addresses
        self._home = home
        self._loop = asyncio.new_event_loop()
        self.hosts: list[SshHost] = []
        self._servers: dict[str, asyncssh.SSHAcceptor] = {}

    def __enter__(self) -> list[SshHost]:
        check_loopback(self._addresses)
        self._keys = HostKeys(self._home)
        self._port = free_port(*self._addresses)
        self._host_keys = {address: self._keys.new_host_key(address, self._port) for address in self._addresses}
        self._thread = threading.Thread(target=self._loop.run_forever, name="ssh hosts", daemon=True)
        self._thread.start()
        for address in self._addresses:
            self._run(self._listen(address))
        self.hosts = [SshHost(address, self._port, getuser(), self._keys.client) for address in self._addresses]
        return self.hosts

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def dead(self, address: str) -> Iterator[None]:
        """Refuse connections to a host within a `with` block."""
        self._run(self._end(address))
        try:
            yield
        finally:
            self._run(self._listen(address))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self, address: str) -> None:
        self._servers[address] = await asyncssh.listen(
            address,
            self._port,
            server_host_keys=[str(self._host_keys[address])],
            authorized_client_keys=str(self._keys.authorized),
            process_factory=_run_command,
            encoding=None,
        )

    async def _end(self, address: str) -> None:
        server = self._servers.pop(address)
        server.close()
        await server.wait_closed()

    async def _close(self) -> None:
        for address in list(self._servers):
            await self._end(address)
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)


async def _run_command(session: asyncssh.SSHServerProcess[bytes]) -> None:
    if session.command is None:
        session.stderr.write(b"Give a command: this server has no interactive shell.\n")
        session.exit(1)
        return
    client, server = session.get_extra_info("peername"), session.get_extra_info("sockname")
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    connection = f"{client[0]} {client[1]} {server[0]} {server[1]}"
    shell = await asyncio.create_subprocess_shell(
        session.command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**kept, "SSH_CONNECTION": connection},
        start_new_session=True,
    )
    try:
        output, errors = await shell.communicate()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
    session.stdout.write(output)
    session.stderr.write(errors)
    code = await shell.wait()
    session.exit(code if code >= 0 else 128 - code)


def check_loopback(addresses: Sequence[str]) -> None:
    """Raise `DemoError` if the machine lacks an address; Linux has 127.0.0.0/8, macOS only 127.0.0.1."""
    for address in addresses:
        with socket.socket() as probe:
            try:
                probe.bind((address, 0))
            except OSError as error:
                message = f"cannot listen on {address} ({error.strerror}); on macOS: sudo ifconfig lo0 alias {address}"
                raise DemoError(message) from None
