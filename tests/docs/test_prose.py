"""Pages begin with what their readers will be able to do; the first two that a reader opens have short sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

OPENINGS = ("After this page you can ", "You can ")
MOST_WORDS = 30
DOCS = REPOSITORY / "docs"
LEADING_ON = ("index.md", "changelog.md", "examples.md")
"""Pages that only lead on to others."""

PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.name not in LEADING_ON]
_NO_PROSE = re.compile(r"^```.*?^```$|^<!--.*?-->$|^\|[ :|-]+\|$", re.MULTILINE | re.DOTALL)
_CODE, _LINK = re.compile(r"`[^`]+`"), re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_BLOCK = re.compile(r"\n\n|\n(?=[-*|#] ?|\d+\. )|(?<!^)\|", re.MULTILINE)
_END = re.compile(r"(?<=[.!?])(?:\*\*)?\s+")


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of paragraphs, list items and table cells; code in a sentence is one word."""
    plain = _LINK.sub(r"\1", _CODE.sub("code", _NO_PROSE.sub("", text)))
    for block in _BLOCK.split(plain):
        yield from _END.split(block.strip("-*#| \n"))


@pytest.mark.parametrize("page", [REPOSITORY / "README.md", DOCS / "getting-started.md"], ids=lambda page: page.name)
def test_no_sentence_has_more_than_thirty_words(page: Path) -> None:
    assert [sentence for sentence in sentences(page.read_text()) if len(sentence.split()) > MOST_WORDS] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_page_begins_with_what_its_reader_will_be_able_to_do(page: Path) -> None:
    title, first = [part for part in page.read_text().split("\n\n") if not part.startswith("<!--")][:2]
    assert title.startswith("# ")
    assert first.startswith(OPENINGS), f"the first paragraph of a page begins with one of {OPENINGS}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two `a b. c`! Three?", ["One.", "Two code!", "Three?"]),
        ("- one\n- [two](a.md)\n\nthree\nfour", ["one", "two", "three\nfour"]),
        ("| a | b c |\n| --- | --- |\n| d | e |", ["a", "b c", "d", "e"]),
        ("# Title\n\nOne.\n\n```bash\nno prose\n```\n", ["Title", "One."]),
    ],
    ids=["sentences", "items", "cells", "code"],
)
def test_sentences_are_those_of_the_prose(text: str, found: list[str]) -> None:
    assert [sentence for sentence in sentences(text) if sentence] == found
