"""`python -m tools.reference` writes the pages; with `--check` it fails where one differs from what it would write."""

from __future__ import annotations

import sys
from pathlib import Path

from .pages import pages

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def main() -> int:
    """Write or check the pages, and return the exit code."""
    made, check = pages(), "--check" in sys.argv[1:]
    there = {path.name: path.read_text() for path in FOLDER.glob("*.md")}
    differing = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
    if check:
        for name in differing:
            print(f"docs/reference/{name} is not what its sources say: run `python -m tools.reference`")
        return 1 if differing else 0
    FOLDER.mkdir(exist_ok=True)
    for name in differing:
        if name in made:
            (FOLDER / name).write_text(made[name])
        else:
            (FOLDER / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
