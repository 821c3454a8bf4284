"""The queries and the answers of the API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ..fleet.model import MAX_SLOTS

MAX_TEXT = 256
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Patterns = Annotated[list[Text], Field(max_length=20)]


class NoQuery(BaseModel):
    """An empty query."""


class ConfigurationQuery(BaseModel):
    """A configuration, in one of its environments or in its default one."""

    configuration: Text
    environment: Text = ""


class PickQuery(ConfigurationQuery):
    """A host query, its key and its strategy; a list means any of it, `all_tags` all of them, and a `min_size` of 0 any size."""

    queue: Patterns = Field(default_factory=list)
    os: Patterns = Field(default_factory=list)
    tag: Patterns = Field(default_factory=list)
    all_tags: Patterns = Field(default_factory=list)
    name: Patterns = Field(default_factory=list)
    exclude: Patterns = Field(default_factory=list)
    prefer: Patterns = Field(default_factory=list)
    min_size: Annotated[int, Field(ge=0, le=MAX_SLOTS)] = 0
    key: Text = ""
    strategy: Text = ""


class WhatIfQuery(ConfigurationQuery):
    """Hosts to drain, to remove, to resize (each as `host:size`), and one to add; a size of 0 is the default one."""

    drain: Patterns = Field(default_factory=list)
    remove: Patterns = Field(default_factory=list)
    size: Patterns = Field(default_factory=list)
    add: Text = ""
    add_size: Annotated[int, Field(ge=0, le=MAX_SLOTS)] = 0
    add_queue: Patterns = Field(default_factory=list)
    add_tag: Patterns = Field(default_factory=list)
    add_os: Text = ""


class CompareQuery(BaseModel):
    """A configuration in two of its environments."""

    configuration: Text
    left: Text = ""
    right: Text = ""


class ErrorDetail(BaseModel):
    """What went wrong, as a string and as one line for each problem; of a query that matches no host, what each condition leaves out."""

    message: str
    problems: list[str]
    left_out: Mapping[str, int] = Field(default_factory=dict)


class ErrorAnswer(BaseModel):
    """The answer to a query that fails."""

    error: ErrorDetail


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


class PoolRow(BaseModel):
    """A pool; `change` is what is not as configured, `slots` what Airflow has, `wanted` what is configured."""

    change: Literal["create", "update", "orphaned", "kept", "missing", "same"]
    name: str
    slots: int | None
    wanted: int | None
    note: str


class PoolsAnswer(BaseModel):
    """How Airflow's pools differ; `why` says why they cannot be read, if they are not available.

    `command` makes them agree, `prune` also deletes the orphaned ones; it is empty where there is none. `same` are the others.
    """

    available: bool
    why: str = ""
    changes: list[PoolRow] = Field(default_factory=list)
    same: list[PoolRow] = Field(default_factory=list)
    unchanged: int = 0
    command: str
    prune: str = ""


class OccupancyRow(BaseModel):
    """The slots of a pool by what is in them; None stands for infinitely many."""

    total: int | None
    running: int
    queued: int
    deferred: int
    scheduled: int
    open: int | None


class OccupancyAnswer(BaseModel):
    """The live occupancy of all pools."""

    available: bool
    why: str = ""
    pools: dict[str, OccupancyRow] = Field(default_factory=dict)


class HealthRow(BaseModel):
    """How the attempts in a pool went in the last day, and in each hour of it, the oldest first.

    `failing` is how many failed since the last success. None stands for what this Airflow does not know; `wait` is the
    median of the seconds until a slot was free.
    """

    attempts: int
    failures: int
    unreachable: int | None
    failing: int
    last_success: datetime | None
    wait: float | None
    hourly_attempts: list[int]
    hourly_failures: list[int]


class HealthAnswer(BaseModel):
    """The health of each of a configuration's pools in which an attempt began in the last day."""

    available: bool
    why: str = ""
    pools: dict[str, HealthRow] = Field(default_factory=dict)


class TaskRow(BaseModel):
    """A task of a DAG."""

    dag_id: str
    task_id: str


class TaskPlace(BaseModel):
    """A task, or an index of a mapped one: where it runs, why, and its latest attempt, whose page is at `path` below Airflow."""

    dag_id: str
    task_id: str
    map_index: int
    pool: str
    kind: Literal["host", "port", "queue", "own"]
    hosts: list[str]
    state: str | None
    try_number: int | None
    path: str
    why: str


class PickRow(BaseModel):
    """A pick of the tree, with its candidates in the order of its key's ranking."""

    key: str
    query: str
    host: str
    candidates: list[str]
    why: str


class PicksAnswer(BaseModel):
    """Every pick of a configuration's own tree; `hosts` is how many there are to choose from."""

    hosts: int
    picks: list[PickRow]


class HostTasks(BaseModel):
    """A host, and the tasks that are in its pool; those of a drained one are to move."""

    host: str
    pool: str
    slots: int
    tasks: list[TaskRow]
    drain: bool | str = False


class QueueTasks(BaseModel):
    """A queue that has a pool, and the tasks that are in it, whichever of its hosts they run on."""

    pool: str
    slots: int
    tasks: list[TaskRow]


class AssignmentsAnswer(BaseModel):
    """Which tasks are assigned to which host."""

    available: bool
    why: str = ""
    hosts: list[HostTasks] = Field(default_factory=list)
    queues: list[QueueTasks] = Field(default_factory=list)
    tasks: list[TaskPlace] = Field(default_factory=list)


class CandidateRow(BaseModel):
    """A host that matches a query; the score and the taken slots that its strategy ranks it by, if any."""

    name: str
    size: int
    score: float | None
    taken: int | None = None


class LoadSource(BaseModel):
    """Where the live load was read; if it could not be, `why`, and rendezvous picked."""

    source: str
    why: str


class PickedAnswer(BaseModel):
    """The picked host, the candidates in the strategy's order, and the same request in Python and YAML.

    `left_out` has how many hosts each condition leaves out, which add up to all hosts with the candidates.
    """

    picked: str
    candidates: list[CandidateRow]
    left_out: dict[str, int]
    load: LoadSource | None
    python: str
    resolver: str


class MoveRow(BaseModel):
    """A pick that would be another host's, and why; None where there is none."""

    key: str
    query: str
    before: str | None
    after: str | None
    why: str


class LoadRow(BaseModel):
    """A host's picks and its fair share of them, before and after; a size is None where the host is not there."""

    host: str
    before_size: int | None
    after_size: int | None
    before: int
    after: int
    before_fair: float
    after_fair: float


class WhatIfAnswer(BaseModel):
    """What would move, each host's load, and the YAML that makes it so; `picks` is how many the tree makes."""

    picks: int
    moves: list[MoveRow]
    loads: list[LoadRow]
    yaml: str


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
