"""The snippets of the published documentation run here, and print what they print with 0.7.12."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.docs.snippets import FILES, SNIPPETS


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippet_prints_what_it_did(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file, text in {**FILES, "snippet.py": SNIPPETS[name].code}.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    printed: list[str] = []
    monkeypatch.chdir(tmp_path)
    runpy.run_path("snippet.py", {"print": lambda *values: printed.append(" ".join(map(str, values)))})
    assert "\n".join(printed) == (SNIPPETS[name].here or SNIPPETS[name].printed)
