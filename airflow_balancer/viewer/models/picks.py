"""The API's answers about picks: the reason for each, the answer to a query, and what a change would move."""

from __future__ import annotations

from pydantic import BaseModel

from .airflow import TaskMove


class PickRow(BaseModel):
    """A pick of the tree, with its candidates in the order of its key's ranking."""

    key: str
    query: str
    host: str
    candidates: list[str]
    why: str


class PicksAnswer(BaseModel):
    """The picks of a configuration's own tree; `hosts` is the size of the fleet."""

    hosts: int
    picks: list[PickRow]


class CandidateRow(BaseModel):
    """A host that matches a query, with the score and the taken slots that the strategy ranks it by, if any."""

    name: str
    size: int
    score: float | None
    taken: int | None = None


class LoadSource(BaseModel):
    """Where the live load was read, or `why` it could not be, so that rendezvous picked."""

    source: str
    why: str


class PickedAnswer(BaseModel):
    """The picked host, the candidates in the strategy's order, and the same request in Python and YAML.

    `left_out` has the number of hosts that each condition leaves out; together with the candidates these are all hosts.
    """

    picked: str
    candidates: list[CandidateRow]
    left_out: dict[str, int]
    load: LoadSource | None
    python: str
    resolver: str


class MoveRow(BaseModel):
    """A pick that moves to another host, and why; None if there is no pick on that side."""

    key: str
    query: str
    before: str | None
    after: str | None
    why: str


class LoadRow(BaseModel):
    """A host's picks and its fair share of them, before and after; a size is None if the host does not exist."""

    host: str
    before_size: int | None
    after_size: int | None
    before: int
    after: int
    before_fair: float
    after_fair: float


class WhatIfAnswer(BaseModel):
    """What a change would move, each host's load, and the YAML of the change; `picks` is the number of picks in the tree.

    `tasks` covers the tasks whose candidates are in the serialized DAG. It cannot tell whether an added host would match them.
    """

    picks: int
    moves: list[MoveRow]
    tasks: list[TaskMove]
    loads: list[LoadRow]
    yaml: str
