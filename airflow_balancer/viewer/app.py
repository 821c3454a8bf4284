"""The FastAPI app: the page, its API and the API's OpenAPI document, all behind the same guards."""
# Without `from __future__ import annotations`: FastAPI evaluates the endpoints' annotations.

import json
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from .. import __version__
from .models.requests import ErrorAnswer
from .service import HEADERS, ROUTES, Reply, Viewer, content_reply, error_reply, failure_reply, invalid_reply

_ERRORS: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not changed since the answer with this ETag"},
    400: {"model": ErrorAnswer, "description": "The configuration is wrong, or nothing matches"},
    404: {"model": ErrorAnswer, "description": "There is no such configuration or environment"},
    422: {"model": ErrorAnswer, "description": "The query is wrong"},
}
_FOUND, _UNAUTHORIZED = 302, 401
Readable = Callable[..., Collection[str] | None]


def _everything() -> None:
    """Let the user read all DAGs."""


def create_app(
    viewer: Viewer,
    guards: Sequence[Callable[..., Any]] = (),
    readable: Readable = _everything,
    login: Callable[[Request], str] | None = None,
) -> FastAPI:
    """Return the app of a viewer.

    Args:
        viewer: Answers the requests.
        guards: FastAPI dependencies of every route.
        readable: A FastAPI dependency that returns the DAGs that the user may read, or None for all.
        login: Returns the address of the login, to redirect browsers of users who are not logged in.
    """
    # FastAPI's own routes for the document and its pages would bypass the guards.
    app = FastAPI(
        title="airflow-balancer",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(guard) for guard in guards],
    )
    _handle_errors(app, login)
    for name, route in ROUTES.items():
        endpoint = _endpoint(viewer, name, readable)
        summary = (route.call.__doc__ or "").partition("\n")[0]
        app.get(f"/api/{name}", response_model=route.answer, responses=_ERRORS, summary=summary, name=name)(endpoint)
    _serve_page(app, viewer)
    return app


def _serve_page(app: FastAPI, viewer: Viewer) -> None:
    # Build the document on demand: it costs more than the rest of the app, and is rarely requested.
    @cache
    def document() -> bytes:
        return json.dumps(get_openapi(title=app.title, version=app.version, routes=app.routes)).encode()

    @app.get("/api/openapi.json", include_in_schema=False)
    def openapi(if_none_match: Annotated[str, Header()] = "") -> Response:
        return _response(content_reply(document(), "application/json", if_none_match))

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str, if_none_match: Annotated[str, Header()] = "") -> Response:
        return _response(viewer.page(path, if_none_match))


def _endpoint(viewer: Viewer, name: str, readable: Readable) -> Callable[..., Response]:
    def endpoint(query: Any, dags: Any, if_none_match: str = "") -> Response:
        return _response(viewer.api(name, query, if_none_match, dags))

    endpoint.__annotations__ = {
        "query": Annotated[ROUTES[name].query, Query()],
        "dags": Annotated[Any, Depends(readable if ROUTES[name].of_dags else _everything)],
        "if_none_match": Annotated[str, Header(include_in_schema=False)],
        "return": Response,
    }
    return endpoint


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers))


def _handle_errors(app: FastAPI, login: Callable[[Request], str] | None) -> None:
    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        if login and error.status_code == _UNAUTHORIZED and "text/html" in request.headers.get("accept", ""):
            return Response(status_code=_FOUND, headers={**HEADERS, "Location": login(request)})
        return _response(error_reply(error.status_code, str(error.detail), headers=error.headers))

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> Response:
        return _response(invalid_reply(error.errors()))

    @app.exception_handler(Exception)
    def failed(_: Request, error: Exception) -> Response:
        return _response(failure_reply(error))
