"""The SSH hook whose commands each hold one of the host's slots while they run."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from random import uniform
from secrets import token_hex
from typing import Any, Self

import paramiko
from airflow.exceptions import AirflowException
from airflow.providers.ssh.hooks.ssh import SSHHook
from paramiko.buffered_pipe import BufferedPipe

from ..errors import NoSlot
from .host_facts import Facts, script
from .slots import Answer, Slots, claim_command, holder_of, read_answer, refusal_message
from .task import attempt_of, current_context, rescheduled, waiting_since

_MOST_BYTES = 2**18
"""The most bytes to read of a host's answer."""
Streams = tuple[paramiko.ChannelFile, paramiko.ChannelFile, paramiko.ChannelFile]


class HostSSHHook(SSHHook):
    """A host's SSH hook, as returned by `Host.hook`."""

    @classmethod
    def of(cls, hook: SSHHook, **more: Any) -> Self:
        """Return a hook with all attributes of `hook`, and these."""
        made = cls.__new__(cls)
        made.__dict__.update(vars(hook), **more)
        return made

    def __repr__(self) -> str:
        """Return a string that is equal at each parse: Airflow serializes it, and creates a DAG version when it changes."""
        return f"{type(self).__qualname__}({self.username or ''}@{self.remote_host}:{self.port})"


class SlotSSHHook(HostSSHHook):
    """An SSH hook that runs each command in one of the host's slots; `Host.hook` returns it if `hold_slots` is set.

    An SSHOperator claims a slot, and so does `exec_command` of the client that `get_conn` returns. Shells, tunnels and
    SFTP need no slot.

    If no slot is free, the command does not start. Its task is rescheduled after `slot_wait` seconds, give or take a
    quarter, which uses no retry. The same happens while `slot_dir` contains a file `drain`. Waiting tasks do not queue:
    the first to try after a slot is freed gets it. The random wait keeps a task from losing for ever, and
    `slot_timeout` limits how long it waits.
    """

    slots: Slots
    context: Mapping[str, Any] | None = None
    others: Callable[[], Iterable[SSHHook]] = staticmethod(tuple)
    """Returns hooks of the next candidates, connected lazily, for a command that finds no free slot here."""

    def get_conn(self) -> paramiko.SSHClient:
        """Return a connection to the host, reused while it is open; each of its commands claims a slot."""
        client = super().get_conn()
        if "exec_command" not in vars(client):
            vars(client)["exec_command"] = partial(self._exec_command, client)
        return client

    def _exec_command(self, client: paramiko.SSHClient, *command: Any, **options: Any) -> Streams:
        refused: dict[str, Answer] = {}
        for hook in chain([self], self.others()):
            if streams := _started(hook, refused, *command, **options):
                if hook is not self:
                    _move(client, hook)
                return streams
            if hook is not self:
                hook.get_conn().close()
        raise self._waiting(refused)

    def claim(self, command: str, *given: Any, **options: Any) -> tuple[Streams, Answer]:
        """Start a command that first claims a slot; return its streams, positioned after the host's answer, and the answer."""
        token = token_hex(16)
        slots = self.slots
        claiming = claim_command(command, size=slots.size, slot_dir=slots.folder, holder=self._holder(), token=token)
        streams: Streams = paramiko.SSHClient.exec_command(super().get_conn(), claiming, *given, **options)
        channel = streams[1].channel
        try:
            # A terminal merges both streams.
            terminal = _has_terminal(*given, **options)
            answer = read_answer(token, lambda: channel.recv(1) if terminal else channel.recv_stderr(1))
            if answer.kind == "claimed":
                output = read_answer(token, lambda: channel.recv(1))
                _put_back(channel.in_buffer, (answer.before if terminal else b"") + output.before)
                _put_back(channel.in_stderr_buffer, b"" if terminal else answer.before)
        except TimeoutError:
            channel.close()
            raise AirflowException("SSH command timed out") from None
        return streams, answer

    def held(self, seconds: float) -> int:
        """Return how many of the host's slots are held now; all of them if it is drained. This needs no slot.

        Args:
            seconds: The timeout of each step of connecting and asking, without retries.

        Raises:
            NoSlot: The host cannot tell.
        """
        self.conn_timeout = self.banner_timeout = self.auth_timeout = seconds
        self.conn_retry_attempts = 1
        with super().get_conn() as client:
            stdin, stdout, _ = paramiko.SSHClient.exec_command(client, "sh -s", timeout=seconds)
            stdin.write(script(self.slots.folder, slots_only=True))
            stdin.channel.shutdown_write()
            facts = Facts.read(stdout.read(_MOST_BYTES))
        if facts.held is None:
            raise NoSlot(f"{self.slots.host} does not say which slots are held; see `airflow-balancer check`")
        return facts.held if facts.drain is None else max(facts.held, self.slots.size)

    def _holder(self) -> str:
        context = self.context or current_context()
        return holder_of(str(attempt_of(context, "a command outside of tasks")), getattr(context["ti"], "run_id", "") if context else "")

    def _waiting(self, refused: Mapping[str, Answer]) -> Exception:
        """Return the exception that ends this attempt to run a command, because no host has a free slot."""
        message = refusal_message(refused)
        context = self.context or current_context()
        if context is None:
            return NoSlot(message)
        since = waiting_since(context)
        waited = (datetime.now(UTC) - since).total_seconds() if since else 0
        if waited > self.slots.timeout:
            return NoSlot(f"{message}; the task has waited for {waited:.0f} s, slot_timeout is {self.slots.timeout:g} s")
        seconds = self.slots.wait * uniform(0.75, 1.25)  # noqa: S311 (no secret)
        self.log.info("%s; the next try is in %.0f s, and uses no retry", message, seconds)
        return rescheduled(seconds)


