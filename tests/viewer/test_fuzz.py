"""A fuzz of the API from its own document: no answer is a failure, and each is as documented."""

from __future__ import annotations

import pytest
import yaml

from airflow_balancer.fleet.fleet import FLEET_KEYS

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from tests.viewer.conftest import REPOSITORY, Api  # noqa: E402

API = Api(REPOSITORY / "conf", "config.yaml")
IDENTITY = API.ids()["config.yaml"]
schema = schemathesis.openapi.from_asgi("/api/openapi.json", API.app)
KEYS = (
    *FLEET_KEYS,
    "_target_",
    "defaults",
    "hydra",
    "balancer",
    "extensions",
    "name",
    "host",
    "port",
    "size",
    "queues",
    "pool",
    "password",
)
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


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["${", "${a}", "${balancer.name:}", "???", "host1"]),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4) | st.integers(), below, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(values=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_any_configuration_is_shown_or_refused(tmp_path_factory, values) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "a.yaml").write_text(yaml.safe_dump(values))
    viewer = Api(folder, "a.yaml")
    for path in ("fleet", "query", "compare"):
        assert viewer.of(path, "a.yaml").status_code in (200, 400)
