"""A server of the page and of generated answers, for the states that a real Airflow is seldom in.

python -m tests.viewer.browser.stub [hosts [ports]]
"""

from __future__ import annotations

import json
import mimetypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_balancer.viewer.service import HEADERS
from tests.viewer.browser import generated

STATIC = Path(__file__).parents[3] / "airflow_balancer" / "viewer" / "static"
POLICY = HEADERS["Content-Security-Policy"]


@dataclass
class Stub:
    """What the server answers; tests put other answers in its place."""

    hosts: int = 12
    ports: int = 30
    markup: bool = True
    prefix: str = "/"
    answers: dict[str, Any] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""
    made: dict[Any, Any] = field(default_factory=dict)

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        """Return the status and the JSON of an API path."""
        if path in self.answers:
            return self.answers[path]
        first = {key: values[0] for key, values in query.items()}
        made = generated.hosts(self.hosts, markup=self.markup)
        answers: dict[str, Callable[[], Any]] = {
            "configurations": generated.configurations,
            "overview": lambda: generated.overview(self.hosts),
            "fleet": lambda: generated.fleet(made, self.ports, first.get("environment", "prod")),
            "occupancy": lambda: generated.occupancy(made),
            "health": lambda: generated.health(made),
            "pools": lambda: generated.pools(made),
            "assignments": lambda: generated.assignments(made),
            "moved": lambda: generated.moved(made),
            "picks": lambda: generated.picks(made),
            "query": lambda: generated.query(made, first.get("queue", ""), first.get("key", "")),
            "whatif": lambda: generated.whatif(made, first.get("drain", "")),
            "compare": lambda: generated.compare(made, first["left"], first["right"]),
        }
        if path not in answers:
            return 404, {"error": {"message": f"No {path} here", "problems": []}}
        key = (path, str(first), self.hosts, self.ports)
        if key not in self.made:
            self.made[key] = answers[path]()
        return 200, self.made[key]


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            stub.asked.append(self.path)
            path = url.path.removeprefix(stub.prefix)
            if url.path in stub.pages:
                self.send(200, "text/html", stub.pages[url.path].encode(), policy="")
            elif path.startswith("api/"):
                status, data = stub.answer(path.removeprefix("api/"), parse_qs(url.query))
                self.send(status, "application/json", json.dumps(data).encode())
            else:
                self.send_file(STATIC / (path or "index.html"))

        def send_file(self, path: Path) -> None:
            if path.is_file():
                self.send(200, mimetypes.guess_type(path)[0] or "text/plain", path.read_bytes())
            else:
                self.send(404, "text/plain", b"no such file")

        def send(self, status: int, kind: str, content: bytes, policy: str = POLICY) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            if policy:
                self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def serve(stub: Stub) -> Iterator[Stub]:
    """Serve the page on a free port of this machine, until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    stub.url = f"http://127.0.0.1:{server.server_port}{stub.prefix}"
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()


def _main() -> None:
    numbers = [int(text) for text in sys.argv[1:3]]
    with serve(Stub(*numbers)) as stub:
        sys.stdout.write(f"{stub.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    _main()
