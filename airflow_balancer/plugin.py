"""The plugin that Airflow loads; it costs nothing until a listener is called, or a web server asks for its pages."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from .airflow import listener


class AirflowBalancerPlugin(AirflowPlugin):
    """Keeps Airflow's pools and connections as the configurations want them, and shows them."""

    name = "airflow_balancer"
    listeners: ClassVar[list[Any]] = [listener]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The viewer of Airflow 3."""
        from .viewer.embedded import fastapi_apps

        return fastapi_apps()

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:
        """Its entry in the navigation."""
        from .viewer.embedded import external_views

        return external_views()

    @cached_property
    def appbuilder_views(self) -> list[dict[str, Any]]:
        """The viewer of Airflow 2."""
        from .viewer.embedded import flask_views

        return flask_views()
