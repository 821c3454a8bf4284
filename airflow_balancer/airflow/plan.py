"""A plan: what Airflow has, compared with what the configurations want, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

__all__ = ("Plan", "Update")

_ORPHANED = "no configuration wants it; prune=true deletes it"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


class Update(NamedTuple, Generic[T]):
    """One change: `before` is what Airflow has, `after` what it will have."""

    before: T
    after: T


@dataclass(frozen=True)
class Plan(Generic[T]):
    """Each item in exactly one of four groups, sorted by name.

    Attributes:
        create: Wanted, and not in Airflow.
        update: In Airflow, and other than wanted.
        unchanged: As wanted, or left as it is; `notes` says why it is left.
        orphaned: Made by the balancer and no longer wanted; only pruning deletes it.
        notes: By name, why an item is not changed to what the configuration says.
    """

    create: tuple[T, ...] = ()
    update: tuple[Update[T], ...] = ()
    unchanged: tuple[T, ...] = ()
    orphaned: tuple[T, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    def differs(self, *, prune: bool = False) -> bool:
        """Return whether applying the plan writes anything."""
        return bool(self.create or self.update or (prune and self.orphaned))

    def summary(self) -> str:
        """Return the number of items in each group as text."""
        groups = {"created": self.create, "updated": self.update, "unchanged": self.unchanged, "orphaned": self.orphaned}
        return ", ".join(f"{len(items)} {name}" for name, items in groups.items())

    def rows(self) -> list[dict[str, str]]:
        """Return what differs as plain data, sorted by name: `change`, `name` and `note`.

        A `change` is `create`, `update`, `orphaned`, or `kept` for an item that stays unlike its configuration.
        """
        groups: dict[str, Iterable[T]] = {
            "create": self.create,
            "update": [change.after for change in self.update],
            "orphaned": self.orphaned,
            "kept": [item for item in self.unchanged if item.name in self.notes],
        }
        rows = [(item.name, change) for change, items in groups.items() for item in items]
        notes = {**self.notes, **{item.name: _ORPHANED for item in self.orphaned}}
        return [{"change": change, "name": name, "note": notes.get(name, "")} for name, change in sorted(rows)]
