"""Write the pictures of the viewer's main states, light and dark, to `docs/img/`.

    python tools/screenshots.py [URL]

Without a URL, such as `http://127.0.0.1:8765/`, the page is served with generated answers, for those of a real
Airflow differ from run to run. Needs Debian's chromium and chromium-driver, and selenium and pillow.
"""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "img"
sys.path.insert(0, str(ROOT))

from tests.viewer.browser.chromium import chromium, missing, prefer, resize  # noqa: E402
from tests.viewer.browser.page import Page  # noqa: E402
from tests.viewer.browser.stub import Stub, serve  # noqa: E402

DESK, TELEPHONE = (1280, 720), (420, 800)
COLOURS = 192
SETTLED = 0.3  # seconds, for the focus ring and the scroll bars
PICTURES = (
    ("compare-light", "compare", "light", DESK),
    ("yaml-dark", "yaml", "dark", DESK),
    ("hosts-narrow", "hosts", "light", TELEPHONE),
    ("fleet-narrow", "fleet", "light", TELEPHONE),
)
QUESTIONS = {
    "fleet": "fleet",
    "hosts": "hosts",
    "moved": "tasks?rows=moved",
    "whatif": "whatif?drain=worker02.example.com",
    "tasks": "tasks",
    "ports": "ports?rows=free",
    "why": "tasks?search=daily.load",
    "pools": "pools",
    "query": "query?queue=workers&key=etl.extract",
}
"""What docs/howto/answer-questions.md shows, each in both colour schemes."""


def main(url: str = "") -> None:
    """Write every picture."""
    if reason := missing():
        sys.exit(reason)
    IMAGES.mkdir(parents=True, exist_ok=True)
    served = nullcontext(Stub(url=url)) if url else serve(Stub(hosts=24, ports=72, markup=False))
    with served as stub, chromium() as driver:
        page = Page(driver, stub)
        both = [(f"{name}-{scheme}", address, scheme, DESK) for name, address in QUESTIONS.items() for scheme in ("light", "dark")]
        for name, address, scheme, (width, height) in (*both, *PICTURES):
            resize(driver, width, height, mobile=width == TELEPHONE[0])
            prefer(driver, scheme)
            page.open(address)
            time.sleep(SETTLED)
            _save(driver.get_screenshot_as_png(), IMAGES / f"{name}.png")


def _save(picture: bytes, path: Path) -> None:
    """Write a picture in few colours: a third of the bytes, and nobody sees it."""
    Image.open(BytesIO(picture)).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
