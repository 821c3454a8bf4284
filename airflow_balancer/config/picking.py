"""What a balancer answers to those who ask for a host or a port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Unpack

from airflow_pydantic import BalancerConfiguration as BaseBalancerConfiguration
from pydantic import PrivateAttr

from ..errors import NoMatch, listing, suggestion
from ..files.keys import call_key, caller_state, calling_frame
from ..fleet.model import MAX_PORT
from ..picking.filters import HostFilter, HostPatterns, Patterns, PortFilter, matching_ports
from ..picking.strategies import Strategy, assigns_together, choose_port, ranking
from ..ports.asks import note_ask
from ..ports.lock import LockAsk
from ..ports.table import DEFAULT_MIN
from .host import Host
from .indexed import IndexedHosts
from .port import Port
from .port_tables import PortTables

__all__ = ("Picking",)


class Picking(BaseBalancerConfiguration):
    """Filters and selects hosts and ports, and gives free ports."""

    _indexed: IndexedHosts = PrivateAttr(default_factory=IndexedHosts)
    _tables: PortTables = PrivateAttr(default_factory=PortTables)

    @property
    def all_hosts(self) -> list[Host]:
        """The hosts, sorted by name."""
        return list(self._indexed.of(self.hosts).hosts)

    @property
    def all_ports(self) -> list[Port]:
        """The tracked ports, sorted by the names of their pools."""
        return sorted(self.ports, key=lambda port: port.pool)

    def filter_hosts(
        self,
        name: Patterns = None,
        queue: Patterns = None,
        os: Patterns = None,
        tag: Patterns = None,
        custom: Callable[[Host], object] | None = None,
        *,
        min_size: int | None = None,
        exclude: Patterns = None,
    ) -> list[Host]:
        """Return the hosts that match, sorted by name; drained ones, too.

        Args:
            name: A shell pattern, or several of which one must match.
            queue: Likewise for the host's queues.
            os: Likewise for its operating system.
            tag: Likewise for its tags.
            custom: Returns whether a host is wanted.
            min_size: The smallest size, in slots.
            exclude: Patterns of names that are not wanted.

        Raises:
            NoMatch: No host matches; a RuntimeError.
        """
        query = HostFilter.of(name, queue, os, tag, custom, min_size=min_size, exclude=exclude)
        return self._indexed.of(self.hosts).matching(query)

    def select_host(
        self,
        name: Patterns = None,
        queue: Patterns = None,
        os: Patterns = "",
        tag: Patterns = "",
        custom: Callable[[Host], object] | None = None,
        *,
        key: str | None = None,
        min_size: int | None = None,
        exclude: Patterns = None,
        prefer: Patterns = None,
    ) -> Host:
        """Return one of the hosts that match and are not drained: the same one for the same key, wherever it is asked.

        Args:
            name: See `filter_hosts`.
            queue: See `filter_hosts`.
            os: See `filter_hosts`.
            tag: See `filter_hosts`.
            custom: See `filter_hosts`.
            key: Who asks: a key is given its host whatever else is asked. By default the calling file's name and
                which of its selections this is, and a `bounded` strategy counts those that went before.
            min_size: See `filter_hosts`.
            exclude: See `filter_hosts`.
            prefer: Patterns of names or tags: one of the hosts that match these is selected where there are any.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        query = HostFilter.of(name, queue, os, tag, custom, min_size=min_size, exclude=exclude, prefer=prefer)
        candidates = self._indexed.of(self.hosts).candidates(query)
        if key or not assigns_together(self._strategy):
            return self._strategy.choose(key or call_key("host"), candidates, {})
        return self._choose_by_load(candidates)

    def assign_hosts(self, keys: Iterable[str], **patterns: Unpack[HostPatterns]) -> dict[str, Host]:
        """Return a host for each key, chosen together: a `bounded` load holds over all of them, whatever their order.

        Args:
            keys: Who asks, such as the ids of a DAG's tasks.
            **patterns: Which hosts match; see `select_host`.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        candidates = self._indexed.of(self.hosts).candidates(HostFilter.of(**patterns))
        asks = {(key, ""): candidates for key in keys}
        if not assigns_together(self._strategy):
            return {key: self._strategy.choose(key, candidates, {}) for key, _ in asks}
        assigned = self._strategy.assign(asks)
        return {ask[0]: assigned[ask] for ask in asks}

    def rank_hosts(self, *, key: str, load: Mapping[str, int] | None = None, **patterns: Unpack[HostPatterns]) -> list[Host]:
        """Return the hosts of which `select_host` selects one, in the order in which a key's attempts go through them.

        Args:
            key: Who asks. The first host is the one that `select_host` gives for it.
            load: How many tasks each host has now, by name, for a strategy that goes by it.
            **patterns: Which hosts match; see `select_host`. Where `prefer` matches any, there are no others in the order.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        return ranking(self._strategy, key, self._indexed.of(self.hosts).candidates(HostFilter.of(**patterns)), load or {})

    def filter_ports(self, name: Patterns = None, tag: Patterns = None, custom: Callable[[Port], object] | None = None) -> list[Port]:
        """Return the tracked ports that match, sorted by the names of their pools.

        Raises:
            NoMatch: No port matches; a RuntimeError.
        """
        return matching_ports(PortFilter.of(name, tag, custom), self.all_ports)

    def select_port(
        self,
        name: Patterns = None,
        tag: Patterns = "",
        custom: Callable[[Port], object] | None = None,
        *,
        key: str | None = None,
    ) -> Port:
        """Return one of the tracked ports that match: the same one for the same key.

        Raises:
            NoMatch: No port matches; a RuntimeError.
        """
        return choose_port(self._strategy, key or call_key("port"), self.filter_ports(name, tag, custom))

    def free_port(self, host: Host | str, min: int = DEFAULT_MIN, max: int = MAX_PORT, *, key: str | None = None) -> Port:  # noqa: A002 (published names)
        """Return a port of the host that is neither tracked nor given to another key: the key's own in the lock file, if it has one.

        Args:
            host: The host, or the name of one of this balancer's.
            min: The first port that may be given.
            max: The last port that may be given.
            key: Who asks: equal keys get the same port. By default every call is another.

        Raises:
            NoFreePort: All ports of the range are taken.
            NoMatch: No host has the given name.
            ConfigurationError: The range is none, or the lock file is wrong, or keeps a port that is in use.
        """
        if isinstance(host, str):
            host = self._host(host)
        key = key or call_key("free_port")
        table = self._tables.of(host.name, self.ports, self.port_lock)
        number = table.take(key, min, max)
        if self.port_lock:
            note_ask(self.port_lock, LockAsk(host.name, key, min, max), number, table, by_file=True)
        return Port.at(host, number)

    def _choose_by_load(self, candidates: Sequence[Host]) -> Host:
        """Choose by the picks that the calling file has made so far without keys of its own."""
        # The balancer is kept with its picks, so that no other one gets its id.
        _, load = caller_state(calling_frame()).setdefault(("picks", id(self)), (self, Counter[str]()))
        host = self._strategy.choose(call_key("host"), candidates, load)
        load[host.name] += 1
        return host

    @property
    def _strategy(self) -> Strategy:
        strategy: Strategy = self.strategy
        return strategy

    def _host(self, name: str) -> Host:
        if host := self._tables.host(name, self.hosts):
            return host
        known = [host.name for host in self.hosts]
        raise NoMatch(f"no host is named {name!r}{suggestion(name, known)} (hosts: {listing(known)})")
