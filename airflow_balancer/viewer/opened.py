"""Opens a configuration: composes it as data, rejects references to foreign code or files, and gathers its secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from ..caching import cached
from ..errors import ConfigurationError, Problem
from ..files.reading import Reading, is_inside, reading
from ..fleet.fleet import Fleet
from ..fleet.masking import mask, mask_error
from ..fleet.model import HostSpec
from ..fleet.strategy import is_own_target
from ..hydra.compose import compose_file
from ..hydra.composed import Composed
from ..hydra.hydra_internals import bounded_effort
from ..hydra.nodes import BALANCER_TARGETS, dotted, walk
from ..hydra.secrets import written_secrets
from ..picking.filters import HostFilter
from .configuration import Configuration

T = TypeVar("T")
_PACKAGES = ("airflow_balancer", "airflow_config", "airflow_pydantic")
_MODELS = frozenset(("Host", "Port", "Pool", "Variable", "PoolManagerConfiguration"))


@dataclass(frozen=True, eq=False)
class Opened:
    """A configuration, composed in one environment.

    Attributes:
        configuration: The configuration.
        environment: The environment; None if the configuration has no environments.
        composed: The composed config.
        fleet: Its fleet.
        secrets: The strings that no answer may contain.
        reading: What it may read, and the files that it has read.
    """

    configuration: Configuration
    environment: str | None
    composed: Composed
    fleet: Fleet
    secrets: frozenset[str] = field(repr=False)
    reading: Reading = field(repr=False)
    _lock: Lock = field(repr=False, default_factory=Lock)

    def masked(self, data: Any) -> Any:
        """Return plain data without this configuration's secrets."""
        return mask(data, self.secrets)

    @cached
    def data(self) -> Any:
        """The balancer's node as plain data, without secrets."""
        return self.masked(self.composed.data)

    def guarded(self, call: Callable[[Composed], T]) -> T:
        """Return the result of `call` on the composed config, under the viewer's limits on resolving it."""
        # A config caches its picks, and several threads may resolve it at once.
        with self._lock, reading(**vars(self.reading)), bounded_effort():
            return call(self.composed)

    def pick(self, key: str, wanted: HostFilter, strategy: str = "") -> HostSpec:
        """Return the host of a key, given all requests in the config; `strategy` replaces the configuration's own."""
        return self.guarded(lambda composed: _with_strategy(composed, strategy).pick(key, wanted))


def _with_strategy(composed: Composed, strategy: str) -> Composed:
    """Return a copy of a composed config with another strategy; the same config for an empty name."""
    if not strategy:
        return composed
    root = deepcopy(composed.root)
    if isinstance(root, DictConfig):
        OmegaConf.update(root, dotted((*composed.path, "strategy")), strategy, force_add=True)
    return replace(composed, root=root, data={**composed.data, "strategy": strategy})


def open_configuration(configuration: Configuration, environment: str | None) -> tuple[Opened | ConfigurationError, set[Path]]:
    """Return the opened configuration or its error, and the files that it consists of."""
    permitted = Reading(roots=tuple(root.resolve() for root in configuration.roots), foreign_code=False)
    files: set[Path] = set()
    try:
        with reading(**vars(permitted)), bounded_effort():
            composed = compose_file(configuration.path, configuration.overrides_for(environment))
            files.update(composed.origins.files())
            _check(composed, files, permitted.roots or ())
            fleet = composed.fleet
            if lock := fleet.settings.lock:
                permitted.admit(Path(lock), f"the lock file {Path(lock).name!r}")
            return Opened(configuration, environment, composed, fleet, composed.secrets, permitted), files | permitted.opened
    except ConfigurationError as error:
        wrong = error
    except Exception as error:  # one broken file must not stop the viewer
        wrong = ConfigurationError(f"{configuration.path}: cannot be composed: {type(error).__name__}: {error}")
    secrets = written_secrets(configuration.path, configuration.overrides_for(environment))
    masked = mask_error(wrong, secrets)
    assert isinstance(masked, ConfigurationError)
    return masked, files | permitted.opened


def _check(composed: Composed, files: Iterable[Path], roots: Sequence[Path]) -> None:
    problems = [
        Problem("is outside of the configured folders; not opened", origin=file.name) for file in files if not is_inside(file, roots)
    ]
    problems += _foreign_targets(composed)
    if problems:
        raise ConfigurationError(problems)
    # YAML's escapes can produce a lone surrogate, which JSON cannot contain.
    "".join(value for data in (composed.written, composed.data) for _, value in walk(data) if isinstance(value, str)).encode()


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
    return str(target) in BALANCER_TARGETS or (name in _MODELS and module.partition(".")[0] in _PACKAGES)
