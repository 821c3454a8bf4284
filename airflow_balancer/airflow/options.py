"""The options of section `[balancer]`: of airflow.cfg with Airflow, of the environment without."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigurationError
from ..fleet.masking import mask_text, mask_word

_TRUE, _FALSE = ("true", "t", "yes", "on", "1"), ("false", "f", "no", "off", "0")

OPTIONS: dict[str, dict[str, Any]] = {
    "config_path": {
        "description": "The configuration whose hosts and ports get pools: a balancer YAML, an airflow-config YAML, or the directory "
        "of a Hydra tree. Relative to the DAGs folder. Empty: those found in the DAGs folder and the local DAG bundles.",
        "example": "config",
    },
    "config_name": {"description": "The name of the primary config in the directory config_path, without .yaml.", "example": "config"},
    "overrides": {"description": "Hydra overrides that the configuration is composed with, separated by spaces.", "example": "env=prod"},
    "sync": {
        "description": "Whether the scheduler, the dag-processor and the triggerer make the pools and connections: true or false. "
        "Empty: true.",
        "example": "false",
    },
    "api_url": {
        "description": "The address of Airflow's API server: `airflow-balancer pools`, the page and the strategy `least_loaded` "
        "use it in place of this machine's metadata database.",
        "example": "https://airflow.example.org",
    },
    "api_username": {"description": "The user who logs in there.", "example": "admin"},
    "api_password": {"description": "The user's password.", "example": None, "sensitive": True},
}


@dataclass(frozen=True)
class SectionOptions:
    """The options of section `[balancer]`; `config_path` is as written."""

    config_path: str | None = None
    config_name: str | None = None
    overrides: tuple[str, ...] = ()
    sync: bool = True
    api_url: str | None = None
    api_username: str | None = None
    api_password: str | None = None

    @property
    def target(self) -> str:
        """What messages call the Airflow that is meant, where there is one."""
        return f"the API server at {mask_text(self.api_url)}" if self.api_url else "the metadata database"

    def __repr__(self) -> str:
        overrides = tuple(map(mask_word, self.overrides))
        return f"SectionOptions(config_path={self.config_path!r}, config_name={self.config_name!r}, overrides={overrides!r})"


def environment_option(key: str) -> str | None:
    """Return an option as Airflow would read it from the environment, without Airflow."""
    return os.environ.get(f"AIRFLOW__BALANCER__{key.upper()}") or None


def read_options(option: Callable[[str], str | None]) -> SectionOptions:
    """Read section `[balancer]` with `option`, which returns one option as a string, or None.

    Raises:
        ConfigurationError: `sync` or `overrides` cannot be read.
    """
    strings = {key: option(key) for key in ("config_path", "config_name", "api_url", "api_username", "api_password")}
    try:
        overrides = tuple(shlex.split(option("overrides") or ""))
    except ValueError as error:
        raise ConfigurationError(f"[balancer] overrides must be Hydra overrides separated by spaces: {error}") from None
    return SectionOptions(overrides=overrides, sync=_switch(option("sync")), **strings)


def _switch(value: str | None) -> bool:
    text = (value or "true").strip().lower()
    if text not in _TRUE + _FALSE:
        raise ConfigurationError(f"[balancer] sync must be true or false, not {value!r}")
    return text in _TRUE
