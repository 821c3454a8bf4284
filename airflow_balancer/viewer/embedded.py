"""The pages that Airflow mounts. A failure here never stops a web server."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from . import URL_PREFIX

NAME = "Balancer"


def fastapi_apps() -> list[dict[str, Any]]:
    """Return the app for Airflow 3 to mount; an empty list on Airflow 2, or if the app cannot be created."""

    def apps() -> list[dict[str, Any]]:
        from .airflow3 import app

        return [{"app": app, "url_prefix": URL_PREFIX, "name": NAME}]

    return _harmless(apps, of=3)


def external_views() -> list[dict[str, Any]]:
    """Return the entry of Airflow 3's navigation; an empty list without an app behind it."""

    def views() -> list[dict[str, Any]]:
        from . import airflow3 as viewer3  # noqa: F401

        # A relative link also works below a base_url with a path.
        href, icon = f"{URL_PREFIX.strip('/')}/", f"{URL_PREFIX.strip('/')}/icon.svg"
        return [{"name": NAME, "href": href, "url_route": "balancer", "icon": icon, "category": "browse", "destination": "nav"}]

    return _harmless(views, of=3)


def flask_views() -> list[dict[str, Any]]:
    """Return the view for Airflow 2's web server; an empty list on Airflow 3."""

    def views() -> list[dict[str, Any]]:
        from .airflow2 import BalancerView

        return [{"name": NAME, "category": "Browse", "view": BalancerView()}]

    return _harmless(views, of=2)


def _harmless(make: Callable[[], list[dict[str, Any]]], *, of: int) -> list[dict[str, Any]]:
    try:
        from airflow import __version__

        return make() if int(__version__.partition(".")[0]) == of else []
    except Exception:  # the web server must start without the page
        logging.getLogger("airflow_balancer").exception("airflow-balancer: the viewer cannot be shown")
        return []
