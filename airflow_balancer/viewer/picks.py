"""The picks of a configuration, the reason for each, and the moves between two fleets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from ..files.reading import reading
from ..fleet.fleet import Fleet
from ..hydra.composed import Composed
from ..lock.file import lock_at
from ..lock.recorder import Recorder
from ..picking.picked import Picked
from ..picking.reasons import Side, reason_of_move, reason_of_pick
from ..picking.rendezvous import rank
from ..picking.strategies import build_strategy
from .catalogue import Catalogue
from .models.picks import MoveRow, PickRow, PicksAnswer
from .models.requests import ConfigurationQuery


class Pick(NamedTuple):
    """A pick, and why it is this host."""

    picked: Picked
    why: str


def picks(catalogue: Catalogue, query: ConfigurationQuery) -> PicksAnswer:
    """Return the picks of a configuration's own tree, and the reason for each."""
    opened = catalogue.open(query.configuration, query.environment)
    return PicksAnswer(hosts=len(opened.fleet.hosts), picks=[pick_row(pick) for pick in opened.guarded(picks_of)])


def pick_row(pick: Pick) -> PickRow:
    """Return a pick in the API's format."""
    made = pick.picked
    names = [host.name for host in rank(made.key, made.candidates)]
    return PickRow(key=made.key, query=made.query, host=made.host, candidates=names, why=pick.why)


def picks_of(composed: Composed) -> list[Pick]:
    """Return the picks of a composed config's own nodes, without those that fail."""
    if not isinstance(composed.root, DictConfig):
        return []
    settings = composed.fleet.settings
    recorder = Recorder(lock_at(Path(settings.lock)) if settings.lock else None)
    with reading(recorder=recorder):
        composed.outcomes()
    return [Pick(pick, reason_of_pick(pick, composed.strategy)) for pick in recorder.in_order]


def side_of(fleet: Fleet) -> Side:
    """Return the strategy and the hosts behind a fleet's picks."""
    return Side(build_strategy(fleet.settings.strategy), fleet.by_name)


def moves(before: Sequence[Pick], after: Sequence[Pick], old: Fleet, new: Fleet) -> Iterator[MoveRow]:
    """Yield each request whose host differs between two fleets."""
    sides = side_of(old), side_of(new)
    earlier, later = ({(pick.picked.key, pick.picked.query): pick.picked for pick in made} for made in (before, after))
    for key, query in sorted(earlier.keys() | later.keys()):
        was, will = earlier.get((key, query)), later.get((key, query))
        if was is None or will is None or was.host != will.host:
            yield MoveRow(key=key, query=query, before=was and was.host, after=will and will.host, why=_reason(was, will, *sides))


def _reason(was: Picked | None, will: Picked | None, before: Side, after: Side) -> str:
    if was is None:
        return "is requested only then"
    return reason_of_move(was, will, before, after) if will else "no host matches any more"
