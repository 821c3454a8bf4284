"""HTTP for a page without a proxy: closes connections that send no request, which uvicorn leaves to a proxy."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10.0
"""How long a client may take to send a request, and how long it may be idle."""


class ImpatientProtocol(H11Protocol):
    """Closes a connection after `REQUEST_SECONDS` without a complete request."""

    def connection_made(self, transport: Any) -> None:
        """Start to wait for requests."""
        super().connection_made(transport)
        self._waiting = asyncio.ensure_future(self._wait())

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._waiting.cancel()
        super().connection_lost(exc)

    async def _wait(self) -> None:
        answered: Any = None
        while True:
            await asyncio.sleep(REQUEST_SECONDS)
            cycle: Any = self.cycle
            if cycle is answered and (cycle is None or cycle.response_complete):
                self.transport.close()
                return
            answered = cycle
