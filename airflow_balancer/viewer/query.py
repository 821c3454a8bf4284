"""Tries a query: the picked host, the candidates in the strategy's order, and the same request in Python and YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ..airflow.occupancy import LiveLoad, live_load
from ..errors import ConfigurationError
from ..files.reading import reading
from ..fleet.model import HostSpec
from ..hydra.nodes import dotted
from ..picking.choice import DEFAULT_KEY, rank_hosts
from ..picking.filters import HOST_KEYS, HostFilter
from ..picking.rendezvous import score
from ..picking.strategies import LeastLoaded, Random, Strategy, build_strategy
from .catalogue import Catalogue
from .models.picks import CandidateRow, LoadSource, PickedAnswer
from .models.requests import PickQuery
from .opened import Opened

_BARE = re.compile(r"[A-Za-z_*?@|./%+-][A-Za-z0-9_*?@|./%+-]*")
_WORDS = frozenset(("null", "true", "false", "inf", "nan"))
Given = dict[str, str | int | list[str]]


def pick(catalogue: Catalogue, query: PickQuery) -> PickedAnswer:
    """Return the host that a query picks."""
    opened = catalogue.open(query.configuration, query.environment)
    key = query.key or DEFAULT_KEY
    given = _given(query)
    # A default key in the snippet would be shared by everyone who copies it.
    named: Given = {**given, "key": query.key} if query.key else given
    patterns: dict[str, Any] = {**given}
    wanted = HostFilter.of(**patterns)
    candidates = opened.composed.index.candidates(wanted)
    with reading(foreign_code=False):
        strategy = build_strategy(query.strategy) if query.strategy else opened.composed.strategy
    live = live_load(opened.fleet) if isinstance(strategy, LeastLoaded) else None
    picked = strategy.choose(key, candidates, live.load) if live else opened.pick(key, wanted, query.strategy)
    return PickedAnswer(
        picked=picked.name,
        candidates=_candidates(strategy, key, candidates, live),
        left_out=opened.composed.index.left_out(wanted).counts,
        load=LoadSource(source=live.source, why=live.why) if live else None,
        python=python_expression(opened.configuration.file, _overrides(opened, query.strategy), named),
        resolver=resolver_expression(named),
    )


def _overrides(opened: Opened, strategy: str) -> list[str]:
    """Return the overrides that compose the configuration as shown, with a query's strategy."""
    shown = opened.configuration.overrides_for(opened.environment)
    return [*shown, *([f"{dotted((*opened.composed.path, 'strategy'))}={strategy}"] if strategy else [])]


def _given(query: PickQuery) -> Given:
    given: Given = {}
    for key in HOST_KEYS:
        value = getattr(query, key, None)
        if isinstance(value, list):
            value = [pattern for pattern in value if pattern]
            value = value[0] if len(value) == 1 else value
        if value:
            given[key] = value
    return given


def _candidates(strategy: Strategy, key: str, hosts: Sequence[HostSpec], live: LiveLoad | None) -> list[CandidateRow]:
    if isinstance(strategy, Random):
        return [CandidateRow(name=host.name, size=host.size, score=None) for host in hosts]
    load = live.load if live else {}
    return [
        CandidateRow(name=host.name, size=host.size, score=score(key, host), taken=load.get(host.name))
        for host in rank_hosts(strategy, key, hosts, load=load)
    ]


def python_expression(name: str, overrides: Sequence[str], given: Given) -> str:
    """Return the line of Python that selects a host of a configuration."""
    arguments = [_literal(name), *([f"[{', '.join(map(_literal, overrides))}]"] if overrides else [])]
    query = ", ".join(f"{key}={_literal(value)}" for key, value in given.items())
    return f"load({', '.join(arguments)}).select_host({query})"


def resolver_expression(given: Given) -> str:
    """Return the interpolation that selects a host.

    Raises:
        ConfigurationError: OmegaConf's grammar cannot express a value.
    """
    query = ",".join(f"{key}:{_element(value)}" for key, value in given.items())
    return f"${{balancer.host:{{{query}}}}}"


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if "\x7f" not in str(value) else repr(value)


def _element(value: str | int | list[str]) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_element, value))}]"
    if isinstance(value, int):
        return str(value)
    return value if _BARE.fullmatch(value) and value.lower() not in _WORDS else _quoted(value)


def _quoted(value: str) -> str:
    """Quote a string for OmegaConf, which escapes only backslashes before a quote, and cannot escape `${`."""
    if "${" in value or "\n" in value:
        raise ConfigurationError(f"{value!r} cannot be written in an interpolation; select the host in Python")
    escaped = re.sub(r"(\\*)'", lambda found: found[1] * 2 + r"\'", value)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return "'" + escaped + "\\" * trailing + "'"
