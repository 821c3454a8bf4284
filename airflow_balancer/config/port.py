"""The port object: airflow-pydantic's, whose host may also be given by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_pydantic import Port as BasePort
from pydantic import ConfigDict, Field, model_validator

from ..fleet import check_port
from .adopted import adopted
from .host import Host

__all__ = ("Port",)


class Port(BasePort):
    """A port in use on a host: `Port(host="host1", port=8080)`, or with a `Host`, or by `host_name`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    host: Host | None = Field(default=None)

    @model_validator(mode="before")
    @classmethod
    def _apply_template(cls, values: Any) -> Any:
        values = super()._apply_template(adopted(values, cls, BasePort))
        if isinstance(values, Mapping):
            check_port(values)
            if isinstance(values.get("host"), str):
                return {**values, "host": None, "host_name": values["host"]}
        return values
