"""README.md, docs/ and the READMEs of examples are right: every file in them is used, every snippet runs, every output is the real one.

How a page is written:

- A line that ends in "`path/file.yaml`:" names the file of the block after it, which is written into the page's own folder. That
  is empty at the start, or has what the line `<!-- with: conf -->` copies there from this repository (`<!-- with: conf as config -->`:
  under another name). The folder of an example's README is a copy of the example's.
- `python` with a file name runs as a DAG file does, without one in the page's namespace. Each `print(...)  # output` is compared.
  Functions `test_...` of a file are called.
- `console` has `$ command` and its exact output, in order; `...` alone in a line stands for any lines. `$ cd` and `$ echo $?` are known.
- `yaml`, `json`, `toml` and `text` have a file name. A balancer in YAML is loaded, unless a command of the page says what is wrong in it.
- `ini` is a part of `airflow.cfg`, whose section `[balancer]` has no unknown option.
- `bash` never runs: it is for what needs another machine, root or a network, and shows no output.
- Blocks that import Airflow are left out without it, and those below a line `<!-- needs: airflow -->` (or `airflow3`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import BLOCKS, KINDS, OF_REFERENCE, PAGES, WRITTEN, Block
from tests.docs.runs import PageRun

FIRST = (REPOSITORY / "README.md", REPOSITORY / "docs" / "getting-started.md")
"""The pages that the fast tests run, too."""


def _id(block: Block) -> str:
    return f"{block.page.relative_to(REPOSITORY)}:{block.line}"


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    of_sphinx = re.compile(r"\{toctree\}")
    others = [block for block in BLOCKS if block.kind not in KINDS and not of_sphinx.fullmatch(block.kind)]
    assert [(_id(block), block.kind) for block in others if block.kind not in OF_REFERENCE or block.page.parent.name != "reference"] == []


def test_every_file_has_a_name() -> None:
    assert [_id(block) for block in BLOCKS if block.kind in WRITTEN and not block.file] == []


def test_every_shown_output_is_compared() -> None:
    assert [_id(block) for block in BLOCKS if block.kind == "bash" and re.search(r"^\$ ", block.text, re.MULTILINE)] == []


@pytest.mark.usefixtures("probed")
@pytest.mark.parametrize(
    "block", [pytest.param(block, id=_id(block), marks=[pytest.mark.slow] * (block.page not in FIRST)) for block in BLOCKS]
)
def test_block_does_what_its_page_says(
    block: Block, page_run: Callable[[Path], PageRun], cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if block.missing:
        pytest.skip(block.missing)
    page_run(block.page).run(block, cli, monkeypatch)


def test_extras_that_pages_name_exist() -> None:
    named = {extra for page in PAGES for extra in re.findall(r"airflow-balancer\[([\w,]+)\]", page.read_text())}
    assert {name for extras in named for name in extras.split(",")} <= set(metadata("airflow-balancer").get_all("Provides-Extra") or ())
