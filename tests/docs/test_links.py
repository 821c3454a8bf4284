"""Links in documents lead to files and headings that there are, as GitHub shows them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import PAGES

DOCUMENTS = [*PAGES, *(REPOSITORY / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY", "examples/README"))]
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
_OURS = re.compile(
    r"https://(?:github\.com/airflow-laminar/airflow-balancer/(?:blob|tree)|raw\.githubusercontent\.com/airflow-laminar/airflow-balancer)/main/"
)
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


def _text(document: Path) -> str:
    """Return a document without its code; links into this repository on GitHub are relative."""
    return _OURS.sub(f"{os.path.relpath(REPOSITORY, document.parent)}/", _FENCE.sub("", document.read_text()))


def _slugs(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", _text(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _problem(document: Path, path: str, heading: str) -> str:
    target = Path(os.path.normpath(document.parent / path)) if path else document
    if not target.exists():
        return f"no file {path}"
    return "" if not heading or heading in _slugs(target) else f"no heading {path}#{heading}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(document.relative_to(REPOSITORY)) for document in DOCUMENTS])
def test_links_lead_somewhere(document: Path) -> None:
    assert [problem for link in _LINK.findall(_text(document)) if (problem := _problem(document, *link))] == []
