"""The answers of the API that come from configurations alone."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from .picks import MoveRow


class ConfigurationRow(BaseModel):
    """A configuration that may be opened; `environment` is the default one."""

    id: str
    name: str
    environments: list[str]
    environment: str | None


class ConfigurationsAnswer(BaseModel):
    """All configurations and strategies; `hint` says what to do where there is no configuration."""

    configurations: list[ConfigurationRow]
    strategies: list[str]
    problems: list[str]
    hint: str


class OverviewRow(BaseModel):
    """A configuration in its default environment; `problem` is what is wrong with it, if it cannot be shown."""

    id: str
    name: str
    hosts: int = 0
    drained: int = 0
    slots: int = 0
    problem: str = ""


class OverviewAnswer(BaseModel):
    """All configurations at once."""

    configurations: list[OverviewRow]


class Summary(BaseModel):
    """How much there is of each; `addresses` are the hosts that have one of their own."""

    hosts: int
    slots: int
    ports: int
    pools: int
    queues: int
    problems: int
    addresses: int


class HostRow(BaseModel):
    """A host; of its credential only the kind. A drained one is not picked; `drain` may be the reason."""

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
    """A port that the lock file keeps for a requester."""

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
    """A node of the config that requests a host or a port, and what it gets; a `problem` where it gets nothing, and why."""

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
    """Two environments of a configuration, side by side; of the picks, those that differ."""

    left: str | None
    right: str | None
    hosts: list[ComparisonRow]
    ports: list[ComparisonRow]
    settings: list[SettingPair]
    picks: list[MoveRow]
