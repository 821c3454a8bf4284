"""The pages and their fenced blocks, which Sybil parses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from sybil import Document, Region, Sybil
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

from tests.conftest import HAS_AIRFLOW, REPOSITORY

IS_AIRFLOW_2 = HAS_AIRFLOW and version("apache-airflow").startswith("2.")
KINDS = {"bash", "console", "ini", "json", "python", "text", "toml", "yaml"}
OF_REFERENCE = {"pycon"}
"""Kinds of the pages that a tool writes: examples of docstrings, which run there."""
WRITTEN = {"json", "text", "toml", "yaml"}
"""Kinds whose blocks are nothing but files."""

_NEEDS = re.compile(r"<!-- needs: (airflow3?) -->$")
_FILE = re.compile(r"`([\w/.-]+\.\w+)`:$")
_WITH = re.compile(r"^<!-- with: ([\w/.-]+)(?: as ([\w/.-]+))? -->$", re.MULTILINE)
_IMPORTS_AIRFLOW = re.compile(
    r"^\s*(?:from|import) airflow[. ]|^\s*from airflow_balancer import .*BalancedSSH(?:Hook|Operator|RemoteJob)|generate_in_mem",
    re.MULTILINE,
)
_RUNS_AIRFLOW = re.compile(r"^\$ airflow ", re.MULTILINE)
_TOLD = re.compile(r"^.*  # Airflow 2: (.*)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block; `file` is what the line before it names, `needs` the Airflow without which it does not run."""

    page: Path
    line: int
    kind: str
    text: str
    file: str
    needs: str

    @property
    def missing(self) -> str:
        if not HAS_AIRFLOW and self.needs:
            return "Airflow is not installed"
        return "needs Airflow 3" if self.needs == "airflow3" and IS_AIRFLOW_2 else ""


def _fences(document: Document) -> Iterator[Region]:
    for region in RawFencedCodeBlockLexer(re.compile(r"(?P<kind>[^\n]*)\n"))(document):
        before = document.text[: region.start].rstrip()
        needs = _NEEDS.search(before)
        file = _FILE.search(before[: needs.start()].rstrip() if needs else before)
        kind, text = region.lexemes["kind"].strip(), str(region.lexemes["source"])
        region.parsed = kind, text, file[1] if file else "", needs[1] if needs else _recognised(kind, text)
        yield region


def _recognised(kind: str, text: str) -> str:
    pattern = {"python": _IMPORTS_AIRFLOW, "console": _RUNS_AIRFLOW}.get(kind)
    return "airflow" if pattern and pattern.search(text) else ""


def for_this_airflow(text: str) -> str:
    """Take the snippets' advice for Airflow 2, where that is what runs."""
    return _TOLD.sub(r"\1", text) if IS_AIRFLOW_2 else text


def blocks(page: Path) -> list[Block]:
    document = Sybil(parsers=[_fences]).parse(page)
    return [Block(page, example.line, *example.parsed) for example in document.examples()]


def folders_with(page: Path) -> dict[str, Path]:
    """Return what the page's folder has from the start: the name there, and the path in this repository."""
    own = {".": page.parent} if page.is_relative_to(REPOSITORY / "examples") else {}
    return own | {name or path: REPOSITORY / path for path, name in _WITH.findall(page.read_text())}


PAGES = [
    REPOSITORY / "README.md",
    *sorted(chain((REPOSITORY / "docs").rglob("*.md"), (REPOSITORY / "examples").glob("*/README.md"))),
]
BLOCKS = [block for page in PAGES for block in blocks(page)]
