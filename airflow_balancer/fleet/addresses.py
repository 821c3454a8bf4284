"""Addresses: an IP address or a DNS name, and what to write in place of anything else."""

from __future__ import annotations

import re
from ipaddress import ip_address

from .masking import MASK

__all__ = ("address_problem",)

_LONGEST = 253
"""The longest DNS name, in characters."""
_SHOWN = 60
_LABEL = r"(?!-)[\w-]{1,63}(?<!-)"
_DNS_NAME = re.compile(rf"(?:{_LABEL}\.)*(?!\d+\.?$){_LABEL}\.?")
_CHARACTERS = re.compile(r"[\w.:%-]+")
_LOGIN = re.compile(r".*@", re.DOTALL)
_HINTS = {
    r".*://.*": "leave the scheme and the path out",
    r".*@.*": "the user is the key `username`",
    r"(?P<host>[^:]+|\[.+\]):(?P<port>\d+)": "the port is `ssh_hook_args: {{port: {port}}}`",
    r"\[.+\]": "leave the brackets out",
    r"[\d.]+": "an IPv4 address has four numbers from 0 to 255",
}


def address_problem(key: str, value: object) -> str:
    """Return what is wrong with the address under a key; empty where nothing is.

    >>> address_problem("address", "10.0.0.5")
    ''
    >>> address_problem("address", "10.0.0.5:2222")
    "key 'address' must be an IP address or a DNS name, not '10.0.0.5:2222'; the port is `ssh_hook_args: {port: 2222}`"
    """
    if isinstance(value, str) and _is_address(value):
        return ""
    text = f"key {key!r} must be an IP address or a DNS name"
    if not isinstance(value, str):
        return f"{text}, such as 10.0.0.5, not {repr(value)[:_SHOWN]}"
    # What stands before an @ may hold a password.
    return f"{text}, not {_LOGIN.sub(f'{MASK}@', value)[:_SHOWN]!r}; {_hint(value)}"


def _is_address(text: str) -> bool:
    if len(text) > _LONGEST or not _CHARACTERS.fullmatch(text):
        return False
    return _is_ip(text) or _DNS_NAME.fullmatch(text) is not None


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _hint(text: str) -> str:
    for pattern, hint in _HINTS.items():
        if found := re.fullmatch(pattern, text, re.DOTALL):
            return hint.format(**found.groupdict())
    return "such as 10.0.0.5, 2001:db8::5 or ws1.example.com"
