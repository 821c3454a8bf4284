"""Fetch the viewer's libraries with npm and bundle each into one file under `viewer/static/vendor/`.

    python tools/vendor.py

Needs node and npm. Each library becomes one minified ES module named with its version, with its licence
beside it; `index.js` there re-exports them, so that the page names no version.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

VENDOR = Path(__file__).parent.parent / "airflow_balancer" / "viewer" / "static" / "vendor"
ESBUILD = "esbuild@0.25.12"


class Library(NamedTuple):
    """A library of npm, and what the page uses of it."""

    package: str
    version: str
    license: str
    purpose: str
    exports: str

    @property
    def stem(self) -> str:
        """The name of its files."""
        return f"{self.package.lstrip('@').replace('/', '-')}-{self.version}"


LIBRARIES = (
    Library(
        "lit-html",
        "3.3.3",
        "BSD-3-Clause",
        "templates that insert every value as text",
        'export { html, svg, nothing, render } from "lit-html";\n'
        'export { repeat } from "lit-html/directives/repeat.js";\n'
        'export { live } from "lit-html/directives/live.js";\n',
    ),
    Library(
        "@tanstack/virtual-core",
        "3.19.11",
        "MIT",
        "which rows of a long table are in view",
        'export { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from "@tanstack/virtual-core";\n',
    ),
    Library(
        "d3-hierarchy",
        "3.1.2",
        "ISC",
        "the places of the tiles of the fleet",
        'export { hierarchy, treemap } from "d3-hierarchy";\n',
    ),
)


def main() -> None:
    """Replace the vendored files by those of the versions above."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "package.json").write_text('{"private": true}\n')
        pinned = [f"{library.package}@{library.version}" for library in LIBRARIES]
        _run(folder, "npm", "install", "--no-audit", "--no-fund", "--save-exact", *pinned, ESBUILD)
        for library in LIBRARIES:
            _bundle(folder, library)
    (VENDOR / "index.js").write_text("".join(f'export * from "./{library.stem}.js";\n' for library in LIBRARIES))
    (VENDOR / "README.md").write_text(_readme())


def _bundle(folder: Path, library: Library) -> None:
    entry = folder / "entry.js"
    entry.write_text(library.exports)
    options = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=none")
    banner = f"--banner:js=/*! {library.package} {library.version}, {library.license}: see {library.stem}.LICENSE */"
    production = '--define:process.env.NODE_ENV="production"'
    _run(folder, "npx", "esbuild", str(entry), *options, production, banner, f"--outfile={VENDOR / library.stem}.js")
    shutil.copy(folder / "node_modules" / library.package / "LICENSE", VENDOR / f"{library.stem}.LICENSE")


def _readme() -> str:
    rows = [f"| {row.package} | {row.version} | {row.license} | {row.purpose} |" for row in LIBRARIES]
    return "\n".join(
        [
            "# Vendored libraries",
            "Written by `tools/vendor.py` from the packages on npm; do not edit.",
            "",
            "| package | version | licence | used for |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True)


if __name__ == "__main__":
    main()
