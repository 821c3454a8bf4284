"""What the API is asked, and what it answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ..fleet.model import MAX_SLOTS

__all__ = (
    "Assignment",
    "AssignmentsAnswer",
    "Candidate",
    "CompareAnswer",
    "CompareQuery",
    "Comparison",
    "ConfigurationQuery",
    "ConfigurationShown",
    "ConfigurationsAnswer",
    "ErrorAnswer",
    "ErrorShown",
    "FleetAnswer",
    "HostShown",
    "LoadShown",
    "NoQuery",
    "Occupancy",
    "OccupancyAnswer",
    "Origin",
    "PickQuery",
    "PickShown",
    "PickedAnswer",
    "PoolChange",
    "PoolsAnswer",
    "PortShown",
    "Setting",
    "SettingPair",
    "Summary",
    "Task",
)

MAX_TEXT = 256
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Patterns = Annotated[list[Text], Field(max_length=20)]


class NoQuery(BaseModel):
    """Nothing is asked."""


class ConfigurationQuery(BaseModel):
    """A configuration, in one of its environments or in its default one."""

    configuration: Text
    environment: Text = ""


class PickQuery(ConfigurationQuery):
    """What a host must match, which are preferred, who asks, and by which strategy; a `min_size` of 0 is none."""

    queue: Patterns = Field(default_factory=list)
    os: Patterns = Field(default_factory=list)
    tag: Patterns = Field(default_factory=list)
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


class ErrorShown(BaseModel):
    """What went wrong, as a text and as one line for each problem."""

    message: str
    problems: list[str]


class ErrorAnswer(BaseModel):
    """The answer to what cannot be answered."""

    error: ErrorShown


class ConfigurationShown(BaseModel):
    """A configuration that may be opened; `environment` is the default one."""

    id: str
    name: str
    environments: list[str]
    environment: str | None


class ConfigurationsAnswer(BaseModel):
    """All configurations, and the strategies there are; `hint` says what to do where there is no configuration."""

    configurations: list[ConfigurationShown]
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


class HostShown(BaseModel):
    """A host; of its credential only the kind. A drained one is not picked. `address` is where its hook connects to."""

    name: str
    os: str | None
    queues: list[str]
    tags: list[str]
    size: int
    username: str | None
    drain: bool
    credential: str
    pool: str
    address: str


class PortShown(BaseModel):
    """A tracked port."""

    host: str
    port: int
    name: str
    pool: str
    tags: list[str]


class Setting(BaseModel):
    """A setting of the balancer, and the file or override that it comes from."""

    key: str
    value: Any
    origin: str


class Origin(BaseModel):
    """A value of the balancer's node, and the file or override that it comes from."""

    path: str
    value: str
    origin: str


class PickShown(BaseModel):
    """A node of the config that asks for a host or a port, and what it gets."""

    asker: str
    asks: str
    gets: str


class FleetAnswer(BaseModel):
    """A fleet in one environment."""

    name: str
    source: str
    environment: str | None
    summary: Summary
    hosts: list[HostShown]
    ports: list[PortShown]
    settings: list[Setting]
    yaml: str
    origins: list[Origin]
    picks: list[PickShown]


class PoolChange(BaseModel):
    """A pool that is not as the configuration says; `slots` are what it has, `wanted` what it will have."""

    change: Literal["create", "update", "orphaned", "kept"]
    name: str
    slots: int | None
    wanted: int | None
    note: str


class PoolsAnswer(BaseModel):
    """What Airflow's pools lack; `why` they cannot be read, where they are not available."""

    available: bool
    why: str = ""
    changes: list[PoolChange] = Field(default_factory=list)
    unchanged: int = 0
    command: str


class Occupancy(BaseModel):
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
    pools: dict[str, Occupancy] = Field(default_factory=dict)


class Task(BaseModel):
    """A task of a DAG."""

    dag_id: str
    task_id: str


class Assignment(BaseModel):
    """A host, and the tasks that are in its pool; those of a drained one are to move."""

    host: str
    pool: str
    slots: int
    tasks: list[Task]
    drain: bool = False


class QueueAssignment(BaseModel):
    """A queue that has a pool, and the tasks that are in it, whichever of its hosts they run on."""

    pool: str
    slots: int
    tasks: list[Task]


class AssignmentsAnswer(BaseModel):
    """Which tasks are assigned to which host."""

    available: bool
    why: str = ""
    hosts: list[Assignment] = Field(default_factory=list)
    queues: list[QueueAssignment] = Field(default_factory=list)


class Candidate(BaseModel):
    """A host that answers a query; the strategy's score and the host's taken slots, where the strategy goes by them."""

    name: str
    size: int
    score: float | None
    taken: int | None = None


class LoadShown(BaseModel):
    """Whose word the live load is; or, where nobody knows it, why: rendezvous picked then."""

    source: str
    why: str


class PickedAnswer(BaseModel):
    """The picked host, the candidates in the strategy's order, and how Python and YAML ask for the same."""

    picked: str
    candidates: list[Candidate]
    load: LoadShown | None
    python: str
    resolver: str


class Comparison(BaseModel):
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
    hosts: list[Comparison]
    ports: list[Comparison]
    settings: list[SettingPair]
