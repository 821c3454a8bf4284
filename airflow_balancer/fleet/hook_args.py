"""The keys of `ssh_hook_args`: which ones are read, what is wrong with the others, and `remote_host`, an address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..errors import suggestion
from .masking import shown
from .model import address_problem

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
"""What the hook reads only from a connection, such as one that `create_connection` makes. `check` reads some of it, too."""
REMOTE_HOST: Final = ("ssh_hook_args", "remote_host")
_KNOWN = frozenset((*OF_THE_HOOK, *OF_A_CONNECTION))


def argument_problems(host: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each hook argument that would be dropped, with the message.

    The defaults are applied already. The host's `username`, `password` and `key_file` take precedence over arguments of these names.
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


def settle_address(data: dict[Any, Any]) -> str:
    """Move a host's `remote_host` to its `address`. Return what is wrong with it, or an empty string."""
    arguments, address = data.get("ssh_hook_args"), data.get("address")
    if not isinstance(arguments, Mapping) or "remote_host" not in arguments:
        return ""
    given = arguments["remote_host"]
    data["ssh_hook_args"] = {key: value for key, value in arguments.items() if key != "remote_host"}
    wrong = "" if given is None else address_problem(".".join(REMOTE_HOST), given)
    if address is None and not wrong:
        data["address"] = given
    if given is None or given == address:
        return ""
    if wrong or address is None or address_problem("address", address):
        return wrong
    return f"key 'address' says {shown(address)} but 'ssh_hook_args.remote_host' says {shown(given)}; give one of them"
