"""Filters and selects the hosts and ports of a balancer object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Unpack

from ..errors import NoMatch, listing, suggestion
from ..files.reading import caller_state, calling_frame
from ..fleet.model import MAX_PORT
from ..picking.choice import call_key, choose_host, choose_port, rank_hosts
from ..picking.filters import HostFilter, HostPatterns, Patterns, PortFilter, matching_ports
from ..picking.strategies import Strategy, assigns_together
from ..ports.lock import PortRequest, record_request
from ..ports.table import DEFAULT_MIN
from .models import Host, Port
from .objects import KeepingBalancer


class SelectingBalancer(KeepingBalancer):
    """Filters and selects hosts and ports, and gives free ports."""

    @property
    def all_hosts(self) -> list[Host]:
        """The hosts, sorted by name."""
        return list(self._of_hosts.indexed.hosts)

    @property
    def all_ports(self) -> list[Port]:
        """The tracked ports, sorted by the names of their pools."""
        self._in_use  # noqa: B018 (ports that were added have their hosts then)
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
        query = HostFilter.of(name=name, queue=queue, os=os, tag=tag, custom=custom, min_size=min_size, exclude=exclude)
        return self._of_hosts.indexed.matching(query)

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
        """Return one of the hosts that match and are not drained: equal keys get the same host.

        Args:
            name: See `filter_hosts`.
            queue: See `filter_hosts`.
            os: See `filter_hosts`.
            tag: See `filter_hosts`.
            custom: See `filter_hosts`.
            key: Identifies the request. Its host does not depend on other requests. By default the calling file's
                name and the number of its selection, and a `bounded` strategy counts the selections before it.
            min_size: See `filter_hosts`.
            exclude: See `filter_hosts`.
            prefer: Patterns of names or tags: one of the hosts that match these is selected where there are any.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        query = HostFilter.of(name=name, queue=queue, os=os, tag=tag, custom=custom, min_size=min_size, exclude=exclude, prefer=prefer)
        known = self._of_hosts
        candidates = known.indexed.candidates(query)
        if key or not assigns_together(self._strategy):
            return choose_host(self._strategy, key or call_key("host"), candidates, assigned=known.assigned)
        return self._choose_by_load(candidates)

    def assign_hosts(self, keys: Iterable[str], **patterns: Unpack[HostPatterns]) -> dict[str, Host]:
        """Return a host for each key, chosen together: a `bounded` load holds over all of them, whatever their order.

        Args:
            keys: Identify the requests, such as the ids of a DAG's tasks.
            **patterns: Which hosts match; see `select_host`.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        candidates = self._of_hosts.indexed.candidates(HostFilter.of(**patterns))
        requests = {(key, ""): candidates for key in keys}
        if not assigns_together(self._strategy):
            return {key: self._strategy.choose(key, candidates, {}) for key, _ in requests}
        assigned = self._strategy.assign(requests)
        return {request[0]: assigned[request] for request in requests}

    def rank_hosts(
        self, *, key: str, index: int = -1, load: Mapping[str, int] | None = None, **patterns: Unpack[HostPatterns]
    ) -> list[Host]:
        """Return the hosts of which `select_host` selects one, in the order in which a key's attempts go through them.

        Args:
            key: Identifies the request. The first host is the one that `select_host` gives for it.
            index: The index of a mapped task with this key. A `bounded` strategy counts the picks of the lower indices.
            load: How many tasks each host has now, by name, for a strategy that goes by it.
            **patterns: Which hosts match; see `select_host`. Where `prefer` matches any, there are no others in the order.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        known = self._of_hosts
        return rank_hosts(
            self._strategy,
            key,
            known.indexed.candidates(HostFilter.of(**patterns)),
            index=index,
            assigned=known.assigned,
            load=load or {},
        )

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
            key: Identifies the request: equal keys get the same port. By default each call is a request of its own.

        Raises:
            NoFreePort: All ports of the range are taken.
            NoMatch: No host has the given name.
            ConfigurationError: The range is invalid, or the lock file is wrong, or keeps a port that is in use.
        """
        if isinstance(host, str):
            host = self._host(host)
        key = key or call_key("free_port")
        table = self._port_table(host.name)
        number = table.take(key, min, max)
        if self.port_lock:
            record_request(self.port_lock, PortRequest(host.name, key, min, max), number, table, by_file=True)
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
        if host := self._of_hosts.by_name.get(name):
            return host
        known = [host.name for host in self.hosts]
        raise NoMatch(f"no host is named {name!r}{suggestion(name, known)} (hosts: {listing(known)})")
