"""A fuzz of the API from its own document: no answer is a failure, and each is as documented."""

from __future__ import annotations

import pytest
import yaml

from airflow_balancer.fleet.fleet import FLEET_KEYS

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from schemathesis.checks import negative_data_rejection, positive_data_acceptance  # noqa: E402

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
FEW = settings(max_examples=settings.default.max_examples * 2 // 5, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@schema.parametrize()
@pytest.mark.parametrize("identity", ["", IDENTITY], ids=["any configuration", "one that there is"])
@FEW
def test_any_request_is_answered_as_documented(case, identity) -> None:
    replaced = bool(identity) and "configuration" in case.query
    if replaced:
        case.query["configuration"] = identity
    case.call_and_validate(excluded_checks=[negative_data_rejection, positive_data_acceptance] if replaced else None)


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


@FEW
@given(values=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_any_configuration_is_shown_or_refused(tmp_path_factory, values) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "a.yaml").write_text(yaml.safe_dump(values))
    viewer = Api(folder, "a.yaml")
    for path in ("fleet", "query", "compare"):
        assert viewer.of(path, "a.yaml").status_code in (200, 400)
