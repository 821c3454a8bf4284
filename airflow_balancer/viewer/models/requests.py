"""The API's queries and errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, Field

from ...fleet.model import MAX_SLOTS

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
    """A host query, its key and its strategy. A list matches any of its patterns, except `all_tags`; a `min_size` of 0 means any size."""

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
    """Hosts to drain, to remove, to resize (each as `host:size`), and one to add; a size of 0 means the default size."""

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
    """An error as one string and as a list of problems; if a query matches no host, also what each condition leaves out."""

    message: str
    problems: list[str]
    left_out: Mapping[str, int] = Field(default_factory=dict)


class ErrorAnswer(BaseModel):
    """The answer to a query that fails."""

    error: ErrorDetail
