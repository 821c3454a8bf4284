"""The queries and the answers of the API."""

from __future__ import annotations

from collections.abc import Mapping
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
    """A node of the config that requests a host or a port, and what it gets."""

    requester: str
    request: str
    gets: str


class FleetAnswer(BaseModel):
    """A fleet in one environment."""

    name: str
    source: str
    environment: str | None
    summary: Summary
    hosts: list[HostRow]
    ports: list[PortRow]
    pools: list[NamedPoolRow]
    settings: list[SettingRow]
    yaml: str
    origins: list[OriginRow]
    picks: list[RequestRow]


class PoolRow(BaseModel):
    """A pool that is not as configured; `slots` is what Airflow has, `wanted` what is configured."""

    change: Literal["create", "update", "orphaned", "kept"]
    name: str
    slots: int | None
    wanted: int | None
    note: str


class PoolsAnswer(BaseModel):
    """How Airflow's pools differ; `why` says why they cannot be read, if they are not available."""

    available: bool
    why: str = ""
    changes: list[PoolRow] = Field(default_factory=list)
    unchanged: int = 0
    command: str


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


class TaskRow(BaseModel):
    """A task of a DAG."""

    dag_id: str
    task_id: str


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
    """Two environments of a configuration, side by side."""

    left: str | None
    right: str | None
    hosts: list[ComparisonRow]
    ports: list[ComparisonRow]
    settings: list[SettingPair]
