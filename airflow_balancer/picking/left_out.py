"""Which hosts each condition of a query leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from ..errors import listing


class LeftOut(NamedTuple):
    """The hosts that the conditions of a query leave out.

    The conditions are applied in order, and each host is left out by the first that it fails. So the hosts left out and those
    that pass all conditions add up to all hosts. If none passes, removing a condition admits exactly its hosts under `alone`.

    Attributes:
        hosts: The names of the hosts by condition, in order, for conditions that leave any out.
        alone: The names of the hosts that fail this condition and no other, by condition.
    """

    hosts: Mapping[str, Sequence[str]]
    alone: Mapping[str, Sequence[str]]

    @property
    def counts(self) -> dict[str, int]:
        """The number of hosts by condition."""
        return {key: len(names) for key, names in self.hosts.items()}

    @property
    def counted(self) -> str:
        """The counts as a phrase, such as `2 by queue, 1 drained`."""
        return ", ".join(f"{count} drained" if key == "drain" else f"{count} by {key}" for key, count in self.counts.items())

    def __str__(self) -> str:
        if not self.hosts:
            return "there are no hosts"
        total = sum(self.counts.values())
        hints = [f"without {key}: {listing(names)}" for key, names in self.alone.items()]
        return "; ".join([f"{total} {'host' if total == 1 else 'hosts'} left out: {self.counted}", *hints])


def left_out(names: Sequence[str], admitted: Mapping[str, Set[int]]) -> LeftOut:
    """Return what each condition leaves out.

    Args:
        names: The names of all hosts.
        admitted: The positions of the hosts that each condition admits, in the order in which the conditions are applied.
    """
    everything = frozenset(range(len(names)))
    left, hosts, failed = everything, dict[str, list[str]](), Counter[int]()
    for key, positions in admitted.items():
        hosts[key] = [names[at] for at in sorted(left - positions)]
        left &= positions
        failed.update(everything - positions)
    once = {at for at, count in failed.items() if count == 1}
    alone = {key: [names[at] for at in sorted(once - positions)] for key, positions in admitted.items()}
    return LeftOut(*({key: found for key, found in by_key.items() if found} for by_key in (hosts, alone)))
