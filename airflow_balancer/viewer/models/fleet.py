"""The API's answers from configurations alone."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from .picks import MoveRow


class ConfigurationRow(BaseModel):
    """A configuration that the viewer may open; `environment` is its default one."""

    id: str
    name: str
    environments: list[str]
    environment: str | None


class ConfigurationsAnswer(BaseModel):
    """All configurations and strategies; `hint` says what to do if there is no configuration."""

    configurations: list[ConfigurationRow]
    strategies: list[str]
    problems: list[str]
    hint: str


class OverviewRow(BaseModel):
    """A configuration in its default environment, or the `problem` that keeps it from being shown."""

    id: str
    name: str
    hosts: int = 0
    drained: int = 0
    slots: int = 0
    problem: str = ""


class OverviewAnswer(BaseModel):
    """An overview of all configurations."""

    configurations: list[OverviewRow]


class Summary(BaseModel):
    """The number of items of each kind; `addresses` counts the hosts with an address other than their name."""

    hosts: int
    slots: int
    ports: int
    pools: int
    queues: int
    problems: int
    addresses: int


class HostRow(BaseModel):
    """A host, with only the kind of its credential. `drain` may be the reason why it is drained; drained hosts are not picked."""

    name: str
    os: str | None
    queues: list[str]
    tags: list[str]
    size: int
    username: str | None
    drain: bool | str
    hold_slots: bool
    credential: str
    pool: str
    address: str


class PortRow(BaseModel):
    """A tracked port."""

    host: str
    port: int
    name: str
    pool: str
    tags: list[str]


class NamedPoolRow(BaseModel):
    """A pool that belongs to no host or port."""

    name: str
    slots: int
    description: str
    include_deferred: bool


class LockedRow(BaseModel):
    """A port that the lock file reserves for a requester."""

    host: str
    port: int
    requester: str


class SettingRow(BaseModel):
    """A setting of the balancer, and the file or override that it comes from."""

    key: str
    value: Any
    origin: str


class OriginRow(BaseModel):
    """A value of the balancer's node, and the file or override that it comes from."""

    path: str
    value: str
    origin: str


class RequestRow(BaseModel):
    """A node of the config that requests a host or a port, and its result; a `problem` if the result is an error."""

    requester: str
    request: str
    gets: str
    problem: bool = False


class FleetAnswer(BaseModel):
    """A fleet in one environment."""

    name: str
    source: str
    environment: str | None
    summary: Summary
    hosts: list[HostRow]
    ports: list[PortRow]
    pools: list[NamedPoolRow]
    locked: list[LockedRow]
    settings: list[SettingRow]
    yaml: str
    origins: list[OriginRow]
    picks: list[RequestRow]


class ComparisonRow(BaseModel):
    """A host or a port on both sides, and the keys whose values differ."""

    name: str
    change: Literal["added", "removed", "changed", "same"]
    left: dict[str, Any] | None
    right: dict[str, Any] | None
    differences: list[str]


class SettingPair(BaseModel):
    """A setting on both sides."""

    key: str
    left: Any
    right: Any


class CompareAnswer(BaseModel):
    """Two environments of a configuration side by side; `picks` are those that differ."""

    left: str | None
    right: str | None
    hosts: list[ComparisonRow]
    ports: list[ComparisonRow]
    settings: list[SettingPair]
    picks: list[MoveRow]
