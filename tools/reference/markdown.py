"""Markdown, from plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(``.+?``|`[^`]+`|\$\{[^ ]+\}+|\{[^{}`]+\}|(?<![\w/])[\w<][\w.<>]*_[\w.<>]*(?<!\.))")


def prose(text: str) -> str:
    """Return text in which `<name>` is no HTML; interpolations, mappings and names with an underscore are code.

    >>> prose("queue-<name>, or `<host>`, by default_size.")
    'queue-\\\\<name>, or `<host>`, by `default_size`.'
    """
    parts = _CODE.split(text)
    return "".join(_code(part) if at % 2 else part.replace("<", r"\<") for at, part in enumerate(parts))


def _code(part: str) -> str:
    return part if part.startswith("`") else f"`{part}`"


def sentence(text: str) -> str:
    """Return text that begins with a capital letter and ends with a period."""
    text = prose(text.strip())
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith(('.', ':')) else '.'}" if text else ""


def code(value: object) -> str:
    """Return a value as code; nothing for an empty string."""
    return f"`{value}`" if str(value) else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells may have `|`."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in line) + " |" for line in lines)


def page(title: str, *parts: str) -> str:
    """Return a page of a title and parts, with an empty line between them."""
    return "\n\n".join([f"# {title}", *(part.strip("\n") for part in parts if part.strip())]) + "\n"
