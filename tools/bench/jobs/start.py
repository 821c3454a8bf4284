"""What a new process pays: each job is the first of its process, and returns one sample."""

from __future__ import annotations

import time
from contextlib import suppress

from ..worker import Setting

__all__ = ("import_package", "load_after_both", "load_after_sdk")


def import_package(setting: Setting) -> list[float]:  # noqa: ARG001
    """Seconds of `import airflow_balancer`."""
    start = time.perf_counter()
    import airflow_balancer  # noqa: F401

    return [time.perf_counter() - start]


def load_after_sdk(setting: Setting) -> list[float]:
    """Seconds to import and load, with Airflow's SDK loaded."""
    import airflow.sdk  # noqa: F401

    return _load(setting)


def load_after_both(setting: Setting) -> list[float]:
    """Seconds to import and load, with Airflow's SDK and airflow-pydantic loaded."""
    import airflow.sdk
    import airflow_pydantic

    # Some of both is loaded when it is first used.
    with suppress(ImportError):
        airflow_pydantic.__version__, airflow.sdk.DAG  # noqa: B018
    return _load(setting)


def _load(setting: Setting) -> list[float]:
    start = time.perf_counter()
    from airflow_balancer import BalancerConfiguration

    BalancerConfiguration.load_path(setting.folder / "plain" / "fleet.yaml")
    return [time.perf_counter() - start]
