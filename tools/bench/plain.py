"""Bare pydantic models with the fields that a balancer's node has: what validating this data costs at the least."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

__all__ = ("PlainFleet",)


class PlainPool(BaseModel):
    """A pool."""

    pool: str
    slots: int | None = None
    description: str | None = ""
    include_deferred: bool | None = False


class PlainHost(BaseModel):
    """A host."""

    name: str
    username: str | None = None
    password: str | None = None
    key_file: str | None = None
    ssh_hook_args: dict[str, Any] = Field(default_factory=dict)
    os: str | None = None
    pool: PlainPool | None = None
    size: int | None = None
    queues: list[str] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    drain: bool = False


class PlainPort(BaseModel):
    """A port."""

    name: str = ""
    host: PlainHost | None = None
    host_name: str = ""
    port: int | None = Field(default=None, ge=1, le=65535)
    tags: list[str] = Field(default_factory=list)


class PlainFleet(BaseModel):
    """A balancer's node; its hosts and ports stay apart, and nothing holds between them."""

    hosts: list[PlainHost] = Field(default_factory=list)
    ports: list[PlainPort] = Field(default_factory=list)
    default_username: str = "airflow"
    default_key_file: str | None = None
