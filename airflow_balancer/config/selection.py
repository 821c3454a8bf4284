"""Filters and selects the hosts and ports of a balancer object, and allocates free ports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Unpack
from weakref import ref

from airflow_pydantic import BalancerConfiguration as BaseBalancerConfiguration
from pydantic import PrivateAttr

from ..errors import NoMatch, listing, suggestion
from ..files.reading import caller_state, calling_frame
from ..fleet.fleet import Fleet
from ..fleet.model import MAX_PORT
from ..lock.entries import PortRequest
from ..lock.hosts import locked_hosts, note_pick
from ..lock.recorder import locked_ports, record_port
from ..picking.choice import Asked, Assigned, call_key, choose_host, choose_port, index_key, rank_hosts
from ..picking.filters import HostFilter, HostIndex, HostPatterns, Patterns, PortFilter, matching_ports
from ..picking.strategies import assigns_together, strategy_data
from ..ports.table import DEFAULT_MIN, PortTable
from .models import Host, Port, has_values_of, settle_objects
from .watching import Known, watch


class SelectingBalancer(BaseBalancerConfiguration):
    """Answers from an index of its hosts and tables of its ports, rebuilt after a change of either.

    These are its `Known`, which is not copied with it. Hosts and ports hold weak references to it.
    """

    __slots__ = ("_kept",)

    _assigned: tuple[str, Mapping[Asked, str]] = PrivateAttr(default=("", {}))
    _source: str = PrivateAttr(default="")

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            self._known.forget()
        super().__setattr__(name, value)

    @property
    def _known(self) -> Known:
        try:
            known: Known = object.__getattribute__(self, "_kept")
        except AttributeError:
            known = Known()
            object.__setattr__(self, "_kept", known)
        return known

    @property
    def fleet(self) -> Fleet:
        """The same hosts, ports and settings as validated plain data.

        It is validated again only after a value changed. Pools and hook arguments do not tell of changes, so all values
        are compared, which takes a tenth of the time.
        """
        known = self._known
        if known.fleet is None or not has_values_of(known.fleet, self.hosts, self.ports):
            known.fleet = Fleet.from_data(self.__dict__)
        return known.fleet

    @property
    def _of_hosts(self) -> tuple[HostIndex[Host], Assigned]:
        """The index of the hosts, with defaults applied, and the hosts that the lock file or a composed tree gives to keys."""
        known = self._known
        if known.hosts is None:
            if any(host.size is None or host.pool is None for host in self.hosts):
                self._settle_objects()
            digest, assigned = self._assigned
            valid = bool(assigned) and digest == self._digest()
            watch(self, "hosts", ("queues", "tags"), ref(known))
            index = HostIndex(self.hosts)
            known.hosts = index, locked_hosts(self.lock, index, self.strategy, assigned if valid else {})
        return known.hosts

    @property
    def _in_use(self) -> dict[str, list[int]]:
        """The numbers of the tracked ports by host. Each port then has its host as an object."""
        known = self._known
        if known.in_use is None:
            hosts = self._of_hosts[0].by_name
            if any(port.host is None or port.host is not hosts.get(port.host.name) for port in self.ports):
                self._settle_objects()
                self._of_hosts  # noqa: B018 (watches the hosts that ports have now)
            watch(self, "ports", (), ref(known))
            in_use: dict[str, list[int]] = {}
            for port in self.ports:
                in_use.setdefault(port.host.name, []).append(port.port)
            for (host, _), table in known.tables.items():
                table.reserve(in_use.get(host, ()))
            known.in_use = in_use
        return known.in_use

    def _settle_objects(self) -> None:
        """Apply the rules and defaults to all objects, including those added in place."""
        self.hosts[:], self.ports[:] = settle_objects(self.fleet, self.hosts, self.ports)

    def _carry(self, source: str, assigned: Mapping[Asked, str]) -> None:
        """Keep the root file, and what its tree assigned, which holds while hosts and strategy stay the same."""
        self._source = source
        if assigned:
            self._assigned = (self._digest(), assigned)
        self._known.hosts = self._known.source = None

    def _digest(self) -> str:
        """Return a digest of all that picks depend on."""
        hosts = sorted((host.name, host.size, bool(host.drain), host.os, host.queues, host.tags) for host in self.hosts)
        return blake2b(repr((strategy_data(self.strategy), hosts)).encode()).hexdigest()

    def _take_port(self, host: str, key: str, first: int, last: int) -> int:
        """Return a port that no balancer of the same YAML gave in the calling file, which may load it many times."""
        known = self._known
        table = known.tables[host, self.lock]
        if known.source is None:
            known.source = self._source  # pydantic takes microseconds for a private attribute
        if not known.source:
            return table.take(key, first, last)
        given: dict[tuple[str, int, int], int] = caller_state(calling_frame()).setdefault(("free ports", known.source, host), {})
        number = given.get((key, first, last))
        if number is None or number in table.in_use:
            table.avoid(given)
            number = given[key, first, last] = table.take(key, first, last)
        return number

    @property
    def all_hosts(self) -> list[Host]:
        """The hosts, sorted by name."""
        return list(self._of_hosts[0].hosts)

    @property
    def all_ports(self) -> list[Port]:
        """The tracked ports, sorted by the names of their pools."""
        self._in_use  # noqa: B018 (gives added ports their hosts)
        return sorted(self.ports, key=lambda port: port.pool)

    def filter_hosts(
        self,
        name: Patterns = None,
        queue: Patterns = None,
        os: Patterns = None,
        tag: Patterns = None,
        custom: Callable[[Host], object] | None = None,
        *,
        all_tags: Patterns = None,
        min_size: int | None = None,
        exclude: Patterns = None,
    ) -> list[Host]:
        """Return the hosts that match, sorted by name, including drained ones.

        Args:
            name: A shell pattern, or several of which one must match.
            queue: Likewise for the host's queues.
            os: Likewise for its operating system.
            tag: Likewise for its tags.
            all_tags: Likewise, but the host must have a tag for each pattern.
            custom: A function that returns whether a host matches.
            min_size: The smallest size, in slots.
            exclude: Patterns of names that must not match.

        Raises:
            NoMatch: No host matches; a RuntimeError.
        """
        patterns = HostPatterns(name=name, queue=queue, os=os, tag=tag, custom=custom, all_tags=all_tags, min_size=min_size)
        return self._of_hosts[0].matching(HostFilter.of(**patterns | {"exclude": exclude}))

    def select_host(
        self,
        name: Patterns = None,
        queue: Patterns = None,
        os: Patterns = "",
        tag: Patterns = "",
        custom: Callable[[Host], object] | None = None,
        *,
        key: str | None = None,
        all_tags: Patterns = None,
        min_size: int | None = None,
        exclude: Patterns = None,
        prefer: Patterns = None,
    ) -> Host:
        """Select one matching host. Equal keys get the same host; drained hosts are skipped.

        The arguments are those of `filter_hosts`, and two more. `key` identifies the request; its host does not
        depend on other requests. The default key is the calling file's name and the number of the selection, and a
        `bounded` strategy then counts the selections before it. `prefer` has patterns of names or tags; if any
        matching host matches these, only such hosts are candidates.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        patterns = HostPatterns(name=name, queue=queue, os=os, tag=tag, custom=custom, all_tags=all_tags, min_size=min_size)
        index, assigned = self._of_hosts
        candidates = index.candidates(query := HostFilter.of(**patterns | {"exclude": exclude, "prefer": prefer}))
        load = Counter[str]()
        if not key and assigns_together(self.strategy):
            # The picks of the calling file so far. The balancer is kept with them, so that no other one gets its id.
            _, load = caller_state(calling_frame()).setdefault(("picks", id(self)), (self, load))
        key = key or call_key("host")
        host = choose_host(self.strategy, key, candidates, assigned=assigned, load=load)
        load[host.name] += 1
        note_pick(assigned, key, query, candidates, host.name, source=self._source)
        return host

    def assign_hosts(self, keys: Iterable[str], **patterns: Unpack[HostPatterns]) -> dict[str, Host]:
        """Assign a host to each key, all together: the bound of `bounded` holds over all keys, in any order.

        A key with a host in the lock file or in the composed tree gets that one, and it counts.

        Args:
            keys: Identify the requests, such as the ids of a DAG's tasks.
            **patterns: Which hosts match; see `select_host`.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        index, assigned = self._of_hosts
        candidates = index.candidates(query := HostFilter.of(**patterns))
        requests = {(key, candidates.names): candidates for key in keys}
        names = {request: name for request in requests if (name := assigned.get(request))}
        if assigns_together(self.strategy):
            names |= {request: host.name for request, host in self.strategy.assign(requests, names).items()}
        hosts = {key: choose_host(self.strategy, key, candidates, assigned=names) for key, _ in requests}
        for key, host in hosts.items():
            note_pick(assigned, key, query, candidates, host.name, source=self._source)
        return hosts

    def rank_hosts(
        self, *, key: str, index: int = -1, load: Mapping[str, int] | None = None, **patterns: Unpack[HostPatterns]
    ) -> list[Host]:
        """Return the hosts of which `select_host` selects one, in the order in which a key's attempts go through them.

        Args:
            key: Identifies the request. The first host is the one that `select_host` gives for it.
            index: The index of a mapped task with this key. A `bounded` strategy counts the picks of the lower indices.
            load: How many tasks each host has now, by name, for strategies that use it.
            **patterns: Which hosts match; see `select_host`. If `prefer` matches any, only those are returned.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        known, assigned = self._of_hosts
        candidates = known.candidates(query := HostFilter.of(**patterns))
        ranked = rank_hosts(self.strategy, key, candidates, index=index, assigned=assigned, load=load or {})
        if key:  # no lock file has the host of an index
            kept, own_key = (assigned, key) if index < 0 else ({}, index_key(key, index))
            note_pick(kept, own_key, query, candidates, ranked[0].name, source=self._source)
        return ranked

    def filter_ports(self, name: Patterns = None, tag: Patterns = None, custom: Callable[[Port], object] | None = None) -> list[Port]:
        """Return the tracked ports that match, sorted by the names of their pools.

        Raises:
            NoMatch: No port matches; a RuntimeError.
        """
        return matching_ports(PortFilter.of(name, tag, custom), self.all_ports)

    def select_port(
        self, name: Patterns = None, tag: Patterns = "", custom: Callable[[Port], object] | None = None, *, key: str | None = None
    ) -> Port:
        """Select one matching tracked port. Equal keys get the same port.

        Raises:
            NoMatch: No port matches; a RuntimeError.
        """
        return choose_port(self.strategy, key or call_key("port"), self.filter_ports(name, tag, custom))

    def free_port(self, host: Host | str, min: int = DEFAULT_MIN, max: int = MAX_PORT, *, key: str | None = None) -> Port:  # noqa: A002 (published names)
        """Return a port of the host that is neither tracked nor given to another key; the one in the lock file if the key has one there.

        Args:
            host: The host, or the name of one of this balancer's hosts.
            min: The first port that may be given.
            max: The last port that may be given.
            key: Identifies the request: equal keys get the same port. By default, each call is another request.

        Raises:
            NoFreePort: All ports of the range are taken.
            NoMatch: No host has the given name.
            ConfigurationError: The range is invalid, or the lock file is wrong, or keeps a port that is in use.
        """
        in_use, by_name, tables = self._in_use, self._of_hosts[0].by_name, self._known.tables
        if isinstance(host, str):
            if host not in by_name:
                raise NoMatch(f"no host is named {host!r}{suggestion(host, by_name)} (hosts: {listing(by_name)})")
            host = by_name[host]
        key, place = key or call_key("free_port"), (host.name, self.lock)
        if place not in tables:
            tables[place] = PortTable(host.name, in_use.get(host.name, ()), locked_ports(self.lock, host.name))
        number = self._take_port(host.name, key, min, max)
        if self.lock:
            record_port(self.lock, PortRequest(host.name, str.__str__(key), int(min), int(max)), number, tables[place], by_file=True)
        return Port.at(host, number)
