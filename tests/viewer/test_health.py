"""The health of hosts, from attempts in their pools."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_balancer.airflow.attempts import Attempt
from airflow_balancer.viewer.health import health_of

SINCE = datetime(2026, 11, 24, 12, tzinfo=UTC)


def attempt(hour: float, state: str | None, pool: str = "host1", *, wait: float | None = None, unreachable: bool | None = False) -> Attempt:
    start = SINCE + timedelta(hours=hour)
    return Attempt(pool, state, start, start + timedelta(minutes=1) if state in ("success", "failed") else None, wait, unreachable)


def at(hour: int, number: int = 1) -> list[int]:
    return [number if place == hour else 0 for place in range(24)]


def shown(*attempts: Attempt) -> dict[str, Any]:
    return {pool: row.model_dump() for pool, row in health_of(attempts, ["host1"], SINCE).items()}


def test_failures_since_the_last_success_are_told_apart() -> None:
    given = [attempt(3, "failed"), attempt(5, "success", wait=2), attempt(7, "failed", unreachable=True), attempt(23.9, "running", wait=5)]
    assert shown(*given) == {
        "host1": {
            "attempts": 4,
            "failures": 2,
            "unreachable": 1,
            "failing": 1,
            "last_success": SINCE + timedelta(hours=5, minutes=1),
            "wait": 3.5,
            "hourly_attempts": [sum(pair) for pair in zip(at(3), at(5), at(7), at(23), strict=True)],
            "hourly_failures": [sum(pair) for pair in zip(at(3), at(7), strict=True)],
        }
    }


def test_what_airflow_does_not_know_is_not_zero() -> None:
    row = shown(attempt(1, "up_for_retry", unreachable=None))["host1"]
    assert (row["failures"], row["failing"], row["unreachable"], row["wait"], row["last_success"]) == (1, 1, None, None, None)


def test_pools_of_others_are_left_out() -> None:
    assert shown(attempt(1, "success", pool="elsewhere")) == {}


def test_moments_without_a_time_zone_are_utc() -> None:
    given = [attempt(3, "failed"), attempt(5, "success", wait=2), attempt(23.9, "running")]
    plain = [one._replace(start=one.start.replace(tzinfo=None), end=one.end and one.end.replace(tzinfo=None)) for one in given]
    assert shown(*plain) == shown(*given)
