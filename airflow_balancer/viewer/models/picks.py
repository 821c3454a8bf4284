"""The answers of the API about picks: why each is made, what one would be, and what would move."""

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
    """Every pick of a configuration's own tree; `hosts` is how many there are to choose from."""

    hosts: int
    picks: list[PickRow]


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
    """What would move, each host's load, and the YAML that makes it so; `picks` is how many the tree makes.

    Of the tasks of DAG files those move whose candidates are in the serialized DAG; a host that is added is not known to match.
    """

    picks: int
    moves: list[MoveRow]
    tasks: list[TaskMove]
    loads: list[LoadRow]
    yaml: str
