"""Checks addresses: IP addresses and DNS names."""

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
    """Return what is wrong with the address under a key, or an empty string.

    >>> address_problem("address", "10.0.0.5")
    ''
    >>> address_problem("address", "10.0.0.5:2222")
    "key 'address' must be an IP address or a DNS name, not '10.0.0.5:2222'; the port is `ssh_hook_args: {port: 2222}`"
    """
    if isinstance(value, str) and _is_address(value):
        return ""
    message = f"key {key!r} must be an IP address or a DNS name"
    if not isinstance(value, str):
        return f"{message}, such as 10.0.0.5, not {repr(value)[:_SHOWN]}"
    # The part before an @ may hold a password.
    return f"{message}, not {_LOGIN.sub(f'{MASK}@', value)[:_SHOWN]!r}; {_hint(value)}"


def _is_address(value: str) -> bool:
    if len(value) > _LONGEST or not _CHARACTERS.fullmatch(value):
        return False
    return _is_ip(value) or _DNS_NAME.fullmatch(value) is not None


def _is_ip(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _hint(value: str) -> str:
    for pattern, hint in _HINTS.items():
        if found := re.fullmatch(pattern, value, re.DOTALL):
            return hint.format(**found.groupdict())
    return "such as 10.0.0.5, 2001:db8::5 or ws1.example.com"
