"""Airflow's REST API, version 2: reads and applies the same plans from a machine without the metadata database."""

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
"""The most items of one answer that Airflow gives, unless its maximum_page_limit is raised."""
_CHUNK = 500
_NAMES = 25
"""The most pools that one request names: a name has up to 256 characters, and an address some thousands."""
_HIDDEN = "***"


class ApiError(UnavailableError):
    """Airflow's API server cannot be reached, or refuses."""


class RestApi:
    """A session with an Airflow API server; use it as a context manager.

    Args:
        url: The server's address, such as `https://airflow.example.org/prefix`.
        username: The user to log in as; without it, the server must let everyone in.
        password: The user's.
        token: Replaces logging in.
        seconds: How long each step of a request may take: connecting, sending, each part of the answer.
        transport: What carries the requests, in place of the network.
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
        """Return all pools that the user may read."""
        return self._read("pools", _pool_slots)

    def read_occupancy(self) -> dict[str, PoolOccupancy]:
        """Return how full all pools are that the user may read, by their names."""
        return dict(self._read("pools", _occupancy))

    def plan(self, fleets: Mapping[str, Fleet]) -> Plans:
        """Return what `apply` would write."""
        return Plans(self.plan_pools(wanted_pools(fleets)), self.plan_connections(self._wanted_connections(fleets)))

    def apply(self, fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
        """Make pools and connections what the `fleets` want; with `prune`, delete those that they no longer want."""
        pools, connections = wanted_pools(fleets), self._wanted_connections(fleets)
        return Plans(self.apply_pools(pools, prune=prune), self.apply_connections(connections, prune=prune))

    def _wanted_connections(self, fleets: Mapping[str, Fleet]) -> dict[str, SshConnection]:
        return wanted_connections(fleets, self.read_variables(variable_keys(fleets)))

    def read_connections(self) -> list[SshConnection]:
        """Return all connections that the user may read, without their passwords: the server hides them."""
        return self._read("connections", _connection)

    def read_variables(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the values of those Variables of the `keys` that exist and that the server does not hide."""
        answers = {key: self._request("GET", f"variables/{quote(key, safe='')}", missing=True) for key in sorted(keys)}
        return {key: answer["value"] for key, answer in answers.items() if answer and answer["value"] != _HIDDEN}

    def plan_pools(self, wanted: Mapping[str, WantedPool]) -> Plan[PoolSlots]:
        """Return what `apply_pools` would write; which orphaned pools are in use is looked up only to prune them."""
        pools = self._read("pools", lambda item: (_pool_slots(item), "team_name" in item))
        wanted, warnings = without_teams(wanted) if name_teams(wanted) and not all(teams for _, teams in pools) else (wanted, ())
        return replace(plan_pools(wanted, [pool for pool, _ in pools]), warnings=warnings)

    def read_users(self, pools: Sequence[str]) -> dict[str, list[str]]:
        """Return the unfinished tasks of each of the pools, those of ended runs that never began included."""
        users: dict[str, set[str]] = {}
        for start in range(0, len(pools), _NAMES):
            filters = {"pool": pools[start : start + _NAMES], "state": [*UNFINISHED_STATES, "none"]}
            for item in self._all("dags/~/dagRuns/~/taskInstances", "task_instances", **filters):
                users.setdefault(item["pool"], set()).add(task_name(item["dag_id"], item["task_id"], item["map_index"]))
        return {pool: sorted(tasks) for pool, tasks in users.items()}

    def apply_pools(self, wanted: Mapping[str, WantedPool], *, prune: bool = False) -> Plan[PoolSlots]:
        """Make Airflow's pools what is `wanted`, and return the plan that was applied.

        Raises:
            ApiError: The server refuses; what it took before that stays.
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
            raise ApiError(f"{error}; create there what is missing of these teams: {listing(teams)}") from None
        if prune:
            self._bulk("pools", "delete", [pool.name for pool in plan.orphaned], action_on_non_existence="skip")
        return plan

    def plan_connections(self, wanted: Mapping[str, SshConnection]) -> Plan[SshConnection]:
        """Return what `apply_connections` would write, passwords left aside: they cannot be compared."""
        current = [item._replace(password=wanted[item.name].password) if item.name in wanted else item for item in self.read_connections()]
        return plan_connections(wanted, current)

    def apply_connections(self, wanted: Mapping[str, SshConnection], *, prune: bool = False) -> Plan[SshConnection]:
        """Make Airflow's connections what is `wanted`, as `apply_pools` does; passwords are written each time."""
        plan = self.plan_connections(wanted)
        unchanged = [item for item in plan.unchanged if is_ours(item) and item.password]
        written = [*plan.create, *(change.after for change in plan.update), *unchanged]
        self._bulk("connections", "create", [_body(item) for item in written], action_on_existence="overwrite")
        if prune:
            self._bulk("connections", "delete", [item.name for item in plan.orphaned], action_on_non_existence="skip")
        return plan

    def _read(self, kind: str, build: Callable[[dict[str, Any]], T]) -> list[T]:
        try:
            return [build(item) for item in self._all(kind, kind)]
        except (KeyError, TypeError) as error:
            raise ApiError(f"{self._shown}: its {kind} have no {error}, as those of an Airflow 3 have") from None

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
                raise ApiError(f"{self._shown}: cannot {action} {kind}: {self._told(errors[0].get('error', errors[0]), entities)}")

    def _request(self, method: str, path: str, *, missing: bool = False, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token or self._log_in()}"}
        response = self._send(lambda: self._client.request(method, f"api/v2/{path}", headers=headers, **more))
        if missing and response.status_code == httpx.codes.NOT_FOUND:
            return None
        return self._answer(response, f"{method} {path}")

    def _log_in(self) -> str:
        # Without a user only a server that lets everyone in gives a token.
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
        raise ApiError(f"{self._shown}: {what}: {response.status_code} {response.reason_phrase}: {self._told(detail)}")

    def _told(self, answer: Any, *sent: Any) -> str:
        """Return what the server says of what was sent to it, without the secrets in that."""
        secrets = {*self._secrets, *secrets_of(*sent, *(json.loads(item["extra"] or "{}") for item in _with_extra(sent)))}
        return mask_text(str(mask(answer, secrets)), secrets)


