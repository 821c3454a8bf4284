"""Folds many names into a short string: consecutive numbers become a range."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote

MARK = "balanced "
"""The prefix of the string of a task's candidates."""
_NUMBERED = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)
_RANGE = re.compile(r"(.*)\[([0-9]+)-([0-9]+)\](.*)")


def quoted(text: str) -> str:
    """Return a string with all separators percent-encoded."""
    return quote(text, safe="")


def fold(names: Iterable[str]) -> str:
    """Return names as a sorted list, with consecutive numbers as a range and special characters percent-encoded.

    >>> fold(["ws01", "host10", "host9", "host8", "a,b"])
    'a%2Cb,host[8-10],ws01'
    """
    folded: list[str] = []
    last = ("", "", "")
    start = ""
    for before, digits, after in sorted(map(_numbered, names), key=lambda parts: (parts[0], parts[2], len(parts[1]), parts[1])):
        if digits and (before, digits, after) == (last[0], _next(last[1]), last[2]):
            folded[-1] = f"{quoted(before)}[{start}-{digits}]{quoted(after)}"
        else:
            start = digits
            folded.append(quoted(f"{before}{digits}{after}"))
        last = (before, digits, after)
    return ",".join(folded)


def unfold(text: str) -> Iterator[str]:
    """Yield the names of a folded list."""
    for item in text.split(","):
        if found := _RANGE.fullmatch(item):
            before, first, last, after = map(unquote, found.groups())
            yield from (f"{before}{number:0{len(first)}d}{after}" for number in range(int(first), int(last) + 1))
        else:
            yield unquote(item)


def _numbered(name: str) -> tuple[str, str, str]:
    """Split a name around its last number."""
    found = _NUMBERED.fullmatch(name)
    return (found[1], found[2], found[3]) if found else (name, "", "")


def _next(digits: str) -> str:
    return f"{int(digits) + 1:0{len(digits)}d}" if digits else ""
