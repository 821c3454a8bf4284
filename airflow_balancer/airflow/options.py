"""The options of section `[balancer]`, from airflow.cfg or, without Airflow, from the environment."""

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
        "description": "The configurations whose hosts and ports get pools, one per line: a balancer YAML, an airflow-config YAML, "
        "or the directory of a Hydra tree, followed by the overrides for it alone. Quote a path that contains a space. "
        "Paths are relative to the DAGs folder. Empty: the configurations found in the DAGs folder and the DAG bundles.",
        "example": "config env=prod",
    },
    "config_name": {"description": "The name of the primary config in each directory of config_path, without .yaml.", "example": "config"},
    "overrides": {
        "description": "Hydra overrides for every configuration of config_path, separated by spaces.",
        "example": "env=prod",
    },
    "sync": {
        "description": "Whether the scheduler, the dag-processor and the triggerer create pools and connections: true or false. "
        "Empty: true.",
        "example": "false",
    },
    "api_url": {
        "description": "The address of Airflow's API server. `airflow-balancer pools`, the page and the strategy `least_loaded` "
        "use it instead of this machine's metadata database.",
        "example": "https://airflow.example.org",
    },
    "api_username": {"description": "The user to log in to the API server as.", "example": "admin"},
    "api_password": {"description": "The user's password.", "example": None, "sensitive": True},
}


@dataclass(frozen=True)
class SectionOptions:
    """The options of section `[balancer]`; `config_path` is the string as written, `named` its parsed form."""

    config_path: str | None = None
    config_name: str | None = None
    overrides: tuple[str, ...] = ()
    sync: bool = True
    api_url: str | None = None
    api_username: str | None = None
    api_password: str | None = None

    @property
    def target(self) -> str:
        """The name of the target in messages."""
        return f"the API server at {mask_text(self.api_url)}" if self.api_url else "the metadata database"

    @property
    def named(self) -> list[tuple[str, tuple[str, ...]]]:
        """The configurations that `config_path` names, each with its overrides: first `overrides`, then the line's own.

        Raises:
            ConfigurationError: A line is invalid.
        """
        lines = [line.strip() for line in (self.config_path or "").splitlines()]
        return [self._named(line) for line in lines if line]

    def _named(self, line: str) -> tuple[str, tuple[str, ...]]:
        path, *overrides = _words(line, "config_path: behind the path")
        if wrong := [word for word in overrides if "=" not in word and not word.startswith("~")]:
            text = f"{wrong[0]!r} in the line {line!r} is no override, such as env=prod; put a path with a space in quotes"
            raise ConfigurationError(f"[balancer] config_path: {text}")
        return path, (*self.overrides, *overrides)

    def __repr__(self) -> str:
        overrides = tuple(map(mask_word, self.overrides))
        return f"SectionOptions(config_path={self.config_path!r}, config_name={self.config_name!r}, overrides={overrides!r})"


def environment_option(key: str) -> str | None:
    """Return an option from the environment variable that Airflow would read, without importing Airflow."""
    return os.environ.get(f"AIRFLOW__BALANCER__{key.upper()}") or None


def read_options(option: Callable[[str], str | None]) -> SectionOptions:
    """Read section `[balancer]` with `option`, which returns an option's string or None.

    Raises:
        ConfigurationError: `sync`, `overrides` or `config_path` is invalid, or `overrides` is set without `config_path`.
    """
    strings = {key: option(key) for key in ("config_name", "api_url", "api_username", "api_password")}
    path, overrides = (option("config_path") or "").strip() or None, tuple(_words(option("overrides") or "", "overrides"))
    options = SectionOptions(path, overrides=overrides, sync=_switch(option("sync")), **strings)
    if overrides and not options.named:
        raise ConfigurationError("[balancer] overrides is set without config_path; name there the configurations to compose with them")
    return options


def _words(text: str, key: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigurationError(f"[balancer] {key} must be Hydra overrides separated by spaces: {error}") from None


def _switch(value: str | None) -> bool:
    text = (value or "true").strip().lower()
    if text not in _TRUE + _FALSE:
        raise ConfigurationError(f"[balancer] sync must be true or false, not {value!r}")
    return text in _TRUE