def _detail(detail: Any) -> Any:
    """Return what a server says is wrong, without what was sent to it."""
    if isinstance(detail, list) and all(isinstance(item, dict) and "msg" in item for item in detail):
        return "; ".join(dict.fromkeys(str(item["msg"]) for item in detail))
    return detail


def _with_extra(sent: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for entities in sent:
        yield from (item for item in entities if isinstance(item, Mapping) and "extra" in item)


def _pool_slots(item: Mapping[str, Any]) -> PoolSlots:
    return PoolSlots(item["name"], item["slots"], item["description"] or "", item["include_deferred"], item.get("team_name"))


def _pool_body(pool: PoolSlots, wanted: Mapping[str, WantedPool]) -> dict[str, Any]:
    """Return a pool as the server takes it, which refuses a team unless it runs with multi_team, and keeps one that is left out."""
    body = pool._asdict()
    team = body.pop("team")
    return {**body, "team_name": team} if team and wanted[pool.name].pool.team else body


def _occupancy(item: Mapping[str, Any]) -> tuple[str, PoolOccupancy]:
    by_state = {state: item[f"{state}_slots"] for state in COUNTED_STATES}
    return item["name"], PoolOccupancy(limit_of(item["slots"]), **by_state, taken=item["occupied_slots"])


def _body(item: SshConnection) -> dict[str, Any]:
    keys = ("conn_type", "description", "host", "login", "password", "port", "extra")
    return {"connection_id": item.name, **{key: getattr(item, key) for key in keys}}


def _connection(item: dict[str, Any]) -> SshConnection:
    name, host, login, port, kind = (item[key] for key in ("connection_id", "host", "login", "port", "conn_type"))
    extra = json.dumps(json.loads(item["extra"] or "{}"), sort_keys=True)
    return SshConnection(name, host, login, None, port, extra, item["description"] or "", kind)