def _move(client: paramiko.SSHClient, hook: SSHHook) -> None:
    """Turn a client into that of another hook, so that code that holds the client continues on the other host."""
    other = hook.get_conn()
    client.close()
    # `moved_to` keeps the other client alive: older versions of paramiko close a deleted client's connection.
    vars(client).update(vars(other), moved_to=other)
    vars(client).pop("exec_command", None)
    if isinstance(hook, SlotSSHHook):
        hook.client = client
        hook.get_conn()


def hook_of(hook: SSHHook, slots: Slots | None) -> HostSSHHook:
    """Return a host's hook; with `slots`, each of its commands holds one."""
    return HostSSHHook.of(hook) if slots is None else SlotSSHHook.of(hook, slots=slots)


# airflow-pydantic renders a hook by its class's name, which it imports from the provider.
HostSSHHook.__name__ = SlotSSHHook.__name__ = SSHHook.__name__


class _UnreadPipe(BufferedPipe):
    """Reports itself as empty until a reader waits for it: SSHHook reads earlier output without logging it."""

    def __len__(self) -> int:
        return super().__len__() if self._event else 0


def _put_back(pipe: BufferedPipe, data: bytes) -> None:
    # Only here and in `_UnreadPipe` are paramiko's private names used: its public ones can append, but not prepend.
    with pipe._lock:
        pipe._buffer[:0] = array("B", data)
    pipe.__class__ = _UnreadPipe


def _has_terminal(bufsize: int = -1, timeout: float | None = None, get_pty: bool = False, environment: object = None) -> bool:  # noqa: ARG001, FBT001, FBT002 (paramiko's)
    return get_pty


def _started(hook: SSHHook, refused: dict[str, Answer], *command: Any, **options: Any) -> Streams | None:
    """Start a command on a hook's host, or record why no slot is free there.

    Raises:
        NoSlot: The host cannot hold slots at all.
    """
    if not isinstance(hook, SlotSSHHook):
        streams: Streams = hook.get_conn().exec_command(*command, **options)
        return streams
    streams, answer = hook.claim(*command, **options)
    if answer.kind == "claimed":
        return streams
    streams[1].channel.close()
    if answer.kind == "error":
        raise NoSlot(f"{hook.slots.host}: no slot can be held there: {answer.text}")
    refused[hook.slots.host] = answer
    return None
