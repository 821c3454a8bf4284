"""A YAML language server, as an editor talks to it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class LanguageServer:
    """Requests of the Language Server Protocol over a process's pipes."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._number = 0
        self.request("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}})
        self._send({"method": "initialized", "params": {}})

    def _send(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        if "method" in message and "id" in message:
            # What it asks of the editor, which has no settings.
            self._send({"id": message["id"], "result": [{}] * len(message.get("params", {}).get("items", []))})
        return message

    def request(self, method: str, params: dict[str, Any]) -> Any:
        """Return the result of a request."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while "method" in (message := self._receive()) or message.get("id") != self._number:
            pass
        return message["result"]

    def open(self, name: str, text: str) -> list[str]:
        """Open a file, and return what the server finds wrong in it."""
        uri = (self._folder / name).as_uri()
        self._send(
            {"method": "textDocument/didOpen", "params": {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}}}
        )
        while (message := self._receive()).get("method") != "textDocument/publishDiagnostics" or message["params"]["uri"] != uri:
            pass
        return [found["message"] for found in message["params"]["diagnostics"]]

    def at(self, name: str, what: str, line: int, character: int) -> Any:
        """Return the answer to `completion` or `hover` at a place of an open file."""
        place = {"textDocument": {"uri": (self._folder / name).as_uri()}, "position": {"line": line, "character": character}}
        return self.request(f"textDocument/{what}", place)


@contextmanager
def language_server(program: Path, folder: Path) -> Iterator[LanguageServer]:
    """Start a server for a folder, and end it."""
    command = [str(program), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield LanguageServer(process, folder)
        finally:
            process.kill()
