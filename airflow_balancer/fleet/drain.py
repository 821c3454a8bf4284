"""Drained hosts: the values of the key `drain`, and how messages say why a host is drained."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_REASON: Final = 256
"""The longest reason, in characters."""


@cache
def _boolean() -> TypeAdapter[bool]:
    from pydantic import TypeAdapter  # queries import this module, and the command line's help needs no pydantic

    return TypeAdapter(bool)


def drain_value(value: object) -> bool | str:
    """Return the boolean that pydantic takes a value for, such as `"false"`, else the reason in one line.

    Raises:
        ValueError: It is neither.
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
    """Return how messages say that a host is drained, with the reason that is given.

    >>> from types import SimpleNamespace
    >>> drained(SimpleNamespace(name="ws2", drain="disks are being replaced"))
    'ws2 is drained: disks are being replaced'
    """
    return f"{host.name} is drained" + (f": {host.drain}" if isinstance(host.drain, str) else "")
