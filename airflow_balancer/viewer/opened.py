"""Opens a configuration: composes it as data, refuses what names foreign code or files, knows its secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from ..errors import ConfigurationError, Problem
from ..files.yaml import read_root
from ..fleet.fleet import Fleet
from ..fleet.masking import is_secret_key, mask_keys, mask_values, secret_values
from ..hydra.compose import Composed, compose_file
from ..hydra.nodes import BALANCER_TARGETS, walk
from ..hydra.picks import dotted
from ..picking.strategies import is_own_target
from .guard import Reading, is_inside, now_reading

if TYPE_CHECKING:
    from .catalogue import Configuration

__all__ = ("Opened", "open_configuration")

T = TypeVar("T")
_PACKAGES = ("airflow_balancer", "airflow_config", "airflow_pydantic")
_MODELS = frozenset(("Host", "Port", "Pool", "Variable", "PoolManagerConfiguration"))


@dataclass(frozen=True, eq=False)
class Opened:
    """A configuration in one environment, composed.

    Attributes:
        configuration: Which one.
        environment: In which environment; None where it has none.
        composed: The composed config.
        fleet: The fleet in it.
        secrets: The texts that no answer may hold.
        reading: What it may read, and did.
    """

    configuration: Configuration
    environment: str | None
    composed: Composed
    fleet: Fleet
    secrets: frozenset[str]
    reading: Reading = field(repr=False)
    _lock: Lock = field(repr=False, default_factory=Lock)

    def masked(self, data: Any) -> Any:
        """Return plain data without the secrets of this configuration."""
        masked = mask_keys(data)
        return mask_values(masked, self._secrets_in(masked))

    @cached_property
    def data(self) -> Any:
        """The balancer's node as plain data, without secrets."""
        return self.masked(self.composed.data)

    def guarded(self, call: Callable[[Composed], T]) -> T:
        """Return what `call` makes of the composed config, resolving no more of it than the viewer may."""
        # What a config was asked is kept with it, and several requests may ask at once.
        with self._lock, now_reading(self.reading):
            return call(self.composed)

    def _secrets_in(self, data: Any) -> set[str]:
        # A fleet may have a password for each host: replacing all of them in each text would take seconds.
        text = "\n".join(value for _, value in walk(data) if isinstance(value, str))
        return {secret for secret in self.secrets | self.reading.secrets if secret in text}


def open_configuration(configuration: Configuration, environment: str | None) -> tuple[Opened | ConfigurationError, set[Path]]:
    """Return the configuration, or what is wrong with it, and the files that it is made of."""
    reading = Reading([root.resolve() for root in configuration.roots])
    files: set[Path] = set()
    try:
        with now_reading(reading):
            composed = compose_file(configuration.path, configuration.overrides_for(environment))
            files.update(composed.origins.files())
            _check(composed, files, reading)
            secrets = frozenset(_secrets(composed) | reading.secrets)
            fleet = composed.fleet
            if lock := fleet.settings.port_lock:
                reading.admit(Path(lock), f"the lock file {Path(lock).name!r}")
            return Opened(configuration, environment, composed, fleet, secrets, reading), files | reading.files
    except ConfigurationError as error:
        wrong = error
    except Exception as error:  # whatever is wrong with a file, the viewer goes on
        wrong = ConfigurationError(f"{configuration.path}: cannot be composed: {type(error).__name__}: {error}")
    return _without_secrets(wrong, _written_secrets([configuration.path, *files]) | reading.secrets), files | reading.files


def _check(composed: Composed, files: Iterable[Path], reading: Reading) -> None:
    problems = [
        Problem("is outside of the configured folders; not opened", origin=file.name)
        for file in files
        if not is_inside(file, reading.roots)
    ]
    problems += _foreign_targets(composed)
    if problems:
        raise ConfigurationError(problems)
    # A lone surrogate, which YAML's escapes can make, is in no JSON.
    "".join(value for data in (_written(composed), composed.data) for _, value in walk(data) if isinstance(value, str)).encode()


def _foreign_targets(composed: Composed) -> Iterator[Problem]:
    for path, value in walk(composed.data):
        if path and path[-1] == "_target_" and not _is_model(value) and not (path[0] == "strategy" and is_own_target(value)):
            place = dotted((*composed.path, *path))
            text = (
                f"key {place!r}: names {value!r}; the viewer opens only what airflow-balancer and airflow-config define, and calls nothing"
            )
            yield Problem(text, origin=str(composed.source))


def _is_model(target: object) -> bool:
    module, _, name = str(target).rpartition(".")
    return target in BALANCER_TARGETS or (name in _MODELS and module.partition(".")[0] in _PACKAGES)


def _secrets(composed: Composed) -> set[str]:
    """Return the texts under secret keys: those of the balancer's node, and those of the other nodes where they resolve."""
    written = _written(composed)
    found = secret_values(composed.data) | secret_values(written)
    for path, value in walk(written):
        if path and is_secret_key(path[-1]) and isinstance(value, str):
            with suppress(Exception):
                found.add(str(composed.resolved(path)))
    return found - {"", "None"}


def _written(composed: Composed) -> Any:
    """Return the whole config as plain data, interpolations as written."""
    return OmegaConf.to_container(composed.root, resolve=False) if isinstance(composed.root, DictConfig) else composed.root


def _written_secrets(files: Iterable[Path]) -> set[str]:
    found: set[str] = set()
    for file in files:
        with suppress(ConfigurationError):
            found |= secret_values(read_root(file))
    return found


def _without_secrets(error: ConfigurationError, secrets: set[str]) -> ConfigurationError:
    def masked(problem: Problem) -> Problem:
        message, origin = mask_values([problem.message, problem.origin], secrets)
        return replace(problem, message=message, origin=origin)

    return ConfigurationError(masked(problem) for problem in error.problems)
