"""A fuzz of the API from its own document: no answer is a failure, and each is as documented."""

from __future__ import annotations

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from hypothesis import HealthCheck, settings  # noqa: E402

from .conftest import REPOSITORY, Api  # noqa: E402

API = Api(REPOSITORY / "conf", "config.yaml")
IDENTITY = API.ids()["config.yaml"]
schema = schemathesis.openapi.from_asgi("/api/openapi.json", API.app)
FEW = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@schema.parametrize()
@FEW
def test_any_request_is_answered_as_documented(case) -> None:
    case.call_and_validate()


@schema.parametrize()
@FEW
def test_any_request_on_a_configuration_is_answered_as_documented(case) -> None:
    if "configuration" in case.query:
        case.query["configuration"] = IDENTITY
    answer = case.call()
    assert answer.status_code < 500
    assert answer.status_code in (200, 400, 404, 405, 422)
    assert set(answer.json()) == {"error"} or answer.status_code == 200
