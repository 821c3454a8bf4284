"""Every pick that a configuration makes, why it is this host, and each host's load."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from ..files.reading import reading
from ..fleet.drain import drained
from ..fleet.fleet import Fleet
from ..hydra.composed import Composed
from ..lock.file import lock_at
from ..lock.recorder import Recorder
from ..picking.picked import Picked, Weighed
from ..picking.rendezvous import Bounded, rank
from ..picking.strategies import LeastLoaded, Rendezvous, Strategy, build_strategy
from .catalogue import Catalogue
from .models import ConfigurationQuery, MoveRow, PickRow, PicksAnswer

_MOST_NAMED = 5


class Pick(NamedTuple):
    """A pick: its key and query, the hosts that match, in the order of the key's ranking, the host, and why it is this one."""

    key: str
    query: str
    candidates: Sequence[Weighed]
    host: str
    why: str


def picks(catalogue: Catalogue, query: ConfigurationQuery) -> PicksAnswer:
    """Return every pick of a configuration's own tree, and why it is this host."""
    opened = catalogue.open(query.configuration, query.environment)
    return PicksAnswer(hosts=len(opened.fleet.hosts), picks=[pick_row(pick) for pick in opened.guarded(picks_of)])


def pick_row(pick: Pick) -> PickRow:
    """Return a pick as the API has it."""
    names = [host.name for host in pick.candidates]
    return PickRow(key=pick.key, query=pick.query, host=pick.host, candidates=names, why=pick.why)


def picks_of(composed: Composed) -> list[Pick]:
    """Return the picks of a composed config's own nodes; those that cannot be made are left out."""
    if not isinstance(composed.root, DictConfig):
        return []
    settings = composed.fleet.settings
    recorder = Recorder(lock_at(Path(settings.lock)) if settings.lock else None)
    with reading(recorder=recorder):
        composed.outcomes()
    strategy = build_strategy(settings.strategy)
    return [_explained(strategy, pick) for pick in recorder.in_order]


def _explained(strategy: Strategy, pick: Picked) -> Pick:
    if not isinstance(strategy, Rendezvous | Bounded | LeastLoaded):
        return Pick(pick.key, pick.query, pick.candidates, pick.host, f"chosen by {type(strategy).__name__}")
    ranked = rank(pick.key, pick.candidates)
    why = "kept by the lock file" if pick.locked else _why([candidate.name for candidate in ranked], pick.host)
    return Pick(pick.key, pick.query, ranked, pick.host, why)


def _why(ranking: Sequence[str], host: str) -> str:
    if len(ranking) == 1:
        return "the only candidate"
    place = ranking.index(host)
    if place == 0:
        return f"first of {len(ranking)} in its key's ranking"
    before = ", ".join(ranking[:place][:_MOST_NAMED]) + (f" and {place - _MOST_NAMED} more" if place > _MOST_NAMED else "")
    return f"number {place + 1} of {len(ranking)} in its key's ranking: {before} had their share of the other picks"


def loads(fleet: Fleet, made: Sequence[Pick]) -> dict[str, tuple[int, float]]:
    """Return each host's picks and its fair share: its part of the sizes among the candidates of each pick."""
    counts, fair = Counter(pick.host for pick in made), defaultdict[str, float](float)
    for pick in made:
        slots = sum(host.size for host in pick.candidates)
        for host in pick.candidates:
            fair[host.name] += host.size / slots
    return {host.name: (counts[host.name], round(fair[host.name], 2)) for host in fleet.hosts}


def moves(before: Sequence[Pick], after: Sequence[Pick], fleet: Fleet) -> Iterator[MoveRow]:
    """Yield each request whose host differs; `fleet` is the one after."""
    old, new = ({(pick.key, pick.query): pick for pick in made} for made in (before, after))
    for key, query in sorted(old.keys() | new.keys()):
        was, will = old.get((key, query)), new.get((key, query))
        if was is None or will is None or was.host != will.host:
            yield MoveRow(key=key, query=query, before=was and was.host, after=will and will.host, why=_reason(was, will, fleet))


def _reason(was: Pick | None, will: Pick | None, fleet: Fleet) -> str:
    """Return why a pick moves from one host to another."""
    if was is None:
        return "is requested only then"
    if will is None:
        return "no host matches any more"
    if was.host not in fleet.by_name:
        return f"{was.host} is gone"
    if fleet.by_name[was.host].drain:
        return drained(fleet.by_name[was.host])
    if will.host not in {host.name for host in was.candidates}:
        return f"{will.host} is a new candidate"
    return "sizes, or the load of the other picks, changed"
