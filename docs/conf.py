"""The site: `make docs` builds it from the Markdown pages beside this file, without network."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

from airflow_balancer import __version__

REPOSITORY = Path(__file__).parent.parent
SOURCE = "https://github.com/airflow-laminar/airflow-balancer"

project = "airflow-balancer"
author = "the airflow-balancer authors"
version = release = __version__
extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"airflow-balancer {version}"
html_show_copyright = False
html_show_sphinx = False
html_static_path = ["site"]
html_css_files = ["site.css"]
html_theme_options = {"source_repository": SOURCE, "source_branch": "main", "source_directory": "docs/"}
smartquotes = False  # options begin with two hyphens
copybutton_prompt_text = "$ "

OUTSIDE = {"changelog": REPOSITORY / "CHANGELOG.md", "examples": REPOSITORY / "examples" / "README.md"}
_LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)")


def _link_to_the_repository(_: Sphinx, docname: str, source: list[str]) -> None:
    """Link to files outside this folder on GitHub; some pages are files outside it."""
    folder = (REPOSITORY / "docs" / docname).parent
    if outside := OUTSIDE.get(docname):
        folder, source[0] = outside.parent, outside.read_text()

    def link(found: re.Match[str]) -> str:
        path = Path(os.path.normpath(folder / found[1]))
        if path.is_relative_to(REPOSITORY / "docs"):
            return os.path.relpath(path, REPOSITORY / "docs" / Path(docname).parent)
        if not path.exists():
            logging.getLogger(__name__).warning("no such file: %s", found[1], location=docname)
        return f"{SOURCE}/{'tree' if path.is_dir() else 'blob'}/main/{path.relative_to(REPOSITORY)}"

    source[0] = _LINK.sub(link, source[0])


def setup(app: Sphinx) -> None:
    """Read each page through this file."""
    app.connect("source-read", _link_to_the_repository)
