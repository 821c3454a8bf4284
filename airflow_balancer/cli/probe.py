"""Probes many hosts at once over SSH, and connects to each as a task's SSHHook does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from getpass import getuser
from os.path import expanduser
from pathlib import Path
from shlex import split
from socket import gaierror
from time import perf_counter
from typing import Any

import asyncssh

from ..airflow.connections import clear_password
from ..fleet.masking import secrets_of
from ..fleet.model import HostSpec, Settings, VariableSpec
from ..ssh.host_facts import Facts, printable, script
from .host_keys import HostKeys, KnownHosts

TIMEOUT = 10
"""Seconds to connect and log in, and as many again for the answer."""
MOST_BYTES = 2**18
"""The most bytes that are read of an answer; an honest one has a few hundred."""
AT_ONCE = 32
"""How many hosts are probed at once."""
_SSH_PORT = 22
_DEFAULT_KEYS = ("id_rsa", "id_ecdsa", "id_ed25519")
_UNREADABLE = (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError)


@dataclass
class Probe:
    """The findings about a host.

    Attributes:
        seconds: How long it took to show its host key; None if it did not.
        host_key: `known`, `unknown` or `changed`; empty if it was not shown.
        login: `ok` or `refused`; empty if it was not tried.
        facts: What the host reports after the login.
        problems: What went wrong.
        secrets: Strings that no output may hold, even if the host sends them.
    """

    seconds: float | None = None
    host_key: str = ""
    login: str = ""
    facts: Facts = field(default_factory=Facts)
    problems: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set, repr=False)


async def probe_hosts(hosts: Sequence[HostSpec], timeout: int | None, done: Callable[[], None]) -> list[Probe]:
    """Probe hosts, and return the findings in their order.

    Args:
        hosts: The hosts.
        timeout: Seconds to connect and log in, and as many again for the answer; by default the host's
            `conn_timeout`, or else `TIMEOUT`.
        done: Called after each host.
    """
    # The default executor resolves names, and has few threads on a machine with few cores.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))
    turn, known_hosts = asyncio.Semaphore(AT_ONCE), _known_hosts()

    async def ask(host: HostSpec) -> Probe:
        async with turn:
            probe = await _Asking(host, timeout or _seconds(host)).ask(known_hosts)
        done()
        return probe

    return await asyncio.gather(*map(ask, hosts))


def _known_hosts() -> KnownHosts:
    with suppress(OSError):
        return KnownHosts.read((Path.home() / ".ssh" / "known_hosts").read_text(errors="replace"))
    return KnownHosts([])


def _seconds(host: HostSpec) -> float:
    given = host.ssh_hook_args.get("conn_timeout")
    return given if isinstance(given, int | float) and given > 0 else TIMEOUT


class _Client(asyncssh.SSHClient):
    """Judges the host key before the login."""

    def __init__(self, keys: HostKeys, probe: Probe, start: float) -> None:
        self._keys, self._probe, self._start = keys, probe, start

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002 (asyncssh's)
        self._probe.seconds = round(perf_counter() - self._start, 3)
        verdict = self._keys.verdict(*key.export_public_key().decode().split()[:2])
        self._probe.host_key = verdict
        return self._keys.accepts(verdict)


class _Asking:
    """The probe of one host in progress."""

    def __init__(self, host: HostSpec, timeout: float) -> None:
        self._host, self._timeout = host, timeout
        self._arguments: Mapping[str, Any] = host.ssh_hook_args
        self._port: Any = self._arguments.get("port") or _SSH_PORT
        self._username = host.username or getuser()
        self._probe = Probe(secrets=secrets_of({"password": host.password}, self._arguments))

    async def ask(self, known_hosts: KnownHosts) -> Probe:
        """Connect, log in and run the script. Each error becomes a problem of this host."""
        name = self._host.remote_host if self._port == _SSH_PORT else f"[{self._host.remote_host}]:{self._port}"
        keys = HostKeys.of(self._arguments, name, known_hosts)
        self._probe.problems += filter(None, [keys.problem])
        try:
            connection = await self._connect(keys)
        except Exception as error:  # a host may answer anything
            self._probe.problems.insert(0, self._why_not_connected(error, keys))
            return self._probe
        try:
            self._probe.login = "ok"
            await self._run(connection)
        except Exception as error:  # a host may answer anything
            self._probe.problems.append(f"runs no command: {_text(error)}")
        finally:
            connection.abort()
        return self._probe

    async def _connect(self, keys: HostKeys) -> asyncssh.SSHClientConnection:
        password = self._password()
        start = perf_counter()
        async with asyncio.timeout(self._timeout):
            connection, _ = await asyncssh.create_connection(
                lambda: _Client(keys, self._probe, start),
                self._host.remote_host,
                self._port,
                username=self._username,
                password=password,
                client_keys=self._client_keys(password),
                known_hosts=([], [], []),
                server_host_key_algs=keys.algorithms,
                proxy_command=self._proxy_command(),
                gss_host=None,
                config=None,
            )
        return connection

    def _why_not_connected(self, error: Exception, keys: HostKeys) -> str:
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            wrong = "is not the one" if self._probe.host_key == "changed" else "is not"
            return f"its host key {wrong} in {keys.source}"
        if isinstance(error, asyncssh.PermissionDenied):
            self._probe.login = "refused"
            unread = f"; Airflow's connection {name!r} is not read here" if (name := self._arguments.get("ssh_conn_id")) else ""
            return f"refuses the login of {self._username!r} by {self._host.credential}{unread}"
        if self._probe.seconds is not None:
            return f"does not finish the login: {_text(error)}"
        return f"cannot be reached at {self._host.remote_host} port {self._port}: {_text(error)}"

    async def _run(self, connection: asyncssh.SSHClientConnection) -> None:
        """Run the script, and read its answer within the limits of bytes and seconds."""
        answer = bytearray()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout):
                process = await connection.create_process("sh -s", encoding=None, stderr=asyncssh.DEVNULL)
                with suppress(OSError):  # the shell may have ended already
                    process.stdin.write(script(self._host.slot_dir or Settings().slot_dir).encode())
                    process.stdin.write_eof()
                while len(answer) < MOST_BYTES and (part := await process.stdout.read(MOST_BYTES)):
                    answer += part
        self._probe.facts = Facts.read(bytes(answer[:MOST_BYTES]))
        if not self._probe.facts.complete:
            self._probe.problems.append(f"does not answer as a POSIX shell does, in {self._timeout:g} s and {MOST_BYTES // 1024} KiB")

    def _password(self) -> str | None:
        password = self._host.password
        if isinstance(password, VariableSpec):
            name = f"AIRFLOW_VAR_{password.key.upper()}"
            if name not in os.environ:
                self._probe.problems.append(f"its password is Airflow Variable {password.key!r}; it is read from {name}, which is not set")
                return None
            password = clear_password(self._host, {password.key: os.environ[name]})
        password = str(password or self._arguments.get("password") or "").strip()
        self._probe.secrets |= {password} - {""}
        return password or None

    def _client_keys(self, password: str | None) -> list[asyncssh.SSHKeyPair]:
        """Return the host's key pair, and those in the user's home."""
        own = expanduser(str((None if self._host.password else self._host.key_file) or self._arguments.get("key_file") or ""))
        keys = list[asyncssh.SSHKeyPair]()
        if own:
            try:
                keys += asyncssh.load_keypairs(own, password)
            except _UNREADABLE as error:
                self._probe.problems.append(f"key file {own!r} cannot be read: {getattr(error, 'strerror', None) or error}")
        for name in _DEFAULT_KEYS:
            with suppress(*_UNREADABLE):
                keys += asyncssh.load_keypairs(str(Path.home() / ".ssh" / name))
        return keys

    def _proxy_command(self) -> Sequence[str] | None:
        """Return the proxy command of the hook's arguments or `~/.ssh/config`, of which SSHHook reads nothing else."""
        if given := self._arguments.get("host_proxy_cmd"):
            return split(str(given))
        config = Path.home() / ".ssh" / "config"
        if not config.is_file():
            return None
        return asyncssh.SSHClientConnectionOptions(config=[str(config)], host=self._host.remote_host, client_keys=None).proxy_command


def _text(error: Exception) -> str:
    """Return an error's message on one line, without control characters."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno and not isinstance(error, gaierror):
        return os.strerror(error.errno) + (f": {error.filename!r}" if error.filename else "")
    return printable(getattr(error, "strerror", None) or str(error)) or type(error).__name__
