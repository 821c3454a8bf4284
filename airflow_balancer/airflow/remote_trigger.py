"""The trigger that waits for a detached job on one of the balancer's hosts."""

from __future__ import annotations

from typing import Any, Self

import asyncssh
from airflow.providers.ssh.hooks.ssh import SSHHook, SSHHookAsync
from airflow.providers.ssh.triggers.ssh_remote_job import SSHRemoteJobTrigger
from airflow.providers.ssh.utils.remote_job import build_posix_kill_command
from airflow.triggers.base import TriggerEvent
from airflow_pydantic import Variable
from asgiref.sync import sync_to_async

from ..config import Host
from .jobs import state_command


class BalancedSSHRemoteJobTrigger(SSHRemoteJobTrigger):
    """Waits for a job as the provider's trigger does, over a connection like the one of the host's hook.

    It also notices a job that ended without an exit code, and reads the log of an ended job to its end.
    It does not store passwords, but reads the Airflow Variable.
    """

    def __init__(self, *, access: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.access = access
        self._gone = 0

    @classmethod
    def over(cls, trigger: SSHRemoteJobTrigger, access: dict[str, Any]) -> Self:
        """Return a trigger for the job of the provider's trigger."""
        return cls(**{**trigger.serialize()[1], "access": access})

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and the arguments, without secrets."""
        return f"{__name__}.{type(self).__name__}", {**super().serialize()[1], "access": self.access}

    async def on_kill(self) -> None:
        """Kill the job when a user ends or clears its task; called since Airflow 3.3."""
        connection = await self._connect()
        await self._run_command(connection, build_posix_kill_command(f"{self.job_dir}/pid"))
        await self._close(connection)

    async def _connect(self) -> Any:
        access = self.access
        if access["ssh_conn_id"]:
            names = ("ssh_conn_id", "host", "port", "username")
            return await SSHHookAsync(**{name: access[name] for name in names}, key_file=access["key_file"] or "").get_conn()
        options = {name: access[name] for name in ("host", "port", "username", "connect_timeout", "proxy_command", "keepalive_interval")}
        if access["key_file"]:
            options["client_keys"] = access["key_file"]
        if access["password"]:
            options["password"] = await sync_to_async(_password)(access["password"])
        if not access["checks_host_key"]:
            options["known_hosts"] = None
        return await asyncssh.connect(**options)

    async def _check_completion(self, conn: asyncssh.SSHClientConnection) -> int | None:
        exit_code: int | None = await super()._check_completion(conn)
        if exit_code is None:
            await self._check_process(conn)
        elif await self._get_log_size(conn) > self.log_offset + self.log_chunk_size:
            # Of an ended job, the provider's loop reads only one more chunk. Keep it reading, without waiting.
            self.poll_interval, exit_code = 0, None
        return exit_code

    async def _check_process(self, conn: asyncssh.SSHClientConnection) -> None:
        _, state, _ = await self._run_command(conn, state_command(self.job_dir))
        self._gone = self._gone + 1 if state.strip().endswith("gone") else 0
        # A job that is just starting has no process yet.
        if self._gone > 1:
            message = "the job ended without an exit code: it was killed, or its host was restarted"
            raise RuntimeError(message)

    def _error_event(self, message: str) -> TriggerEvent:
        event = super()._error_event(message)
        return TriggerEvent({**event.payload, "status": "gone" if self._gone > 1 else event.payload["status"]})


def access_of(hook: SSHHook, host: Host) -> dict[str, Any]:
    """Return the parameters with which the trigger connects like a host's hook, without secrets."""
    return {
        "host": hook.remote_host,
        "port": hook.port,
        "username": hook.username,
        "key_file": hook.key_file,
        "ssh_conn_id": hook.ssh_conn_id,
        "password": host.password.model_dump(include={"key", "deserialize_json"}) if isinstance(host.password, Variable) else None,
        "proxy_command": hook.host_proxy_cmd,
        "connect_timeout": hook.conn_timeout,
        "keepalive_interval": hook.keepalive_interval,
        "checks_host_key": not (hook.no_host_key_check or hook.allow_host_key_change),
    }


def _password(variable: dict[str, Any]) -> str:
    value = Variable(**variable).get()
    return str(value["password"] if isinstance(value, dict) else value)
