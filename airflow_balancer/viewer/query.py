"""Tries a query: the candidates in the strategy's order, the one picked, and how Python and YAML ask for the same."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ..airflow.occupancy import LiveLoad, live_load
from ..cli.reports import DEFAULT_KEY
from ..errors import ConfigurationError
from ..fleet.model import HostSpec
from ..picking.filters import HostFilter
from ..picking.rendezvous import score
from ..picking.strategies import LeastLoaded, Random, Strategy, build_strategy, own_strategies_only, ranking
from .catalogue import Catalogue
from .models import Candidate, LoadShown, PickedAnswer, PickQuery

__all__ = ("pick", "python_expression", "resolver_expression")

_KEYS = ("name", "queue", "os", "tag", "exclude", "prefer")
_BARE = re.compile(r"[A-Za-z_*?@|./%+-][A-Za-z0-9_*?@|./%+-]*")
_WORDS = frozenset(("null", "true", "false", "inf", "nan"))
Asked = dict[str, str | int | list[str]]


def pick(catalogue: Catalogue, query: PickQuery) -> PickedAnswer:
    """Return the host that a query picks."""
    opened = catalogue.open(query.configuration, query.environment)
    key = query.key or DEFAULT_KEY
    asked = _asked(query)
    patterns: dict[str, Any] = {**asked}
    candidates = opened.fleet.index.candidates(HostFilter.of(**patterns))
    with own_strategies_only():
        strategy = build_strategy(query.strategy or opened.fleet.settings.strategy)
    live = live_load(opened.fleet) if isinstance(strategy, LeastLoaded) else None
    picked = strategy.choose(key, candidates, live.load if live else {})
    return PickedAnswer(
        picked=picked.name,
        candidates=_candidates(strategy, key, candidates, live),
        load=LoadShown(source=live.source, why=live.why) if live else None,
        python=python_expression(opened.configuration.name, opened.environment, {**asked, "key": key}),
        resolver=resolver_expression({**asked, "key": key}),
    )


def _asked(query: PickQuery) -> Asked:
    given = {key: [text for text in getattr(query, key) if text] for key in _KEYS}
    asked: Asked = {key: values[0] if len(values) == 1 else values for key, values in given.items() if values}
    return {**asked, "min_size": query.min_size} if query.min_size else asked


def _candidates(strategy: Strategy, key: str, hosts: Sequence[HostSpec], live: LiveLoad | None) -> list[Candidate]:
    if isinstance(strategy, Random):
        return [Candidate(name=host.name, size=host.size, score=None) for host in hosts]
    load = live.load if live else {}
    return [
        Candidate(name=host.name, size=host.size, score=score(key, host), taken=load.get(host.name))
        for host in ranking(strategy, key, hosts, load)
    ]


def python_expression(name: str, environment: str | None, asked: Asked) -> str:
    """Return the line of Python that asks for a host of a configuration."""
    arguments = [_literal(name), *([f"[{_literal(f'env={environment}')}]"] if environment else [])]
    query = ", ".join(f"{key}={_literal(value)}" for key, value in asked.items())
    return f"load({', '.join(arguments)}).select_host({query})"


def resolver_expression(asked: Asked) -> str:
    """Return the interpolation that asks for a host.

    Raises:
        ConfigurationError: OmegaConf has no way to write it.
    """
    query = ",".join(f"{key}:{_element(value)}" for key, value in asked.items())
    return f"${{balancer.host:{{{query}}}}}"


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if "\x7f" not in str(value) else repr(value)


def _element(value: str | int | list[str]) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_element, value))}]"
    if isinstance(value, int):
        return str(value)
    if _BARE.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return _quoted(value)


def _quoted(value: str) -> str:
    """Return a text in OmegaConf's quotes, in which backslashes count before a quote alone, and `${` begins an interpolation."""
    if "${" in value or "\n" in value:
        raise ConfigurationError(f"{value!r} cannot be written in an interpolation; ask in Python")
    escaped = re.sub(r"(\\*)'", lambda found: found[1] * 2 + r"\'", value)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return "'" + escaped + "\\" * trailing + "'"
