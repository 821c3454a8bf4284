"""A connection on which no request comes is closed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'airflow-balancer[viewer]'")

from uvicorn import Config
from uvicorn.server import ServerState

from airflow_balancer.cli import impatient


async def no_app(scope, receive, send):
    """Answer nothing."""


def test_a_connection_on_which_no_request_comes_is_closed(monkeypatch):
    async def wait() -> None:
        closed = asyncio.Event()
        protocol = impatient.ImpatientProtocol(Config(no_app, log_config=None), ServerState(), {})
        protocol.connection_made(SimpleNamespace(get_extra_info=lambda _: None, close=closed.set))
        await asyncio.wait_for(closed.wait(), 20)

    monkeypatch.setattr(impatient, "REQUEST_SECONDS", 0)
    asyncio.run(wait())
