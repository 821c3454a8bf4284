"""The figures of the documentation show what the strategies do today."""

from __future__ import annotations

import pytest

from tests.conftest import REPOSITORY
from tools.draw_figures import FIGURES

PAGES = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_what_the_tool_draws_now(name):
    assert (REPOSITORY / "docs/img" / name).read_text() == FIGURES[name]()


@pytest.mark.parametrize("name", FIGURES)
def test_a_page_shows_the_figure(name):
    assert [page for page in PAGES if f"img/{name})" in page.read_text()]
