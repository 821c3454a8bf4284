"""The viewer's app on Airflow 3, behind its login."""
# Without `from __future__ import annotations`: FastAPI evaluates the annotations.

from collections.abc import Collection
from urllib.parse import urlencode

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_view
from fastapi import Request

from . import URL_PREFIX
from .app import create_app
from .synced import synced_viewer


def readable_dags(user: GetUserDep) -> Collection[str]:
    """Return the DAGs that the user may read."""
    dags: Collection[str] = get_auth_manager().get_authorized_dag_ids(user=user)
    return dags


def login(request: Request) -> str:
    """Return the address of Airflow's login, which redirects back to the page."""
    page = f"{request.scope.get('root_path', '')}/"
    return f"{page.removesuffix(f'{URL_PREFIX}/')}/api/v2/auth/login?{urlencode({'next': page})}"


app = create_app(synced_viewer(), [requires_access_view(AccessView.WEBSITE)], readable_dags, login)
