"""Recognizes Ansible inventories, so that the error says how to convert one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from .document import TooMuchError
from .yaml import read_content

_ADVICE = (
    "is an Ansible inventory, which is not read; write its hosts by name, such as web1: {address: 10.0.0.5, queues: [web]}: "
    "a group is one of `queues` or `tags`, ansible_host is `address`, ansible_user `username`, "
    "ansible_ssh_private_key_file `key_file`, and ansible_port `ssh_hook_args: {port: 2222}`"
)
_SECTION = re.compile(rb"^\[[\w.-]+(:(children|vars))?\]\s*(#.*)?$", re.MULTILINE)
_GROUP_KEYS = frozenset(("hosts", "children", "vars"))


def check_no_ansible(path: Path, data: Any) -> None:
    """Check that a file is not an Ansible inventory.

    Args:
        path: The file.
        data: Its parsed content; None if it is not valid YAML.

    Raises:
        ConfigurationError: It is one; the message says how to convert it.
    """
    if any(map(_is_group, data.values())) if isinstance(data, dict) else _has_sections(path):
        raise ConfigurationError(f"{path}: {_ADVICE}")


def _is_group(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() <= _GROUP_KEYS and any(isinstance(item, dict) for item in value.values())


def _has_sections(path: Path) -> bool:
    """Return whether a file has an INI section header."""
    try:
        return _SECTION.search(read_content(path)) is not None
    except (OSError, TooMuchError, ValueError):
        return False
