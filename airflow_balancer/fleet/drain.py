"""Drained hosts: the values of the key `drain`, and their words in messages."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_REASON: Final = 256
"""The longest reason, in characters."""


@cache
def _boolean() -> TypeAdapter[bool]:
    from pydantic import TypeAdapter  # the command line's help imports this module, and needs no pydantic

    return TypeAdapter(bool)


def drain_value(value: object) -> bool | str:
    """Return the boolean that pydantic reads from a value, such as `"false"`, else the reason on one line.

    Raises:
        ValueError: The value is neither.
    """
    try:
        return _boolean().validate_python(value)
    except ValueError:
        reason = " ".join(value.split()) if isinstance(value, str) else ""
    if not reason.isprintable() or not 1 <= len(reason) <= MAX_REASON:
        raise ValueError
    return reason


class _Drainable(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def drain(self) -> bool | str: ...


def drained(host: _Drainable) -> str:
    """Return the words for a drained host in messages, with the reason if one is given.

    >>> from types import SimpleNamespace
    >>> drained(SimpleNamespace(name="ws2", drain="disks are being replaced"))
    'ws2 is drained: disks are being replaced'
    """
    return f"{host.name} is drained" + (f": {host.drain}" if isinstance(host.drain, str) else "")
