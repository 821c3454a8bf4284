"""Answers requests of any web framework with status, headers and body; handles ETags, and gives all errors one format."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from ..errors import BalancerError, ConfigurationError, NoMatch
from ..fleet.masking import mask_error, needs_no_mask
from . import answers
from .assignments import assignments
from .catalogue import Catalogue, UnknownError
from .health import health
from .models.airflow import AssignmentsAnswer, HealthAnswer, MovedAnswer, OccupancyAnswer, PoolsAnswer
from .models.fleet import CompareAnswer, ConfigurationsAnswer, FleetAnswer, OverviewAnswer
from .models.picks import PickedAnswer, PicksAnswer, WhatIfAnswer
from .models.requests import CompareQuery, ConfigurationQuery, ErrorAnswer, ErrorDetail, NoQuery, PickQuery, WhatIfQuery
from .moved import moved
from .opened import Opened
from .picks import picks
from .pools import occupancy, pools
from .query import pick
from .whatif import whatif

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}

log = logging.getLogger("airflow_balancer")
_MOST_KEPT = 32
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
"""The headers of every answer."""


class Reply(NamedTuple):
    """An answer to a request."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Route(NamedTuple):
    """A route of the API below `api/`. With `of_dags` the answer names DAGs, and `call` takes those that the user may read."""

    query: type[BaseModel]
    answer: type[BaseModel]
    call: Callable[..., BaseModel]
    of_dags: bool = False


ROUTES = {
    "configurations": Route(NoQuery, ConfigurationsAnswer, answers.configurations),
    "overview": Route(NoQuery, OverviewAnswer, answers.overview),
    "fleet": Route(ConfigurationQuery, FleetAnswer, answers.fleet),
    "pools": Route(ConfigurationQuery, PoolsAnswer, pools),
    "occupancy": Route(NoQuery, OccupancyAnswer, occupancy),
    "health": Route(ConfigurationQuery, HealthAnswer, health),
    "assignments": Route(ConfigurationQuery, AssignmentsAnswer, assignments, of_dags=True),
    "moved": Route(ConfigurationQuery, MovedAnswer, moved, of_dags=True),
    "picks": Route(ConfigurationQuery, PicksAnswer, picks),
    "query": Route(PickQuery, PickedAnswer, pick),
    "whatif": Route(WhatIfQuery, WhatIfAnswer, whatif, of_dags=True),
    "compare": Route(CompareQuery, CompareAnswer, answers.compare),
}
_KEPT = {"fleet": ("environment",), "compare": ("left", "right")}


class Viewer:
    """The page and its API over the configurations of a catalogue; thread-safe."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._files = {path.relative_to(_STATIC).as_posix(): path for path in _STATIC.rglob("*") if path.is_file()}
        self._kept: OrderedDict[tuple[str, str], tuple[list[Opened], Reply]] = OrderedDict()
        self._lock = Lock()

    def page(self, path: str, match: str = "") -> Reply:
        """Return a file of the page: `index.html` for an empty path."""
        file = self._files.get(path or "index.html")
        if file is None:
            return error_reply(404, "there is no such page")
        return content_reply(file.read_bytes(), _TYPES.get(file.suffix, "text/plain; charset=utf-8"), match)

    def api(self, name: str, query: BaseModel, match: str = "", readable: Collection[str] | None = None) -> Reply:
        """Return the answer of one of the ROUTES, or an error; never raise.

        `match` is the request's If-None-Match header; `readable` the DAGs that the user may read, or None for all.
        """
        try:
            return _conditional(self._answer(name, query, readable), match)
        except UnknownError as error:
            return error_reply(404, str(error))
        except ConfigurationError as error:
            return error_reply(400, str(error), [str(problem) for problem in error.problems])
        except BalancerError as error:
            return error_reply(400, str(error), left_out=error.left_out if isinstance(error, NoMatch) else None)
        except Exception as error:
            return failure_reply(error)

    def api_of(self, name: str, given: Mapping[str, Any], match: str = "", readable: Collection[str] | None = None) -> Reply:
        """Validate a query, then answer it as `api` does."""
        route = ROUTES.get(name)
        if route is None:
            return error_reply(404, "there is no such page")
        try:
            return self.api(name, route.query.model_validate(given), match, readable)
        except ValidationError as error:
            return invalid_reply(error.errors(include_url=False, include_input=False, include_context=False))

    def _answer(self, name: str, query: BaseModel, readable: Collection[str] | None) -> Reply:
        opened = self._opened(name, query)
        if name not in _KEPT:
            more = {"readable": readable} if ROUTES[name].of_dags else {}
            return self._build(name, query, opened, **more)
        key = (name, query.model_dump_json())
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or any(one is not other for one, other in zip(kept[0], opened, strict=True)):
            kept = (opened, self._build(name, query, ()))
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return kept[1]

    def _opened(self, name: str, query: BaseModel) -> list[Opened]:
        """Return the configuration that a query names, in one environment or two; an empty list if it names no configuration."""
        given = query.model_dump()
        sides = _KEPT.get(name, ("environment",)) if "configuration" in given else ()
        return [self._catalogue.open(given["configuration"], given[side]) for side in sides]

    def _build(self, name: str, query: BaseModel, masks: Sequence[Opened], **more: Any) -> Reply:
        """Return the answer without the secrets of `masks`, which is empty for answers that mask themselves."""
        try:
            answer = ROUTES[name].call(self._catalogue, query, **more)
        except BalancerError as error:
            raise mask_error(error, {secret for opened in masks for secret in opened.secrets}) from None
        text = answer.model_dump_json()
        if not all(needs_no_mask(text, opened.secrets) for opened in masks):
            data = answer.model_dump(mode="json")
            for opened in masks:
                data = opened.masked(data)
            text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        return _reply(text.encode(), "application/json")


def content_reply(content: bytes, kind: str, match: str = "") -> Reply:
    """Return content, or status 304 if the request's If-None-Match header has its ETag."""
    return _conditional(_reply(content, kind), match)


def _reply(content: bytes, kind: str) -> Reply:
    tag = f'"{blake2b(content, digest_size=16).hexdigest()}"'
    return Reply(200, content, {**HEADERS, "Content-Type": kind, "ETag": tag})


def _conditional(reply: Reply, match: str) -> Reply:
    known = {tag.strip().removeprefix("W/") for tag in match.split(",")}
    if reply.headers["ETag"] not in known and "*" not in known:
        return reply
    return Reply(304, b"", {name: value for name, value in reply.headers.items() if name != "Content-Type"})


def error_reply(
    status: int,
    message: str,
    problems: Collection[str] | None = None,
    headers: Mapping[str, str] | None = None,
    left_out: Mapping[str, int] | None = None,
) -> Reply:
    """Return an error in the API's format."""
    detail = ErrorDetail(message=message, problems=list([message] if problems is None else problems), left_out=left_out or {})
    body = ErrorAnswer(error=detail).model_dump_json(exclude_defaults=True).encode()
    return Reply(status, body, {**HEADERS, "Content-Type": "application/json", **(headers or {})})


def invalid_reply(errors: Collection[Any]) -> Reply:
    """Return the error of an invalid query, from pydantic's errors."""
    problems = [f"{'.'.join(str(part) for part in error['loc'] if part != 'query')}: {error['msg']}" for error in errors]
    return error_reply(422, "; ".join(problems), problems)


def failure_reply(error: Exception) -> Reply:
    """Return an internal error, and log its class and place, but not its text, which may contain a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
    log.error("airflow-balancer: the viewer failed with %s at %s", type(error).__name__, place)
    return error_reply(500, "the viewer failed; the server's log says where")
