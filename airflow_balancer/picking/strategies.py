"""Strategies: which one of the candidates is chosen.

A strategy is pure: the same key, candidates and load give the same choice on every machine and in
every process, whatever the order of the candidates. `random` alone breaks that promise, on purpose.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol, TypeGuard, TypeVar, runtime_checkable

from ..errors import ConfigurationError, listing, suggestion
from .bounded import Ask, Bounded
from .rendezvous import Candidate, Candidates, rank

__all__ = (
    "STRATEGIES",
    "BatchStrategy",
    "Bounded",
    "LeastLoaded",
    "Random",
    "RankingStrategy",
    "Rendezvous",
    "Strategy",
    "assigns_together",
    "build_strategy",
    "check_strategy",
    "choose_port",
    "is_own_target",
    "own_strategies_only",
    "ranking",
    "strategy_data",
)


C = TypeVar("C", bound=Candidate)


@runtime_checkable
class Strategy(Protocol):
    """Chooses a host for whoever asks."""

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:
        """Return one of the candidates.

        Args:
            key: Names who asks; equal keys are the same asker.
            candidates: The hosts that answer the query; at least one.
            load: How many picks each host has already, or at run time how many slots are taken on it, by name;
                hosts without any may be missing.
        """


class BatchStrategy(Strategy, Protocol):
    """A strategy that can also assign all asks of a configuration at once."""

    def assign(self, asks: Mapping[Ask, Sequence[C]]) -> Mapping[Ask, C]:
        """Return a host for each ask, whatever the order of the asks and of their candidates."""


def assigns_together(strategy: Strategy) -> TypeGuard[BatchStrategy]:
    """Return whether a strategy is one that assigns all asks of a configuration at once."""
    return hasattr(strategy, "assign")


@runtime_checkable
class RankingStrategy(Strategy, Protocol):
    """A strategy with an order of its own in which a key's attempts go through the candidates."""

    def rank(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> list[C]:
        """Return all candidates, the one that `choose` returns first."""


@dataclass(frozen=True)
class Rendezvous:
    """Rendezvous hashing, each host weighted by its size.

    Each host gets the score `-size / ln(u)`, where `u` in (0, 1) is a hash of key and host name, and
    the highest score wins. A host's share of many keys is its share of the sizes, and a host that
    leaves moves no key but its own. Thaler and Ravishankar 1998; the weights as in Schindelhauer and
    Schomaker 2005.
    """

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:  # noqa: ARG002 (Strategy)
        """Return the candidate with the highest score; the load plays no part."""
        return next(Candidates.of(candidates).best_first(key))

    def rank(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> list[C]:  # noqa: ARG002 (Strategy)
        """Return the candidates from the highest score to the lowest."""
        return rank(key, candidates)


@dataclass(frozen=True)
class LeastLoaded:
    """The host with the fewest taken slots for its size, going by the load that is given.

    Hosts that are as loaded as each other are in the order of rendezvous hashing: so is every pick
    without a load, as those are that are made while a DAG file is parsed or a configuration composed.
    The load of that moment would make another DAG at each parse.
    """

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:
        """Return the candidate with the smallest load by size; of several, the one with the highest score."""
        return self.rank(key, candidates, load)[0] if load else Rendezvous().choose(key, candidates, load)

    def rank(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> list[C]:
        """Return the candidates from the smallest load by size to the largest, equal ones by score."""
        return sorted(rank(key, candidates), key=lambda host: load.get(host.name, 0) / (host.size or 1))


@dataclass(frozen=True)
class Random:
    """Another host at each pick, by weight.

    Each parse of a DAG file then changes its serialized form, so Airflow makes a new DAG version.
    """

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:  # noqa: ARG002 (Strategy)
        """Return a random candidate; neither the key nor the load plays a part."""
        return random.SystemRandom().choices(candidates, [host.size or 1 for host in candidates])[0]


_KNOWN: dict[str, type[Rendezvous | Bounded | LeastLoaded | Random]] = {
    "rendezvous": Rendezvous,
    "bounded": Bounded,
    "least_loaded": LeastLoaded,
    "random": Random,
}
STRATEGIES = tuple(_KNOWN)
"""The names of this package's strategies."""
_MODULES = ("airflow_balancer.strategies", "airflow_balancer")
_TARGETS = {f"{module}.{cls.__name__}": cls for module in _MODULES for cls in _KNOWN.values()}
_own_only: ContextVar[bool] = ContextVar("airflow_balancer_own_strategies_only", default=False)


def is_own_target(target: object) -> bool:
    """Return whether a `_target_` is a strategy of this package."""
    return target in _TARGETS


@contextmanager
def own_strategies_only() -> Iterator[None]:
    """Let no strategy of another package be imported or called, where the configuration's author may not run code."""
    token = _own_only.set(True)
    try:
        yield
    finally:
        _own_only.reset(token)


class _PortCandidate(NamedTuple):
    name: str
    size: int


class _Pooled(Protocol):
    @property
    def pool(self) -> str: ...


P = TypeVar("P", bound=_Pooled)


def choose_port(strategy: Strategy, key: str, ports: Sequence[P]) -> P:
    """Return the port that the strategy chooses, all weighing the same, by the names of their pools."""
    by_pool = {port.pool: port for port in ports}
    return by_pool[strategy.choose(key, [_PortCandidate(pool, 1) for pool in by_pool], {}).name]


def ranking(strategy: Strategy, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> list[C]:
    """Return the candidates in the order in which a key's attempts go through them.

    That is the strategy's own order, if it has one, else the chosen one and then the others by their scores.
    """
    if isinstance(strategy, RankingStrategy):
        return strategy.rank(key, candidates, load)
    first = strategy.choose(key, candidates, load)
    return [first, *(host for host in rank(key, candidates) if host.name != first.name)]


def check_strategy(strategy: object) -> str:
    """Return what is wrong with a strategy as written, or an empty text; nothing is imported."""
    if isinstance(strategy, Strategy):
        return ""
    name = strategy.get("_target_") if isinstance(strategy, Mapping) else strategy
    if not isinstance(name, str) or not name:
        return f"key 'strategy' must be one of {listing(_KNOWN)}, or a mapping with a _target_, not {strategy!r}"
    if name in _KNOWN or (isinstance(strategy, Mapping) and not name.startswith("airflow_balancer.")):
        return ""
    if name in _TARGETS:
        return _check_options(name, strategy) if isinstance(strategy, Mapping) else ""
    return f"key 'strategy': unknown strategy {name!r}{suggestion(name, [*_KNOWN, *_TARGETS])} (strategies: {listing(_KNOWN)})"


def _check_options(target: str, strategy: Mapping[str, Any]) -> str:
    known = _TARGETS[target].__dataclass_fields__
    options = {key: value for key, value in strategy.items() if key != "_target_"}
    if unknown := sorted(options.keys() - known.keys()):
        return f"key 'strategy': {target} has no option {unknown[0]!r} (options: {listing(known)})"
    try:
        _TARGETS[target](**options)
    except ConfigurationError as error:
        return str(error)
    return ""


def build_strategy(strategy: object) -> Strategy:
    """Return the strategy that a name, a mapping with a `_target_` or an object stands for.

    A `_target_` of another package is imported and called: use this where the configuration's author
    may run code, as a DAG file's may.

    Raises:
        ConfigurationError: For an unknown name or option, or a `_target_` that gives no strategy.
    """
    if wrong := check_strategy(strategy):
        raise ConfigurationError(wrong)
    if isinstance(strategy, Mapping):
        target = strategy["_target_"]
        if target not in _TARGETS:
            if _own_only.get():
                raise ConfigurationError(f"key 'strategy': {target!r} is of another package, and not called here")
            return _instantiate(strategy)
        return _TARGETS[target](**{key: value for key, value in strategy.items() if key != "_target_"})
    if isinstance(strategy, str):
        return (_KNOWN | _TARGETS)[strategy]()
    assert isinstance(strategy, Strategy)
    return strategy


def _instantiate(strategy: Mapping[str, Any]) -> Strategy:
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        built = instantiate(dict(strategy))
    except InstantiationException as error:
        raise ConfigurationError(f"key 'strategy': {error}") from error
    if not isinstance(built, Strategy):
        raise ConfigurationError(
            f"key 'strategy': {strategy['_target_']} gives {type(built).__name__}, which has no choose(key, candidates, load)"
        )
    return built


def strategy_data(strategy: Strategy) -> dict[str, Any]:
    """Return the mapping that `build_strategy` makes this strategy from."""
    cls = type(strategy)
    options = asdict(strategy) if hasattr(strategy, "__dataclass_fields__") else {}  # type: ignore[call-overload]
    module = _MODULES[0] if cls in _KNOWN.values() else cls.__module__
    return {"_target_": f"{module}.{cls.__name__}", **options}
