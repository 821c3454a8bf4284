"""Docstrings in Google's style, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc

from .markdown import prose

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")
_ITEM = re.compile(r"^(\*{0,2}[\w.]+): (.*)$")


def markdown(docstring: str) -> str:
    """Return a docstring as Markdown: its sections as lists, its examples as code."""
    return "\n\n".join(filter(None, map(_block, _blocks(cleandoc(docstring)))))


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield paragraphs, sections and examples, each as its lines."""
    block: list[str] = []
    for line in text.splitlines():
        if not line.strip() or (line.startswith(">>> ") and not (block and block[0].startswith(">>>"))):
            yield block
            block = [line] if line.strip() else []
        else:
            block.append(line)
    yield block


def _block(lines: list[str]) -> str:
    if not lines:
        return ""
    if lines[0].startswith(">>> "):
        return "\n".join(["```pycon", *lines, "```"])
    if found := _SECTION.match(lines[0]):
        return f"**{found[1]}**\n\n" + "\n".join(_items(cleandoc("\n".join(lines[1:])).splitlines()))
    if all(line.startswith("    ") for line in lines):
        return "\n".join(["```pycon", *lines, "```"])
    return prose(" ".join(line.strip() for line in lines))


def _items(lines: list[str]) -> list[str]:
    items: list[str] = []
    for line in lines:
        if (found := _ITEM.match(line)) and not line.startswith(" "):
            items.append(f"- `{found[1]}`: {prose(found[2])}")
        else:
            items[-1:] = [f"{items[-1]} {prose(line.strip())}"] if items else [f"- {prose(line.strip())}"]
    return items
