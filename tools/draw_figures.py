"""Draws the figures of README.md and docs/explanation from the strategies themselves, into docs/img/.

python -m tools.draw_figures
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from airflow_balancer.picking.rendezvous import Bounded, rank, score

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "img"
# Each figure brings its own background, so that it can be read on a page of either theme.
STYLE = """
text{font:15px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1f2328}
.card{fill:#fff;stroke:#d0d7de}.box{fill:#f6f8fa;stroke:#d0d7de}.soft{fill:#59636e}.line{stroke:#59636e;fill:none;stroke-width:1.5}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.card{fill:#0d1117;stroke:#3d444d}.box{fill:#212830;stroke:#3d444d}
.soft{fill:#9198a1}.line{stroke:#9198a1}}
.strong{font-weight:600}.code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:13px}.middle{text-anchor:middle}
.host1{fill:#1f6feb}.host2{fill:#a04100}.host3{fill:#1a7f37}.on{fill:#fff}
"""


class Host(NamedTuple):
    """A host, as strategies see it."""

    name: str
    size: int


HOSTS = (Host("host1", 16), Host("host2", 16), Host("host3", 8))
KEYS = ("orders", "prices", "stock", "customers", "invoices", "returns", "suppliers", "carriers", "rates", "tariffs", "budgets", "ledger")


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return a line of text whose baseline begins at a point."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str = "box") -> str:
    """Return a rectangle with round corners."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" class="{kind}"/>'


def arrow(*points: tuple[float, float]) -> str:
    """Return a line through points, with a head at its last one."""
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline points="{path}" class="line" marker-end="url(#head)"/>'


def figure(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """Return an SVG with a background, a title for those who do not see it, and its parts."""
    head = '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
    lines = [
        opening,
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<defs>{head}<path d="M0,0L8,4L0,8z" class="soft"/></marker></defs>',
        box(0.5, 0.5, width - 1, height - 1, "card"),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _scores(top: int, hosts: Sequence[Host], keys: Sequence[str], without: Collection[str] = ()) -> list[str]:
    """Return a table of scores, the highest one of each key on its host's colour."""
    parts = [text(190 + 130 * at, top, f"{host.name}, size {host.size}", "soft middle") for at, host in enumerate(hosts)]
    for row, key in enumerate(keys):
        y = top + 12 + 34 * row
        parts.append(text(24, y + 20, key, "code"))
        best = rank(key, [host for host in hosts if host.name not in without])[0]
        for at, host in enumerate(hosts):
            if host.name not in without:
                x, is_best = 130 + 130 * at, host == best
                parts.append(box(x, y, 120, 28, host.name if is_best else "box"))
                parts.append(text(x + 60, y + 19, f"{score(key, host):.1f}", "middle strong on" if is_best else "middle soft"))
    return parts


def draw_rendezvous() -> str:
    """Each key's scores, and which picks move when a host leaves."""
    keys = KEYS[:5]
    moved = [key for key in keys if rank(key, HOSTS)[0].name == "host2"]
    parts = [
        text(24, 34, "Each key scores each host; the highest score wins", "strong"),
        *_scores(64, HOSTS, keys),
        text(24, 286, f"host2 leaves: only {' and '.join(moved)} move", "strong"),
        *_scores(316, HOSTS, keys, without=("host2",)),
    ]
    return figure(530, 510, "Rendezvous hashing: scores of five keys on three hosts, with and without host2", parts)


def _picks(top: int, picks: Mapping[str, str], caps: Mapping[str, int], moved: Collection[str]) -> list[str]:
    """Return the keys of each host, one upon another, and the most that it may hold."""
    parts = []
    for at, host in enumerate(HOSTS):
        x, own = 24 + 166 * at, [key for key in KEYS if picks[key] == host.name]
        y = top - 30 * caps[host.name]
        parts.append(f'<line x1="{x - 6}" y1="{y - 2}" x2="{x + 156}" y2="{y - 2}" class="line" stroke-dasharray="5 4"/>')
        for number, key in enumerate(sorted(own, key=lambda key: key in moved)):
            low = top - 30 * (number + 1)
            parts += [box(x, low, 150, 26, host.name), text(x + 75, low + 18, key, "middle on" + " strong" * (key in moved))]
        parts.append(text(x + 75, top + 20, f"{host.name}, size {host.size}", "middle"))
        parts.append(text(x + 75, top + 40, f"at most {caps[host.name]}", "middle soft"))
    return parts


def draw_bounded() -> str:
    """Which picks `bounded` takes from a host that has more than its bound."""
    requests = {(key, ""): HOSTS for key in KEYS}
    before = {key: rank(key, HOSTS)[0].name for key in KEYS}
    after = {key: host.name for (key, _), host in Bounded().assign(requests).items()}
    caps = Bounded().caps(requests)
    moved = [key for key in KEYS if before[key] != after[key]]
    went = ", ".join(f"{key} goes from {before[key]} to {after[key]}" for key in moved)
    parts = [
        text(24, 34, "rendezvous: twelve keys, each on its best host", "strong"),
        *_picks(260, before, caps, moved),
        text(24, 354, f"bounded: {went}", "strong"),
        *_picks(580, after, caps, moved),
    ]
    return figure(530, 640, "Bounded loads: no host holds more than a quarter above its share, rounded up", parts)


def _hosts(left: int, top: int) -> list[str]:
    parts = []
    for at, host in enumerate(HOSTS):
        y = top + 62 * at
        parts += [box(left, y, 176, 52, host.name), text(left + 12, y + 22, host.name, "strong on")]
        parts.append(text(left + 12, y + 42, f"pool of {host.size} slots", "on"))
    return parts


def draw_overview() -> str:
    """What goes in, what is picked, and what comes out."""
    inputs = (("hosts, ports", "balancer.yaml"), ("environments", "env/prod.yaml"), ("overrides", "host2.size=4"))
    parts = [text(24, 34, "You write", "strong"), text(262, 34, "A task asks", "strong"), text(480, 34, "Airflow gets", "strong")]
    for at, (name, example) in enumerate(inputs):
        y = 52 + 62 * at
        parts += [box(24, y, 150, 52), text(36, y + 22, name), text(36, y + 42, example, "code soft")]
        parts.append(arrow((176, y + 26), (256, y + 26)))
    parts += [box(262, 52, 150, 176), text(274, 82, "queue: workers", "code soft"), text(274, 104, "key: etl.py#0", "code soft")]
    parts += [text(274, 144, "and its host is"), text(274, 207, "host3", "strong")]
    parts += _hosts(480, 52)
    parts += [
        arrow((414, 202), (474, 202)),
        text(24, 262, "The same key gets the same host, on every machine and at every parse.", "soft"),
    ]
    return figure(680, 286, "YAML is composed by Hydra; a key and a query pick a host; each host has a pool in Airflow", parts)


FIGURES = {"rendezvous.svg": draw_rendezvous, "bounded.svg": draw_bounded, "overview.svg": draw_overview}


def main() -> None:
    """Write all figures."""
    for name, draw in FIGURES.items():
        (IMAGES / name).write_text(draw())


if __name__ == "__main__":
    main()
