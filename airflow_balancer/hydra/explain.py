"""Turns errors of Hydra, OmegaConf and YAML into errors that name the file and the cause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import yaml
from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from ..errors import BalancerError, ConfigurationError, Problem, suggestion
from ..files.yaml import read_checked, read_root, yaml_text
from ..fleet.fleet import FLEET_KEYS
from ..fleet.masking import is_secret_key, mask_word
from ..fleet.model import HostSpec, PortSpec

CAUSES = (HydraException, OmegaConfBaseException, yaml.YAMLError, UnicodeError, OSError, ValueError, RecursionError)
"""What composing and resolving a configuration may raise."""
CAUSES_OF_HYDRA = (*CAUSES, AssertionError, AttributeError, LookupError, TypeError)
"""These, and what Hydra's own code may raise, such as for an override of a name in a list."""

_FULL_KEY = "full_key: "
_HINTS = {
    "Recursive interpolation": "; give one of the keys in the circle a value",
    "Missing mandatory value": "; it is ???, give it a value",
    "Interpolation key": "; check its spelling, and the dots of a relative one",
}
_UNRESOLVED = "its value cannot be resolved; in a secret that holds ${ itself, write \\${"
_NOISE = ("object_type=", "reference_type=", "Set the environment", "See https:", "^")
_KEYS = {*HostSpec.model_fields, *PortSpec.model_fields, *FLEET_KEYS}


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def _lines(error: BaseException) -> Iterator[str]:
    for line in map(str.strip, str(error).splitlines()):
        if line.startswith("Config search path"):
            return
        if line and not line.startswith(_NOISE):
            yield line.rstrip(".")


def _one_line(error: BaseException) -> str:
    """Return Hydra's message and its cause's in one line, without search paths and Python types."""
    lines = list(dict.fromkeys(line for part in (error, error.__cause__) if part for line in _lines(part)))
    keys = [line.removeprefix(_FULL_KEY) for line in lines if line.startswith(_FULL_KEY)]
    text = "; ".join(line for line in lines if not line.startswith(_FULL_KEY)).replace(":; ", ": ")
    unknown = re.search(r"Key '([^']+)' (?:is )?not in", text)
    hint = next((hint for start, hint in _HINTS.items() if start in text), suggestion(unknown[1], _KEYS - {unknown[1]}) if unknown else "")
    return f"{f'key {keys[0]!r}: ' if keys else ''}{text}{hint}"


def _read_all(folders: Iterable[Path]) -> None:
    """Read each YAML file below the folders, which raises the error that names the file."""
    for folder in folders:
        for path in sorted(folder.rglob("*.yaml")):
            read_checked(path)


def _with_source(problem: Problem, source: str) -> Problem:
    return problem if problem.origin or problem.message.startswith(source) else replace(problem, origin=source)


def explained(error: BaseException, source: str, folders: Sequence[Path] = ()) -> ConfigurationError:
    """Translate one of `CAUSES` into an error that names `source`. The configuration's files are in `folders`."""
    for cause in _chain(error):
        if found := _translate(cause, source):
            return found
    if isinstance(error, UnicodeError):
        try:
            _read_all(folders)
        except ConfigurationError as unreadable:
            return unreadable
    if isinstance(error, RecursionError):
        return ConfigurationError(f"{source}: a value, or an override, is nested too deep to be read")
    return ConfigurationError(f"{source}: {_relative_default(error, source) or _one_line(error)}")


def _relative_default(error: BaseException, source: str) -> str:
    """Explain why an option that the root of airflow-config's tree names without a slash cannot be overridden.

    airflow-config composes `config/config.yaml` as an option of the group `config`, in which `env: dev` is `config/env: dev`.
    """
    found = re.search(r"Could not override '(\w+)'\. No match in the defaults list", str(error))
    defaults = read_root(Path(source)).get("defaults") if found else None
    if not found or not isinstance(defaults, list):
        return ""
    key = found[1]
    option = next((default[key] for default in defaults if isinstance(default, dict) and key in default), None)
    if option is None:
        return ""
    written = f"write `- /{key}: {option}` in place of `- {key}: {option}` under `defaults`"
    return f"could not override {key!r}: {written}; airflow-config composes this file as an option of a group"


def _translate(cause: BaseException, source: str) -> ConfigurationError | None:
    """Translate one error of a chain; return None if the next one says more."""
    key = getattr(cause, "full_key", None)
    if is_secret_key(str(key).rpartition(".")[2]) and "Environment variable" not in str(cause):
        return ConfigurationError(f"{source}: key {key!r}: {_UNRESOLVED}")  # the message quotes parts of it
    if isinstance(cause, yaml.YAMLError):
        mark = getattr(cause, "problem_mark", None)
        return ConfigurationError(f"{mark.name if mark else source}: {yaml_text(cause)}")
    if isinstance(cause, OverrideParseException):
        return ConfigurationError(f"{source}: {mask_word(str(cause.override))!r} is not an override; write key=value")
    if isinstance(cause, ConfigurationError):
        return ConfigurationError(_with_source(problem, source) for problem in cause.problems)
    return ConfigurationError([_with_source(Problem(str(cause)), source)]) if isinstance(cause, BalancerError) else None
