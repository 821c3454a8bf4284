"""The index gives what looking at each host would."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from airflow_balancer import NoMatch
from airflow_balancer.fleet.model import HostSpec
from airflow_balancer.picking.filters import HostFilter, HostIndex

words = st.sampled_from(["a", "b", "ab", "a*", "?", "[ab]", "c"])
names = st.lists(words.filter(str.isalpha), max_size=2)
patterns = st.lists(words, max_size=2)


@st.composite
def fleets(draw):
    count = draw(st.integers(0, 6))
    systems = st.none() | words.filter(str.isalpha)
    return [
        HostSpec(name=f"{draw(words)}{n}", size=n + 1, os=draw(systems), queues=draw(names), tags=draw(names), drain=draw(st.booleans()))
        for n in range(count)
    ]


asked_patterns = dict.fromkeys(("name", "queue", "os", "tag", "all_tags", "exclude", "prefer"), patterns)
queries = st.builds(HostFilter.of, min_size=st.none() | st.integers(1, 6), **asked_patterns)


def any_of(patterns, values):
    return any(fnmatchcase(value, pattern) for value in values for pattern in patterns)


def answers(query: HostFilter, host: HostSpec) -> bool:
    values = {"name": [host.name], "queue": host.queues, "os": [host.os] if host.os else [], "tag": host.tags}
    matches = all(any_of(getattr(query, key), values[key]) for key in values if getattr(query, key))
    matches = matches and all(any_of([pattern], host.tags) for pattern in query.all_tags)
    return matches and host.size >= (query.min_size or 0) and not any_of(query.exclude, [host.name])


def looked_at(query: HostFilter, hosts) -> list[str]:
    return sorted(host.name for host in hosts if answers(query, host))


def asked(ask, query) -> list[str]:
    try:
        return [host.name for host in ask(query)]
    except NoMatch:
        return []


@given(hosts=fleets(), query=queries)
def test_hosts_match_as_when_each_is_looked_at(hosts, query):
    assert asked(HostIndex(hosts).matching, query) == looked_at(query, hosts)


@given(hosts=fleets(), query=queries)
def test_candidates_are_not_drained_and_preferred_where_any_is(hosts, query):
    by_name = {host.name: host for host in hosts}
    open_hosts = [name for name in looked_at(query, hosts) if not by_name[name].drain]
    preferred = [name for name in open_hosts if any_of(query.prefer, [name, *by_name[name].tags])]
    assert asked(HostIndex(hosts).candidates, query) == (preferred or open_hosts)


def test_a_function_is_asked_each_time():
    wanted = {"a1"}
    index = HostIndex([HostSpec(name="a1", size=1), HostSpec(name="b2", size=1)])
    query = HostFilter.of(custom=lambda host: host.name in wanted)
    assert asked(index.candidates, query) == ["a1"]
    wanted.add("b2")
    assert asked(index.candidates, query) == ["a1", "b2"]
