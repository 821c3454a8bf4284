"""`airflow-balancer config`, and `--cfg job`: what was composed, secrets masked."""

from __future__ import annotations

from typing import Any

from .command import Command, Report, Request


def _answer(request: Request) -> Report:
    from ..fleet.masking import mask_secrets

    masked: dict[str, Any] = mask_secrets(request.composed.data)
    return masked


def _answer_whole(request: Request) -> Report:
    from ..fleet.masking import mask_secrets

    masked: dict[str, Any] = mask_secrets(request.composed.written)
    return masked


COMMAND = Command(
    name="config",
    summary="print the composed balancer, secrets masked",
    help="Everything is resolved. `--cfg job` prints the whole composed config instead, interpolations as written.",
    example="config env=prod",
    answer=_answer,
)
WHOLE = Command("--cfg job", "print the whole composed config, secrets masked", "", "--cfg job", _answer_whole)
