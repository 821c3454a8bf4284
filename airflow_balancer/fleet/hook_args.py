"""The keys of `ssh_hook_args`: those that something reads, and what is wrong with others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..errors import suggestion

OF_THE_HOOK: Final = (
    "auth_timeout",
    "banner_timeout",
    "ciphers",
    "cmd_timeout",
    "conn_retry_attempts",
    "conn_timeout",
    "disabled_algorithms",
    "host_proxy_cmd",
    "keepalive_interval",
    "key_file",
    "no_host_key_check",
    "password",
    "port",
    "remote_host",
    "ssh_conn_id",
    "username",
)
"""The arguments of the provider's SSHHook."""
OF_A_CONNECTION: Final = ("allow_host_key_change", "compress", "host_key", "look_for_keys", "private_key", "private_key_passphrase")
"""What the hook reads of a connection alone, such as one that `create_connection` makes; `check` reads some of them, too."""
_KNOWN = frozenset((*OF_THE_HOOK, *OF_A_CONNECTION))


def argument_problems(host: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each argument of a host that would be dropped, and what is wrong with it.

    The host has its defaults. Its `username`, `password` and `key_file` take precedence over arguments of these names.
    """
    arguments = host.get("ssh_hook_args")
    if not isinstance(arguments, Mapping):
        return
    for key in sorted(map(str, arguments.keys() - _KNOWN)):
        yield key, f"{_named(key)} is no argument of an SSH hook, and would be dropped{suggestion(key, sorted(_KNOWN))}"
    for key in ("username", "password", "key_file"):
        taken = host.get(key) and not (key == "key_file" and host.get("password"))
        if taken and arguments.get(key) not in (None, "", host[key]):
            yield key, f"{_named(key)} would be dropped for the host's {key!r}; give it as the host's key {key!r}"


def _named(key: str) -> str:
    return f"key {f'ssh_hook_args.{key}'!r}"
