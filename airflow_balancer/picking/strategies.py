"""Strategies: each chooses one of the candidates for a key.

A strategy is pure: the same key, candidates and load give the same choice on every machine and in
every process, in any order of the candidates. Only `random` breaks that promise, on purpose.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, TypeVar, runtime_checkable

from ..errors import ConfigurationError
from ..files.reading import current_reading
from ..fleet.strategy import CLASSES, TARGETS, check_strategy, option_problem
from .folding import fold
from .rendezvous import Bounded, Candidate, Candidates, Request, rank

if TYPE_CHECKING:
    from ..fleet.fleet import Fleet


class Ranking:
    """The hosts that a task may run on.

    Not a dataclass: Hydra would take it for a structured config, and turn it into a mapping.

    Attributes:
        fleet: The candidates, and the settings of their balancer.
        key: Identifies the task.
        first: The name of the host of its first attempt.
    """

    def __init__(self, fleet: Fleet, key: str, first: str) -> None:
        self.fleet = fleet
        self.key = key
        self.first = first

    def __repr__(self) -> str:
        return f"Ranking({fold(host.name for host in self.fleet.hosts)}, key={self.key!r}, first={self.first!r})"

    def __str__(self) -> str:
        """The names in the order of the attempts, as in a command that has them."""
        names = [host.name for host in rank(self.key, self.fleet.hosts)]
        return ",".join([self.first, *(name for name in names if name != self.first)])


C = TypeVar("C", bound=Candidate)


@runtime_checkable
class Strategy(Protocol):
    """Chooses a host for a key. Any class with `choose` is a strategy, and YAML names it by its `_target_`."""

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:
        """Return one of the candidates.

        Args:
            key: Identifies the request.
            candidates: The hosts that match the request; at least one.
            load: How many picks each host has already, or at run time how many slots are taken on it, by name;
                a missing host has 0.
        """


class BatchStrategy(Strategy, Protocol):
    """A strategy that can also assign all requests of a configuration together."""

    def assign(self, requests: Mapping[Request, Sequence[C]], assigned: Mapping[Request, str] = ...) -> Mapping[Request, C]:
        """Return a host for each request that has none under `assigned`; the order of requests and candidates does not matter."""


def assigns_together(strategy: Strategy) -> TypeGuard[BatchStrategy]:
    """Return whether a strategy assigns all requests of a configuration together."""
    return hasattr(strategy, "assign")


@runtime_checkable
class RankingStrategy(Strategy, Protocol):
    """A strategy that also orders the candidates for a key's attempts."""

    def rank(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> list[C]:
        """Return all candidates, beginning with the one that `choose` returns."""


@dataclass(frozen=True)
class Rendezvous:
    """Rendezvous hashing, each host weighted by its size.

    Each host gets the score `-size / ln(u)`, where `u` in (0, 1) is a hash of key and host name, and
    the highest score wins. A host's share of many keys is its share of the sizes, and when a host
    leaves, only its own keys move. Thaler and Ravishankar 1998; the weights as in Schindelhauer and
    Schomaker 2005.

    >>> from ..fleet.model import HostSpec
    >>> hosts = [HostSpec(name="host1", size=16), HostSpec(name="host2", size=8)]
    >>> [host.name for host in Rendezvous().rank("nightly", hosts, {})]
    ['host2', 'host1']
    """

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:  # noqa: ARG002 (Strategy)
        """Return the candidate with the highest score; the load does not matter."""
        return next(Candidates.of(candidates).best_first(key))

    def rank(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> list[C]:  # noqa: ARG002 (Strategy)
        """Return the candidates from the highest score to the lowest."""
        return rank(key, candidates)


@dataclass(frozen=True)
class LeastLoaded:
    """The host with the fewest taken slots for its size, given the load.

    Equally loaded hosts are in the order of rendezvous hashing. So is every pick without a load, as while a
    DAG file is parsed or a configuration composed: the load of that moment would change the DAG at each parse.

    >>> from ..fleet.model import HostSpec
    >>> hosts = [HostSpec(name="host1", size=16), HostSpec(name="host2", size=8)]
    >>> LeastLoaded().choose("nightly", hosts, {"host1": 4, "host2": 3}).name
    'host1'

    Attributes:
        deadline: The most seconds in which a task asks its candidates, if they hold slots, how many are held.
    """

    deadline: float = 2.0

    def __post_init__(self) -> None:
        if wrong := option_problem("LeastLoaded", "deadline", self.deadline):
            raise ConfigurationError(wrong)

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:
        """Return the candidate with the smallest load for its size; of several, the one with the highest score."""
        return self.rank(key, candidates, load)[0] if load else Rendezvous().choose(key, candidates, load)

    def rank(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> list[C]:
        """Return the candidates from the smallest load for their size to the largest, equal ones by score."""
        return sorted(rank(key, candidates), key=lambda host: load.get(host.name, 0) / (host.size or 1))


@dataclass(frozen=True)
class Random:
    """A random host at each pick, weighted by size.

    Each parse of a DAG file then changes its serialized form, so Airflow makes a new DAG version.
    """

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:  # noqa: ARG002 (Strategy)
        """Return a random candidate; key and load do not matter."""
        return random.SystemRandom().choices(candidates, [host.size or 1 for host in candidates])[0]


_CLASSES = {cls.__name__: cls for cls in (Rendezvous, Bounded, LeastLoaded, Random)}
_BY_NAME: Mapping[str, Strategy] = {name: _CLASSES[cls]() for name, cls in (CLASSES | TARGETS).items()}
"""The strategies without options. They are frozen, so all balancers share one of each."""


def build_strategy(strategy: object) -> Strategy:
    """Return the strategy for a name, a mapping with a `_target_`, or a strategy object.

    A `_target_` of another package is imported and called, so the author of the configuration can run code.

    Raises:
        ConfigurationError: A name or option is unknown, or a `_target_` does not give a strategy.
    """
    if isinstance(strategy, str) and strategy in _BY_NAME:
        return _BY_NAME[strategy]
    if wrong := check_strategy(strategy):
        raise ConfigurationError(wrong)
    if isinstance(strategy, Mapping):
        target = strategy["_target_"]
        if target not in TARGETS:
            if not current_reading().foreign_code:
                raise ConfigurationError(f"key 'strategy': {target!r} is of another package, and not called here")
            return _instantiate(strategy)
        return _CLASSES[TARGETS[target]](**{key: value for key, value in strategy.items() if key != "_target_"})
    assert isinstance(strategy, Strategy)
    return strategy


def _instantiate(strategy: Mapping[str, Any]) -> Strategy:
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate
    from omegaconf.errors import OmegaConfBaseException

    folders = current_reading().modules
    try:
        with _importing_from(folders):
            built = instantiate(dict(strategy))
    except (InstantiationException, OmegaConfBaseException, TypeError, SystemExit) as error:
        if "Error locating target" in str(error):
            raise ConfigurationError(_not_found(str(strategy["_target_"]), error, folders)) from error
        text = str(error).partition("\n")[0] if isinstance(error, OmegaConfBaseException) else error  # without OmegaConf's objects
        raise ConfigurationError(f"key 'strategy': {type(error).__name__}: {text}") from error
    if not isinstance(built, Strategy):
        raise ConfigurationError(
            f"key 'strategy': {strategy['_target_']} gives {type(built).__name__}, which has no choose(key, candidates, load)"
        )
    return built


@contextmanager
def _importing_from(folders: Sequence[Path]) -> Iterator[None]:
    """Let modules in `folders` be imported; modules of the same name in Python's own path come first."""
    added = [str(folder) for folder in folders if str(folder) not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for folder in added:
            sys.path.remove(folder)


def _not_found(target: str, error: BaseException, folders: Sequence[Path]) -> str:
    """Return the message for a class that cannot be imported: the cause, and where its module may be."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    places = ["installed", "in a folder of PYTHONPATH", *(f"in {folder}" for folder in folders)]
    return f"key 'strategy': {target!r} cannot be imported: {cause}; its module must be {', '.join(places[:-1])} or {places[-1]}"


def strategy_data(strategy: Strategy) -> dict[str, Any]:
    """Return the mapping from which `build_strategy` builds an equal strategy."""
    cls = type(strategy)
    options = asdict(strategy) if hasattr(strategy, "__dataclass_fields__") else {}  # type: ignore[call-overload]
    module = "airflow_balancer.strategies" if cls in _CLASSES.values() else cls.__module__
    return {"_target_": f"{module}.{cls.__name__}", **options}
