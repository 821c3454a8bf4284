"""A request of the command line over a config that no file has."""

from __future__ import annotations

from airflow_balancer.cli.command import Request
from airflow_balancer.hydra.composed import Composed


def request_of(composed: Composed) -> Request:
    """Return the request whose configuration is composed already."""
    request = Request(composed.source)
    vars(request)["composed"] = composed
    return request
