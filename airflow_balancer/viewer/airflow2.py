"""The viewer on Airflow 2: the same page and API through Flask, behind Airflow's login. It does not need FastAPI."""

from __future__ import annotations

from typing import Any

from airflow.auth.managers.models.resource_details import AccessView
from airflow.www.auth import has_access_view
from airflow.www.extensions.init_auth_manager import get_auth_manager
from flask import Response, request
from flask_appbuilder import BaseView, expose

from . import URL_PREFIX
from .service import ROUTES, Reply, error_reply
from .synced import synced_viewer

_viewer = synced_viewer()


class BalancerView(BaseView):
    """The page, its files and its API."""

    route_base = URL_PREFIX
    default_view = "index"

    @expose("/")
    @has_access_view(AccessView.WEBSITE)
    def index(self) -> Response:
        """Return the page, or redirect to the login."""
        return _response(_viewer.page("", _match()))

    @expose("/<path:path>")
    def file(self, path: str) -> Response:
        """Return a file of the page."""
        return _response(_refusal() or _viewer.page(path, _match()))

    @expose("/api/<string:name>")
    def api(self, name: str) -> Response:
        """Return an answer of the API."""
        if refused := _refusal():
            return _response(refused)
        readable = get_auth_manager().get_permitted_dag_ids() if name in ROUTES and ROUTES[name].of_dags else None
        return _response(_viewer.api_of(name, _given(name), _match(), readable))


def _refusal() -> Reply | None:
    manager = get_auth_manager()
    if not manager.is_logged_in():
        return error_reply(401, "log in to Airflow")
    if not manager.is_authorized_view(access_view=AccessView.WEBSITE):
        return error_reply(403, "you may not see Airflow's website")
    return None


def _match() -> str:
    return str(request.headers.get("If-None-Match", ""))


def _given(name: str) -> dict[str, Any]:
    """Return the query's values as the API's model expects them: a list for a list field, else the last value."""
    fields = ROUTES[name].query.model_fields if name in ROUTES else {}
    lists = {key for key, field in fields.items() if field.default_factory is list}
    return {key: values if key in lists else values[-1] for key, values in request.args.to_dict(flat=False).items()}


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers))
