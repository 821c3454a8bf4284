"""A stand-in for an Airflow API server that knows of nothing but pools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

__all__ = ("serving_pools",)


@contextmanager
def serving_pools(**running: int) -> Iterator[str]:
    """Give the address of a server that says how many slots of each pool are running."""
    counts = {"queued_slots": 0, "deferred_slots": 0, "scheduled_slots": 0}
    pools = [
        {"name": name, "slots": 8, "description": "", "include_deferred": False, "running_slots": n, "occupied_slots": n, **counts}
        for name, n in running.items()
    ]
    answers = {
        "/auth/token": {"access_token": "token"},
        "/api/v2/pools": {"pools": pools, "total_entries": len(pools)},
        "/api/v2/connections": {"connections": [], "total_entries": 0},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers[self.path.partition("?")[0]]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
