"""`airflow-balancer config` and `--cfg job`: print what was composed, with secrets masked."""

from __future__ import annotations

from .command import Command

COMMAND = Command(
    name="config",
    summary="print the composed balancer, secrets masked",
    help="Everything is resolved. `--cfg job` prints the whole composed config instead, interpolations as written.",
    example="config env=prod",
    answer=lambda request: request.composed.data,
)
WHOLE = Command(
    name="--cfg job",
    summary="print the whole composed config, secrets masked",
    help="",
    example="--cfg job",
    answer=lambda request: request.composed.written,
)
