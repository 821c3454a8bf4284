"""Recognizes an Ansible inventory where one of this package is expected."""

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
    """Raise an error that says what to do if a file is an Ansible inventory.

    Args:
        path: The file.
        data: What it holds as YAML; None where it is none.

    Raises:
        ConfigurationError: It is one.
    """
    if any(map(_is_group, data.values())) if isinstance(data, dict) else _has_sections(path):
        raise ConfigurationError(f"{path}: {_ADVICE}")


def _is_group(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() <= _GROUP_KEYS and any(isinstance(item, dict) for item in value.values())


def _has_sections(path: Path) -> bool:
    """Return whether a file has a section of INI, which at most the first line of YAML could look like."""
    try:
        return _SECTION.search(read_content(path)) is not None
    except (OSError, TooMuchError, ValueError):
        return False
