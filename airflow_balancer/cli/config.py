"""`airflow-balancer config`, and `--cfg job`: what was composed, secrets masked."""

from __future__ import annotations

from typing import Any

from .command import Command, Report


def _masked(data: Any) -> Report:
    from ..fleet.masking import mask_secrets

    masked: dict[str, Any] = mask_secrets(data)
    return masked


COMMAND = Command(
    name="config",
    summary="print the composed balancer, secrets masked",
    help="Everything is resolved. `--cfg job` prints the whole composed config instead, interpolations as written.",
    example="config env=prod",
    answer=lambda request: _masked(request.composed.data),
)
WHOLE = Command(
    name="--cfg job",
    summary="print the whole composed config, secrets masked",
    help="",
    example="--cfg job",
    answer=lambda request: _masked(request.composed.written),
)
