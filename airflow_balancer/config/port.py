"""The port object: airflow-pydantic's, whose host may also be given by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_pydantic import Port as BasePort
from pydantic import ConfigDict, Field, model_validator

from ..fleet.fleet import check_port
from ..fleet.model import PortSpec
from .host import Host
from .models import Watchable, adopt, build, tell

__all__ = ("Port",)

_ALL = {"name", "host", "host_name", "port", "tags"}
"""The names of all fields: one set serves for all ports that have them all set, as nothing is left to be added."""


class Port(Watchable, BasePort):
    """A port in use on a host: `Port(host="host1", port=8080)`, or with a `Host`, or by `host_name`."""

    __slots__ = ("_watchers",)

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    host: Host | None = Field(default=None)

    @model_validator(mode="before")
    @classmethod
    def _apply_template(cls, values: Any) -> Any:
        values = super()._apply_template(adopt(values, cls, BasePort))
        if isinstance(values, Mapping):
            check_port(values)
            if isinstance(values.get("host"), str):
                return {**values, "host": None, "host_name": values["host"]}
        return values

    @classmethod
    def of_spec(cls, spec: PortSpec, host: Host) -> Port:
        """Return the port of validated data, on its host."""
        values = {"name": spec.name, "host": host, "host_name": spec.host, "port": spec.port, "tags": [*spec.tags]}
        return build(cls, values, _ALL)

    @classmethod
    def at(cls, host: Host, number: int) -> Port:
        """Return the port of a number on a host."""
        return build(cls, {"name": "", "host": host, "host_name": host.name, "port": number, "tags": []}, _ALL)

    def settle(self, host: Host) -> Port:
        """Set the host that is meant, and return this port."""
        self.__dict__["host"] = host
        self.model_fields_set.add("host")
        tell(self)
        return self
