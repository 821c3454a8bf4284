"""This package's entry in Airflow's list of providers: its name, and the options of its section in airflow.cfg."""

from __future__ import annotations

from typing import Any

from .options import OPTIONS


def get_provider_info() -> dict[str, Any]:
    """Return the provider info for the entry point `apache_airflow_provider`."""
    # Without defaults: Airflow 3 would return them instead of a fallback.
    declared = {"version_added": "0.8.0", "type": "string", "default": None}
    return {
        "package-name": "airflow-balancer",
        "name": "Airflow Balancer",
        "description": "Fleets of hosts and ports in YAML, composed by Hydra, balanced for Apache Airflow.",
        "config": {
            "balancer": {
                "description": "The configurations whose hosts and ports get pools, and the Airflow that holds these pools.",
                "options": {key: {**declared, **option} for key, option in OPTIONS.items()},
            }
        },
    }
