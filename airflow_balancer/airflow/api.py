"""Reads Airflow and applies plans through its REST API, version 2, where the metadata database is out of reach."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from ..errors import UnavailableError, listing
from ..fleet.fleet import Fleet
from ..fleet.masking import mask, mask_text, secrets_of
from ..fleet.pools import PoolSlots
from .connections import Plans, SshConnection, is_ours, plan_connections, variable_keys, wanted_connections
from .pools import (
    COUNTED_STATES,
    UNFINISHED_STATES,
    Plan,
    PoolOccupancy,
    WantedPool,
    limit_of,
    plan_pools,
    spare_used,
    task_name,
    wanted_pools,
)
from .teams import name_teams, without_teams

T = TypeVar("T")
_PAGE = 100
"""The most items in one answer, unless Airflow's maximum_page_limit is raised."""
_CHUNK = 500
_NAMES = 25
"""The most pools that one request names: a name has up to 256 characters, a URL some thousands."""
_HIDDEN = "***"


class ApiError(UnavailableError):
    """Airflow's API server is unreachable, or refuses a request."""


class RestApi:
    """A session with an Airflow API server; use it as a context manager.

    Args:
        url: The server's address, such as `https://airflow.example.org/prefix`.
        username: The user to log in as; without one, the server must allow anonymous users.
        password: The user's password.
        token: A token to use instead of logging in.
        seconds: The timeout of each step of a request: connecting, sending, each part of the answer.
        transport: Carries the requests instead of the network, in tests.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        seconds: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._shown = mask_text(self._url)
        self._secrets = secrets_of({"password": password, "token": token}, url)
        self._login = {"username": username, "password": password} if username else None
        self._token = token
        try:
            self._client = httpx.Client(base_url=f"{self._url}/", timeout=seconds, transport=transport)
        except httpx.InvalidURL as error:
            raise ApiError(
                f"{self._shown}: is not a valid address ({mask_text(str(error), self._secrets)}); check [balancer] api_url"
            ) from None

    def __repr__(self) -> str:
        return f"RestApi({self._shown!r})"

    def __enter__(self) -> RestApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def read_pools(self) -> list[PoolSlots]:
        """Return the pools that the user may read."""
        return self._read("pools", _pool_slots)

    def read_occupancy(self) -> dict[str, PoolOccupancy]:
        """Return the occupancy of the pools that the user may read, by name."""
        return dict(self._read("pools", _occupancy))

    def plan(self, fleets: Mapping[str, Fleet]) -> Plans:
        """Return the plans that `apply` would carry out."""
        return Plans(self.plan_pools(wanted_pools(fleets)), self.plan_connections(self._wanted_connections(fleets)))

    def apply(self, fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
        """Bring pools and connections to what the `fleets` want; with `prune`, delete orphans."""
        pools, connections = wanted_pools(fleets), self._wanted_connections(fleets)
        return Plans(self.apply_pools(pools, prune=prune), self.apply_connections(connections, prune=prune))

    def _wanted_connections(self, fleets: Mapping[str, Fleet]) -> dict[str, SshConnection]:
        return wanted_connections(fleets, self.read_variables(variable_keys(fleets)))

    def read_connections(self) -> list[SshConnection]:
        """Return the connections that the user may read, without passwords, which the server hides."""
        return self._read("connections", _connection)

    def read_variables(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the values of the Variables with these `keys`; missing and hidden ones are left out."""
        answers = {key: self._request("GET", f"variables/{quote(key, safe='')}", missing=True) for key in sorted(keys)}
        return {key: answer["value"] for key, answer in answers.items() if answer and answer["value"] != _HIDDEN}

    def plan_pools(self, wanted: Mapping[str, WantedPool]) -> Plan[PoolSlots]:
        """Return the plan that `apply_pools` would carry out. It does not check whether orphaned pools are in use."""
        pools = self._read("pools", lambda item: (_pool_slots(item), "team_name" in item))
        wanted, warnings = without_teams(wanted) if name_teams(wanted) and not all(teams for _, teams in pools) else (wanted, ())
        return replace(plan_pools(wanted, [pool for pool, _ in pools]), warnings=warnings)

    def read_users(self, pools: Sequence[str]) -> dict[str, list[str]]:
        """Return the unfinished tasks in each pool, including tasks of ended runs that never began."""
        users: dict[str, set[str]] = {}
        for start in range(0, len(pools), _NAMES):
            filters = {"pool": pools[start : start + _NAMES], "state": [*UNFINISHED_STATES, "none"]}
            for item in self._all("dags/~/dagRuns/~/taskInstances", "task_instances", **filters):
                users.setdefault(item["pool"], set()).add(task_name(item["dag_id"], item["task_id"], item["map_index"]))
        return {pool: sorted(tasks) for pool, tasks in users.items()}

    def apply_pools(self, wanted: Mapping[str, WantedPool], *, prune: bool = False) -> Plan[PoolSlots]:
        """Bring Airflow's pools to what is `wanted`, and return the plan carried out.

        Raises:
            ApiError: The server refuses a request; earlier requests stay applied.
        """
        plan = self.plan_pools(wanted)
        if prune:
            plan = spare_used(plan, self.read_users([pool.name for pool in plan.orphaned]))
        try:
            self._bulk("pools", "create", [_pool_body(pool, wanted) for pool in plan.create], action_on_existence="skip")
            self._bulk("pools", "update", [_pool_body(change.after, wanted) for change in plan.update])
        except ApiError as error:
            if not (teams := {want.pool.team for want in wanted.values() if want.pool.team}):
                raise
            raise ApiError(f"{error}; create any of these teams that is missing there: {listing(teams)}") from None
        if prune:
            self._bulk("pools", "delete", [pool.name for pool in plan.orphaned], action_on_non_existence="skip")
        return plan

    def plan_connections(self, wanted: Mapping[str, SshConnection]) -> Plan[SshConnection]:
        """Return the plan that `apply_connections` would carry out. It ignores passwords, which the server hides."""
        current = [item._replace(password=wanted[item.name].password) if item.name in wanted else item for item in self.read_connections()]
        return plan_connections(wanted, current)

    def apply_connections(self, wanted: Mapping[str, SshConnection], *, prune: bool = False) -> Plan[SshConnection]:
        """Bring Airflow's connections to what is `wanted`, as `apply_pools` does; rewrite passwords each time."""
        plan = self.plan_connections(wanted)
        unchanged = [item for item in plan.unchanged if is_ours(item) and item.password]
        written = [*plan.create, *(change.after for change in plan.update), *unchanged]
        self._bulk("connections", "create", [_connection_body(item) for item in written], action_on_existence="overwrite")
        if prune:
            self._bulk("connections", "delete", [item.name for item in plan.orphaned], action_on_non_existence="skip")
        return plan

    def _read(self, kind: str, build: Callable[[dict[str, Any]], T]) -> list[T]:
        try:
            return [build(item) for item in self._all(kind, kind)]
        except (KeyError, TypeError) as error:
            raise ApiError(f"{self._shown}: its {kind} lack {error}, so it is no API server of Airflow 3") from None

    def _all(self, path: str, kind: str, **filters: Any) -> Iterator[dict[str, Any]]:
        offset, total = 0, 1
        while offset < total:
            page = self._request("GET", path, params={"limit": _PAGE, "offset": offset, "order_by": "id", **filters})
            items = page[kind]
            yield from items
            offset, total = offset + len(items), page["total_entries"] if items else 0

    def _bulk(self, kind: str, action: str, entities: Sequence[Any], **more: str) -> None:
        for start in range(0, len(entities), _CHUNK):
            body = {"actions": [{"action": action, "entities": entities[start : start + _CHUNK], **more}]}
            answer = self._request("PATCH", kind, json=body)
            if errors := (answer.get(action) or {}).get("errors"):
                raise ApiError(f"{self._shown}: cannot {action} {kind}: {self._masked(errors[0].get('error', errors[0]), entities)}")

    def _request(self, method: str, path: str, *, missing: bool = False, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token or self._log_in()}"}
        response = self._send(lambda: self._client.request(method, f"api/v2/{path}", headers=headers, **more))
        if missing and response.status_code == httpx.codes.NOT_FOUND:
            return None
        return self._answer(response, f"{method} {path}")

    def _log_in(self) -> str:
        # GET returns a token only if the server allows anonymous users.
        response = self._send(lambda: self._client.request("POST" if self._login else "GET", "auth/token", json=self._login))
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            user = f"user {self._login['username']!r}" if self._login else "an anonymous user (no username is given)"
            raise ApiError(f"{self._shown}: {user} may not log in; check [balancer] api_username and api_password")
        self._token = str(self._answer(response, "login")["access_token"])
        return self._token

    def _send(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            return send()
        except httpx.HTTPError as error:
            text = mask_text(f"{type(error).__name__}: {error}", self._secrets)
            raise ApiError(f"{self._shown}: cannot be reached ({text}); check [balancer] api_url") from None

    def _answer(self, response: httpx.Response, what: str) -> Any:
        try:
            data = response.json()
        except ValueError:
            data = None
        if response.is_success and isinstance(data, dict):
            return data
        detail = _detail(data.get("detail")) if isinstance(data, dict) else "no Airflow 3 API server answers there"
        raise ApiError(f"{self._shown}: {what}: {response.status_code} {response.reason_phrase}: {self._masked(detail)}")

    def _masked(self, answer: Any, sent: Sequence[Any] = ()) -> str:
        """Return a server's message without secrets, including those in what was `sent`: the server may quote it."""
        extras = [json.loads(item["extra"] or "{}") for item in sent if isinstance(item, Mapping) and "extra" in item]
        secrets = {*self._secrets, *secrets_of(sent, *extras)}
        return mask_text(str(mask(answer, secrets)), secrets)


def _detail(detail: Any) -> Any:
    """Return the messages in an error's detail, without the input that FastAPI repeats in it."""
    if isinstance(detail, list) and all(isinstance(item, dict) and "msg" in item for item in detail):
        return "; ".join(dict.fromkeys(str(item["msg"]) for item in detail))
    return detail


def _pool_slots(item: Mapping[str, Any]) -> PoolSlots:
    return PoolSlots(item["name"], item["slots"], item["description"] or "", item["include_deferred"], item.get("team_name"))


def _pool_body(pool: PoolSlots, wanted: Mapping[str, WantedPool]) -> dict[str, Any]:
    """Return a pool as the server expects it. Without multi_team it refuses any team; a team that is left out stays."""
    body = pool._asdict()
    team = body.pop("team")
    return {**body, "team_name": team} if team and wanted[pool.name].pool.team else body


def _occupancy(item: Mapping[str, Any]) -> tuple[str, PoolOccupancy]:
    by_state = {state: item[f"{state}_slots"] for state in COUNTED_STATES}
    return item["name"], PoolOccupancy(limit_of(item["slots"]), **by_state, taken=item["occupied_slots"])


def _connection_body(item: SshConnection) -> dict[str, Any]:
    keys = ("conn_type", "description", "host", "login", "password", "port", "extra")
    return {"connection_id": item.name, **{key: getattr(item, key) for key in keys}}


def _connection(item: dict[str, Any]) -> SshConnection:
    name, host, login, port, kind = (item[key] for key in ("connection_id", "host", "login", "port", "conn_type"))
    extra = json.dumps(json.loads(item["extra"] or "{}"), sort_keys=True)
    return SshConnection(name, host, login, None, port, extra, item["description"] or "", kind)
