"""Machines to check: SSH servers on loopback, each with a home and a folder of programs of its own."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import Any

import asyncssh

from examples.demo.ssh_hosts import HostKeys

Session = asyncssh.SSHServerProcess[bytes]
ADDRESS = "127.0.0.1"
PASSWORD = "correct-horse"
_PROGRAMS = ("sh", "cat", "dd", "head", "sed", "uname")


class _Server(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == PASSWORD


class Machine:
    """A machine with eight cores, whatever the real one has, and `flock` where that has one.

    Attributes:
        other_key: Its second host key; the first is known.
        answers: Answers a session in place of the machine's shell.
    """

    def __init__(self, folder: Path, keys: HostKeys) -> None:
        self.home, self.bin = folder / "home", folder / "bin"
        self.slots = self.home / ".airflow-balancer" / "slots"
        self._keys = keys
        self.home.mkdir(parents=True)
        self.bin.mkdir()
        for name in (*_PROGRAMS, "flock"):
            if found := shutil.which(name):
                (self.bin / name).symlink_to(found)
        self.install("nproc", "echo 8")
        self.port, self.other_key = 0, ""
        self.answers: Callable[[Session], Awaitable[None]] = self.run

    def install(self, name: str, script: str) -> None:
        program = self.bin / name
        program.unlink(missing_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    @contextmanager
    def held(self, slot: int, text: str) -> Iterator[None]:
        """Hold a slot, as a command does."""
        self.slots.mkdir(parents=True, exist_ok=True)
        with (self.slots / str(slot)).open("w") as file:
            file.write(f"{text}\n")
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def host(self, **changes: Any) -> dict[str, Any]:
        """The machine as a host of a configuration."""
        arguments = {"port": self.port, **changes.pop("ssh_hook_args", {})}
        return {"address": ADDRESS, "username": getuser(), "key_file": str(self._keys.client), "ssh_hook_args": arguments, **changes}

    async def listen(self) -> asyncssh.SSHAcceptor:
        key, other = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        server = await asyncssh.listen(
            ADDRESS,
            self.port,
            server_factory=_Server,
            server_host_keys=[key, other],
            authorized_client_keys=str(self._keys.authorized),
            process_factory=self.answers,
            encoding=None,
        )
        self.port = server.get_port()
        self.other_key = other.export_public_key().decode().strip()
        with (self._keys.directory / "known_hosts").open("a") as known:
            known.write(f"[{ADDRESS}]:{self.port} {key.export_public_key().decode().strip()}\n")
        return server

    async def run(self, session: Session) -> None:
        """Run what a session asks for in a real shell."""
        shell = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            str(session.command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"HOME": str(self.home), "PATH": str(self.bin)},
        )
        output, errors = await shell.communicate(await session.stdin.read())
        session.stdout.write(output)
        session.stderr.write(errors)
        session.exit(await shell.wait())


class Machines:
    """Makes machines; their servers live in a thread of this process, until the end."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._loop, self._servers = folder, asyncio.new_event_loop(), list[asyncssh.SSHAcceptor]()
        self.keys = HostKeys(folder)
        self._thread = threading.Thread(target=self._loop.run_forever, name="machines", daemon=True)
        self._thread.start()

    def make(self, answers: Callable[[Session], Awaitable[None]] | None = None) -> Machine:
        machine = Machine(self._folder / f"machine{len(self._servers)}", self.keys)
        machine.answers = answers or machine.run
        self._servers.append(self._await(machine.listen()))
        return machine

    def forget(self) -> None:
        """Make the machines' host keys unknown."""
        (self.keys.directory / "known_hosts").write_text("")

    def close(self) -> None:
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _await(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)


PYTHON = f'exec {sys.executable} "$@"'
"""The script of a `python3`."""


async def say(session: Session, data: bytes) -> None:
    """Answer a session with bytes."""
    session.stdout.write(data)
    session.exit(0)


async def be_silent(session: Session) -> None:
    await asyncio.sleep(600)


class Endless:
    """Answers for ever; counts the bytes that are taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self, session: Session) -> None:
        while not session.is_closing():
            session.stdout.write(b"::slot 1 x\n" * 9999)
            await session.stdout.drain()
            self.taken += 9999 * 11


async def hang_up(session: Session) -> None:
    session.channel.get_connection().abort()


class Gate:
    """Sessions that are answered once a number of them has come; counts how many there are at once."""

    def __init__(self, wanted: int) -> None:
        self.most = self.now = 0
        self._wanted = wanted

    async def __call__(self, session: Session) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        while self.most < self._wanted:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        self.now -= 1
        await say(session, b"::end\n")


def findings(report: dict[str, Any]) -> list[tuple[str, str]]:
    """What a report finds, and whether it differs or is a warning."""
    return [(row["finding"], row["text"]) for row in report["findings"]]
