"""A plan: what Airflow has, compared with what the configurations want, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

__all__ = ("Plan", "Update")

T = TypeVar("T")


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
