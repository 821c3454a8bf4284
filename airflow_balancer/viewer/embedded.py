"""The viewer within Airflow: over the configurations that this Airflow syncs; nothing here stops a web server."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogue import Places
    from .service import Viewer

__all__ = ("URL_PREFIX", "airflow_viewer", "external_views", "fastapi_apps", "flask_views")

NAME = "Balancer"
URL_PREFIX = "/airflow-balancer"
_HINT = (
    "There is no balancer's YAML in the DAGs folder or in a local DAG bundle. Put one there, such as "
    "balancer.yaml with hosts: [{name: host1, size: 8}], or name yours in [balancer] config_path."
)


def airflow_viewer() -> Viewer:
    """Return the viewer of this process."""
    from .catalogue import Catalogue
    from .service import Viewer

    return Viewer(Catalogue(_places, _without_code_of_dags))


def _without_code_of_dags() -> AbstractContextManager[None]:
    from ..airflow import versions
    from ..airflow.sync import without_code_of

    return without_code_of(versions.dag_folders())


def _places() -> Places:
    from ..airflow import versions
    from ..airflow.settings import read_settings
    from ..airflow.sources import named_source, watched_roots
    from ..files.locate import find_source
    from .catalogue import Places

    settings, folders = read_settings(versions.option), versions.dag_folders()
    named = named_source(settings, folders)
    source = find_source(named.path.absolute()) if named else None
    return Places(watched_roots(settings, folders), source, settings.overrides if named else (), _HINT)


def fastapi_apps() -> list[dict[str, Any]]:
    """Return what Airflow 3 mounts; nothing on Airflow 2, or where it cannot be made."""

    def apps() -> list[dict[str, Any]]:
        from .airflow3 import app

        return [{"app": app, "url_prefix": URL_PREFIX, "name": NAME}]

    return _harmless(apps, of=3)


def external_views() -> list[dict[str, Any]]:
    """Return the entry of Airflow 3's navigation; none where there is no app behind it."""

    def views() -> list[dict[str, Any]]:
        from . import airflow3 as viewer3  # noqa: F401

        # Relative, so that it works below a base_url with a path.
        href, icon = f"{URL_PREFIX.strip('/')}/", f"{URL_PREFIX.strip('/')}/icon.svg"
        return [{"name": NAME, "href": href, "url_route": "balancer", "icon": icon, "category": "browse", "destination": "nav"}]

    return _harmless(views, of=3)


def flask_views() -> list[dict[str, Any]]:
    """Return the view of Airflow 2's web server; nothing on Airflow 3."""

    def views() -> list[dict[str, Any]]:
        from .airflow2 import BalancerView

        return [{"name": NAME, "category": "Browse", "view": BalancerView()}]

    return _harmless(views, of=2)


def _harmless(make: Callable[[], list[dict[str, Any]]], *, of: int) -> list[dict[str, Any]]:
    try:
        from airflow import __version__

        return make() if int(__version__.partition(".")[0]) == of else []
    except Exception:  # the web server starts without the page
        logging.getLogger("airflow_balancer").exception("airflow-balancer: the viewer cannot be shown")
        return []
