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
"""How much of a host's answer is read."""
Streams = tuple[paramiko.ChannelFile, paramiko.ChannelFile, paramiko.ChannelFile]


class HostSSHHook(SSHHook):
    """The SSH hook of a host, as `Host.hook` returns it."""

    @classmethod
    def of(cls, hook: SSHHook, **more: Any) -> Self:
        """Return a hook with all that `hook` has, and these attributes."""
        made = cls.__new__(cls)
        made.__dict__.update(vars(hook), **more)
        return made

    def __repr__(self) -> str:
        """The same at each parse: Airflow writes it into a serialized DAG, and makes a version where it differs."""
        return f"{type(self).__qualname__}({self.username or ''}@{self.remote_host}:{self.port})"


class SlotSSHHook(HostSSHHook):
    """An SSH hook that runs each command in one of the host's slots; `Host.hook` returns it where `hold_slots` is set.

    This holds for an SSHOperator, and for `exec_command` of the client that `get_conn` returns. Shells,
    tunnels and SFTP need no slot.

    A command for which no slot is free is not started, and its task is rescheduled after `slot_wait`
    seconds, a quarter more or less; that uses no retry. The same holds while there is a file `drain` in
    `slot_dir`. Waiting tasks form no queue: whichever tries first after a slot is free gets it. The
    spread lets no task lose for ever, and `slot_timeout` is how long a task waits at most.
    """

    slots: Slots
    context: Mapping[str, Any] | None = None
    others: Callable[[], Iterable[SSHHook]] = staticmethod(tuple)
    """Returns hooks of the next candidates, each connected when its turn comes, for a command that finds no slot here."""

    def get_conn(self) -> paramiko.SSHClient:
        """Return a connection to the host, the same one while it lasts; each command of it claims a slot."""
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
        """Start a command that claims a slot before anything else, and return its streams after the host's answer."""
        token = token_hex(16)
        slots = self.slots
        claiming = claim_command(command, size=slots.size, slot_dir=slots.folder, holder=self._holder(), token=token)
        streams: Streams = paramiko.SSHClient.exec_command(super().get_conn(), claiming, *given, **options)
        channel = streams[1].channel
        try:
            # A terminal has one stream for both.
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
        """Return how many of the host's slots are held now, all where it takes no claims; this needs no slot.

        Args:
            seconds: How long each step of connecting and asking may take, once.

        Raises:
            NoSlot: The host cannot know.
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
        """Return what ends this run of a command that no host has a slot for."""
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
    """Let a client that is in use be that of another hook: whoever has it goes on with it on the other host."""
    other = hook.get_conn()
    client.close()
    # `moved_to` keeps the other client, as older versions of paramiko close the connection of one that is deleted.
    vars(client).update(vars(other), moved_to=other)
    vars(client).pop("exec_command", None)
    if isinstance(hook, SlotSSHHook):
        hook.client = client
        hook.get_conn()


def hook_of(hook: SSHHook, slots: Slots | None) -> HostSSHHook:
    """Return a hook as that of its host, whose commands hold `slots` where it has any."""
    return HostSSHHook.of(hook) if slots is None else SlotSSHHook.of(hook, slots=slots)


# airflow-pydantic renders a hook by the name of its class, and imports the provider's.
HostSSHHook.__name__ = SlotSSHHook.__name__ = SSHHook.__name__


class _UnreadPipe(BufferedPipe):
    """Seems empty until it is waited for: SSHHook takes what is there before without logging it."""

    def __len__(self) -> int:
        return super().__len__() if self._event else 0


def _put_back(pipe: BufferedPipe, data: bytes) -> None:
    # paramiko's private names stand in these two alone: what was read can only be appended by its public ones.
    with pipe._lock:
        pipe._buffer[:0] = array("B", data)
    pipe.__class__ = _UnreadPipe


def _has_terminal(bufsize: int = -1, timeout: float | None = None, get_pty: bool = False, environment: object = None) -> bool:  # noqa: ARG001, FBT001, FBT002 (paramiko's)
    return get_pty


def _started(hook: SSHHook, refused: dict[str, Answer], *command: Any, **options: Any) -> Streams | None:
    """Start a command on a hook's host, or note why it has no slot for it.

    Raises:
        NoSlot: No slot can ever be held there.
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
