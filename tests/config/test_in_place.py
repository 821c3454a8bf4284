"""No answer is stale: objects that are changed in place answer as a balancer made afresh."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from airflow_balancer import BalancerConfiguration, ConfigurationError, Host, NoMatch, Port
from airflow_balancer.fleet.fleet import Fleet

WORDS = st.sampled_from(["x", "y", "z"])
QUERIES = [{}, {"queue": "x"}, {"queue": "y"}, {"tag": "x"}, {"tag": "y"}, {"os": "x"}, {"min_size": 3}]


def make() -> BalancerConfiguration:
    hosts = [{"name": f"host{n}", "size": n, "queues": ["x", "y"][: n % 3], "tags": ["y"] if n % 2 else []} for n in range(1, 5)]
    ports = [{"host": f"host{n}", "port": 9000 + n, "tags": ["x"]} for n in range(1, 5)]
    return BalancerConfiguration(hosts=hosts, ports=ports, queue_pools=True)


@pytest.fixture
def balancer() -> BalancerConfiguration:
    made = make()
    answers(made)
    return made


def afresh(balancer: BalancerConfiguration) -> BalancerConfiguration:
    return BalancerConfiguration(**balancer.model_dump())


def answer(call, *args, **options):
    try:
        found = call(*args, **options)
    except (NoMatch, ConfigurationError) as error:
        return str(error)
    return [item.name for item in found] if isinstance(found, list) else found.pool if isinstance(found, Port) else found.name


def answers(balancer: BalancerConfiguration) -> list:
    free = copy.deepcopy(balancer)
    return [
        *(answer(balancer.filter_hosts, **query) for query in QUERIES),
        *(answer(balancer.select_host, **query, prefer=prefer, key=key) for query in QUERIES for prefer in (None, "z") for key in "abc"),
        *(answer(balancer.rank_hosts, **query, key="a") for query in QUERIES),
        *(answer(balancer.filter_ports, tag=tag) for tag in ("x", "z", "*")),
        *(answer(balancer.select_port, tag=tag, key="a") for tag in ("x", "z", "*")),
        *(answer(free.free_port, f"host{number}", min=9000, max=9008, key=key) for number in range(1, 6) for key in "ab"),
        balancer.fleet,
        balancer.fleet.pools,
    ]


HOST_CHANGES = [
    lambda host, word, number: host.tags.append(word),
    lambda host, word, number: host.queues.insert(0, word),
    lambda host, word, number: host.tags.clear(),
    lambda host, word, number: host.queues.sort(reverse=True),
    lambda host, word, number: host.tags.__iadd__([word]),
    lambda host, word, number: host.tags.__setitem__(slice(None), [word]),
    lambda host, word, number: host.queues.pop(),
    lambda host, word, number: setattr(host, "tags", [word]),
    lambda host, word, number: setattr(host, "queues", [word, "x"]),
    lambda host, word, number: setattr(host, "os", word),
    lambda host, word, number: setattr(host, "size", number),
    lambda host, word, number: setattr(host, "size", None),
    lambda host, word, number: setattr(host, "drain", not host.drain),
    lambda host, word, number: setattr(host.pool, "slots", number),
    lambda host, word, number: host.ssh_hook_args.update(port=number),
]
PORT_CHANGES = [
    lambda port, word, number: setattr(port, "port", 9000 + number),
    lambda port, word, number: setattr(port, "name", word),
    lambda port, word, number: port.tags.append(word),
    lambda port, word, number: setattr(port, "tags", [word]),
]
BALANCER_CHANGES = [
    lambda balancer, word, number: balancer.hosts.append(Host(name="host5", queues=[word])),
    lambda balancer, word, number: balancer.hosts.__setitem__(0, Host(name="host1", tags=[word], size=number)),
    lambda balancer, word, number: balancer.hosts.pop(),
    lambda balancer, word, number: balancer.hosts.reverse(),
    lambda balancer, word, number: balancer.ports.pop(0),
    lambda balancer, word, number: balancer.ports.append(Port(host_name="host2", port=9000 + number)),
    lambda balancer, word, number: balancer.ports.append(Port(host=balancer.hosts[0], port=9000 + number, tags=[word])),
    lambda balancer, word, number: setattr(balancer, "hosts", list(balancer.hosts)),
    lambda balancer, word, number: setattr(balancer, "strategy", ["rendezvous", "bounded", "least_loaded"][number % 3]),
    lambda balancer, word, number: setattr(balancer, "default_size", number),
    lambda balancer, word, number: setattr(balancer, "queue_pools", number % 2 == 0),
]
CHANGES = st.one_of(
    st.tuples(st.just("hosts"), st.sampled_from(HOST_CHANGES), st.integers(0, 3), WORDS, st.integers(1, 8)),
    st.tuples(st.just("ports"), st.sampled_from(PORT_CHANGES), st.integers(0, 3), WORDS, st.integers(1, 8)),
    st.tuples(st.just(""), st.sampled_from(BALANCER_CHANGES), st.just(0), WORDS, st.integers(1, 8)),
)


@settings(max_examples=settings.default.max_examples // 2)
@given(st.lists(CHANGES, min_size=1, max_size=8))
def test_answers_are_those_of_a_balancer_made_afresh(changes):
    balancer = make()
    answers(balancer)
    for group, change, at, word, number in changes:
        things = getattr(balancer, group) if group else [balancer]
        if at >= len(things):
            continue
        try:
            change(things[at], word, number)
        except (ValidationError, IndexError):
            continue
        try:
            expected = answers(afresh(balancer))
        except ValidationError:
            with pytest.raises(ConfigurationError):
                balancer.fleet  # noqa: B018
            return
        assert answers(balancer) == expected


class TestSeen:
    def test_a_tag_is_added(self, balancer):
        balancer.hosts[1].tags.append("new")
        assert [host.name for host in balancer.filter_hosts(tag="new")] == ["host2"]
        assert balancer.fleet.hosts[1].tags == ["new"]

    def test_a_list_taken_before_the_first_query_is_changed(self):
        balancer = make()
        tags = balancer.hosts[1].tags
        balancer.select_host()
        tags.append("new")
        assert balancer.select_host(tag="new").name == "host2"

    def test_a_list_taken_before_an_assignment_is_changed(self, balancer):
        tags, hosts = balancer.hosts[1].tags, balancer.hosts
        balancer.default_size = 5
        tags.append("new")
        hosts.append(Host(name="host5", tags=["new"]))
        assert [(host.name, host.size) for host in balancer.filter_hosts(tag="new")] == [("host2", 2), ("host5", 5)]

    def test_a_port_moves(self, balancer):
        balancer.ports[0].port = 9005
        assert balancer.free_port("host1", 9001, 9001).port == 9001
        with pytest.raises(RuntimeError):
            balancer.free_port("host1", 9005, 9005)

    def test_a_port_is_put_on_another_object_of_a_host(self, balancer):
        balancer.ports[:] = [Port(host=Host(name="host1"), port=9005)]
        assert balancer.free_port("host1", 9005, 9006, key="a").port == 9006
        assert balancer.ports[0].host is balancer.hosts[0]

    def test_a_port_is_deleted_after_a_free_port_was_given(self, balancer):
        given = balancer.free_port("host1", 9000, 9001, key="a").port
        del balancer.ports[0]
        assert (given, balancer.free_port("host1", 9000, 9001, key="a").port) == (9000, 9000)
        assert balancer.free_port("host1", 9000, 9001, key="b").port == 9001

    def test_a_lock_is_named(self, balancer, write):
        balancer.free_port("host1", 9000, 9000, key="a")
        balancer.lock = str(write("balancer.lock.yaml", "ports: [{host: host1, requester: b, port: 9007, min: 9000, max: 9008}]\n"))
        assert balancer.free_port("host1", 9000, 9008, key="b").port == 9007

    def test_a_port_of_two_balancers_is_on_the_host_of_the_one_that_is_asked(self):
        port = Port(host_name="a", port=9001)
        both = [BalancerConfiguration(hosts=[{"name": "a"}], ports=[port]) for _ in range(2)]
        assert [balancer.select_port().host is balancer.hosts[0] for balancer in both * 2] == [True] * 4

    def test_a_method_that_changes_a_list_is_documented_as_lists_is(self, balancer):
        names = ("append", "sort", "__setitem__")
        assert [getattr(balancer.hosts, name).__doc__ for name in names] == [getattr(list, name).__doc__ for name in names]

    def test_a_host_of_two_balancers_tells_both(self):
        host = Host(name="a")
        both = [BalancerConfiguration(hosts=[host]) for _ in range(2)]
        for balancer in both:
            balancer.select_host()
        host.tags.append("new")
        assert [balancer.select_host(tag="new") for balancer in both] == [host, host]

    def test_a_shallow_copy_answers_for_itself(self, balancer):
        other = balancer.model_copy()
        other.ports = []
        other.hosts = [Host(name="other")]
        assert (balancer.select_host(name="host1").name, other.select_host().name) == ("host1", "other")


class TestFleet:
    def test_it_is_validated_once(self, balancer):
        assert balancer.fleet is balancer.fleet

    def test_with_a_port_that_has_its_host_as_an_object_it_is_validated_once(self):
        host = Host(name="host1")
        balancer = BalancerConfiguration(hosts=[host], ports=[Port(host=host, port=80)])
        assert balancer.fleet is balancer.fleet

    def test_what_it_gives_a_host_counts_as_set(self):
        host = BalancerConfiguration.of_fleet(make().fleet).hosts[0]
        assert host.model_dump(exclude_unset=True) == host.model_dump(exclude_none=True)

    def test_a_given_one_is_kept_until_a_value_differs(self):
        fleet = make().fleet
        balancer = BalancerConfiguration.of_fleet(fleet)
        assert balancer.fleet is fleet
        balancer.hosts[0].pool.slots = 77
        assert (balancer.fleet.hosts[0].pool.slots, fleet.hosts[0].pool.slots) == (77, 1)

    def test_nothing_that_can_change_is_shared_with_it(self):
        fleet = Fleet.from_data(make().model_dump() | {"hosts": [{"name": "host1", "ssh_hook_args": {"ciphers": ["a"]}}], "ports": []})
        before = copy.deepcopy(fleet)
        host = BalancerConfiguration.of_fleet(fleet).hosts[0]
        host.tags.append("new")
        host.queues.append("new")
        host.ssh_hook_args["ciphers"].append("b")
        assert fleet == before


class TestCopies:
    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it)), lambda it: it.model_copy(deep=True)])
    def test_a_copy_tells_only_its_own_balancer(self, balancer, duplicate):
        other = duplicate(balancer)
        index = balancer._of_hosts
        assert other == balancer
        other.hosts[0].tags.append("new")
        assert other.select_host(tag="new").name == "host1"
        assert balancer._of_hosts is index
        with pytest.raises(NoMatch):
            balancer.select_host(tag="new")

    def test_lists_are_lists(self, balancer):
        host = balancer.hosts[0]
        assert (host.tags, type(host.model_dump()["tags"]), '"tags":["y"]' in host.model_dump_json()) == (["y"], list, True)

    def test_hosts_keep_no_balancer_alive(self):
        balancer = make()
        answers(balancer)
        hosts, gone = list(balancer.hosts), weakref.ref(balancer)
        gc.disable()
        try:
            del balancer
            assert gone() is None
        finally:
            gc.enable()
        hosts[0].tags.append("new")


class TestAssigned:
    """A balancer that a tree assigned hosts in gives its requests these, while hosts and strategy are those of the tree."""

    @pytest.fixture
    def carrying(self, balancer):
        names = tuple(host.name for host in balancer.hosts)
        self.plain = balancer.select_host(key="a").name
        self.other = next(name for name in names if name != self.plain)
        balancer._carry("balancer.yaml", {("a", names): self.other})
        return balancer

    def test_its_request_gets_the_host_assigned(self, carrying):
        assert carrying.select_host(key="a").name == self.other == carrying.rank_hosts(key="a")[0].name
        assert copy.deepcopy(carrying).select_host(key="a").name == self.other

    @pytest.mark.parametrize(
        "change",
        [
            lambda it: setattr(it.hosts[0], "size", 2),
            lambda it: it.hosts[0].tags.append("new"),
            lambda it: setattr(it, "strategy", "rendezvous"),
        ],
        ids=["size", "tag", "strategy"],
    )
    def test_it_is_dropped_after_a_change(self, carrying, change):
        carrying.select_host(key="a")
        change(carrying)
        assert carrying.select_host(key="a").name == afresh(carrying).select_host(key="a").name

    def test_another_request_gets_what_the_strategy_chooses(self, carrying):
        assert carrying.select_host(key="a", exclude="host9").name == self.other
        assert carrying.select_host(key="b").name == make().select_host(key="b").name


def test_the_fleet_has_the_arguments_that_a_host_has_now(balancer):
    before = balancer.fleet
    assert balancer.fleet is before
    balancer.hosts[0].ssh_hook_args["port"] = 22022
    assert [host.ssh_hook_args for host in balancer.fleet.hosts] == [{"port": 22022}, {}, {}, {}]


def test_overrides_of_given_objects_take_effect_in_full():
    host = Host(name="a", queues=["x"], tags=["x"], ssh_hook_args={"port": 22, "conn_timeout": 5})
    changes = {"queues": ["y"], "tags": ["y"], "os": "ubuntu", "drain": True, "ssh_hook_args": {"port": 23}, "size": 3}
    balancer = BalancerConfiguration(hosts=[host], host_overrides={"a": changes})
    assert balancer.hosts[0] is host
    assert host.model_dump(include={*changes}) == {**changes, "ssh_hook_args": {"port": 23, "conn_timeout": 5}}
