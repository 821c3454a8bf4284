"""The plugin that Airflow loads; it costs nothing until a listener is called."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from . import listener

__all__ = ("AirflowBalancerPlugin",)


class AirflowBalancerPlugin(AirflowPlugin):
    """Keeps Airflow's pools and connections as the configurations want them."""

    name = "airflow_balancer"
    listeners: ClassVar[list[Any]] = [listener]
