"""The plugin that Airflow loads. It costs nothing before Airflow calls a listener, or a web server requests the pages."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from .airflow import listener


class AirflowBalancerPlugin(AirflowPlugin):
    """Keeps Airflow's pools and connections in step with the configurations, and adds the viewer."""

    name = "airflow_balancer"
    listeners: ClassVar[list[Any]] = [listener]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The viewer for Airflow 3."""
        from .viewer.embedded import fastapi_apps

        return fastapi_apps()

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:
        """The viewer's entry in Airflow 3's navigation."""
        from .viewer.embedded import external_views

        return external_views()

    @cached_property
    def appbuilder_views(self) -> list[dict[str, Any]]:
        """The viewer for Airflow 2."""
        from .viewer.embedded import flask_views

        return flask_views()
