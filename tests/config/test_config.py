"""The objects: airflow-pydantic's models, held to our rules."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from inspect import signature
from pathlib import Path
from typing import ClassVar

import airflow_pydantic
import airflow_pydantic.airflow
import pytest
import yaml
from airflow_pydantic import Pool, Variable
from pydantic import ValidationError

import airflow_balancer
from airflow_balancer import BalancerConfiguration, ConfigurationError, Host, HostQuery, NoFreePort, NoMatch, Port, PortQuery, load
from airflow_balancer.config import configured_pools
from airflow_balancer.config.models import hidden
from airflow_balancer.files.reading import reading
from airflow_balancer.fleet.masking import MASK
from airflow_balancer.lock.entries import PortRequest
from airflow_balancer.lock.file import Lock
from airflow_balancer.lock.recorder import Recorder
from airflow_balancer.picking.filters import HOST_KEYS
from airflow_balancer.testing import pools, variables
from airflow_balancer.viewer.models.requests import PickQuery

STATIC = Path(airflow_balancer.__file__).parent / "viewer" / "static"

HOSTS = [
    {"name": "host1", "size": 16, "os": "ubuntu", "queues": ["primary"]},
    {"name": "host2", "size": 16, "os": "ubuntu", "queues": ["workers"]},
    {"name": "host3", "size": 8, "os": "macos", "queues": ["workers"]},
]


@pytest.fixture
def balancer() -> BalancerConfiguration:
    return BalancerConfiguration(hosts=HOSTS, ports=[{"host": "host1", "port": 8080, "name": "web"}, {"host_name": "host2", "port": 8793}])


class TestKind:
    @pytest.mark.parametrize(
        "name",
        [
            "BalancerConfiguration",
            "Host",
            "Port",
            "BalancerHostQueryConfiguration",
            "BalancerPortQueryConfiguration",
            "PoolManagerConfiguration",
        ],
    )
    def test_each_object_is_one_of_airflow_pydantics(self, name):
        import airflow_balancer

        assert issubclass(getattr(airflow_balancer, name), getattr(airflow_pydantic, name))

    def test_a_host_of_airflow_pydantic_becomes_ours(self):
        balancer = BalancerConfiguration(hosts=[airflow_pydantic.Host(name="a", size=3)])
        assert (type(balancer.hosts[0]), balancer.hosts[0].size) == (Host, 3)

    def test_a_balancer_of_airflow_pydantic_becomes_ours(self):
        theirs = airflow_pydantic.BalancerConfiguration(
            hosts=[airflow_pydantic.Host(name="a")], pool_manager=airflow_pydantic.PoolManagerConfiguration(task_id="t")
        )
        ours = HostQuery(balancer=theirs).balancer
        assert (type(ours), type(ours.hosts[0]), ours.pool_manager.task_id) == (BalancerConfiguration, Host, "t")

    def test_a_copy_through_its_own_data_is_equal(self):
        balancer = BalancerConfiguration(hosts=HOSTS, ports=[{"host": "host1", "port": 80}], strategy="bounded", default_password="p")
        assert BalancerConfiguration(**balancer.model_dump()) == balancer == pickle.loads(pickle.dumps(balancer))

    def test_a_host_given_is_the_host_that_is_kept(self):
        host = Host(name="a")
        assert BalancerConfiguration(hosts=[host]).hosts[0] is host
        assert (host.size, host.username, host.pool.pool) == (8, "airflow", "a")

    def test_a_port_given_by_a_name_is_given_its_host(self):
        port = Port(host_name="a", port=80)
        balancer = BalancerConfiguration(hosts=[{"name": "a"}], ports=[port])
        assert (balancer.ports[0] is port, port.host is balancer.hosts[0], port.model_fields_set) == (
            True,
            True,
            {"host", "host_name", "port"},
        )

    def test_a_template_fills_in_what_is_left_out(self):
        template = BalancerConfiguration(default_username="someone")
        assert BalancerConfiguration(template=template, hosts=[{"name": "a"}]).hosts[0].username == "someone"


class TestRules:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Host(name="a", sise=3), "host 'a': unknown key 'sise'; did you mean 'size'?"),
            (lambda: Host(name="a", size=-3), "host 'a': key 'size' must be a whole number from 1 to 2147483647, not -3"),
            (lambda: Port(host="a", port=70000), "port 70000 on host 'a': key 'port' must be a whole number from 1 to 65535, not 70000"),
            (lambda: Port(port=80), "port 80: needs key 'host': the name of a host"),
            (lambda: Port(host=Host(name="a"), host_name="b", port=80), "key 'host' says 'a' but 'host_name' says 'b'"),
            (lambda: BalancerConfiguration(hosts=HOSTS, sise=3), "unknown key 'sise'"),
            (lambda: BalancerConfiguration(hosts=[Host(name="a"), Host(name="a")]), "host 'a': is defined twice"),
            (lambda: BalancerConfiguration(hosts=HOSTS, ports=[Port(host="a", port=80)]), "port 80 on host 'a': unknown host 'a'"),
            (lambda: BalancerConfiguration(strategy="nope"), "key 'strategy': unknown strategy 'nope'"),
        ],
        ids=["key", "size", "port", "no host", "two hosts", "balancer's key", "twice", "unknown host", "strategy"],
    )
    def test_what_is_wrong_is_named(self, make, message):
        with pytest.raises(ValidationError) as error:
            make()
        assert message in str(error.value)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: BalancerConfiguration(default_password="hunter2", hosts=[{"name": "a", "password": "hunter3", "sise": 1}]),
            lambda: Host(name="a", password="hunter2", sise=1),
            lambda: Port(host="a", port=80, password="hunter2"),
        ],
        ids=["balancer", "host", "port"],
    )
    def test_a_message_has_no_password(self, make):
        with pytest.raises(ValidationError) as error:
            make()
        assert "hunter" not in str(error.value)

    def test_an_assignment_is_held_to_the_rules_and_undone(self, balancer):
        hosts = balancer.hosts
        with pytest.raises(ValidationError, match="is defined twice"):
            balancer.hosts = [Host(name="a"), Host(name="a")]
        assert balancer.hosts is hosts

    def test_an_assignment_settles_defaults(self, balancer):
        balancer.ports = []
        balancer.hosts = [Host(name="new")]
        assert (balancer.hosts[0].size, balancer.hosts[0].pool.slots) == (8, 8)


class TestPicking:
    def test_a_key_picks_the_same_host_every_time(self, balancer):
        assert {balancer.select_host(queue="workers", key="etl").name for _ in range(5)} == {"host3"}

    def test_calls_without_a_key_are_told_apart_by_file_and_number(self):
        code = "import airflow_balancer as a\nb = a.BalancerConfiguration(hosts=HOSTS)\nnames = [b.select_host().name for _ in range(12)]"
        runs = []
        for _ in range(2):
            module = {"HOSTS": HOSTS, "__file__": "/elsewhere/dag.py", "__name__": "dag"}
            exec(code, module)
            runs.append(module["names"])
        other = {"HOSTS": HOSTS, "__file__": "/elsewhere/other.py", "__name__": "other"}
        exec(code, other)
        assert runs[0] == runs[1] != other["names"]

    def test_calls_without_a_key_of_plain_rendezvous_have_the_file_and_number_for_one(self):
        balancer = BalancerConfiguration(hosts=HOSTS, strategy="rendezvous")
        module = {"b": balancer, "__file__": "/elsewhere/dag.py", "__name__": "dag"}
        exec("names = [b.select_host().name for _ in range(12)]", module)
        assert module["names"] == [balancer.select_host(key=f"dag.py#{n}").name for n in range(12)]

    def test_keys_get_the_same_hosts_in_whatever_order_they_ask(self, balancer):
        keys = [f"task{n}" for n in range(20)]
        backwards = {key: balancer.select_host(key=key).name for key in reversed(keys)}
        assert {key: balancer.select_host(key=key).name for key in keys} == backwards

    def test_keys_that_ask_together_are_spread_evenly_in_whatever_order(self, balancer):
        keys = [f"task{n}" for n in range(20)]
        together = {key: host.name for key, host in balancer.assign_hosts(keys, queue="*").items()}
        assert Counter(together.values()) == {"host1": 8, "host2": 9, "host3": 3}
        assert together == {key: host.name for key, host in balancer.assign_hosts(reversed(keys), queue="*").items()}

    def test_keys_that_ask_together_are_bounded(self):
        strategy = {"_target_": "airflow_balancer.strategies.Bounded", "c": 1}
        balancer = BalancerConfiguration(hosts=[{"name": name} for name in "ab"], strategy=strategy)
        hosts = balancer.assign_hosts(f"task{n}" for n in range(100)).values()
        assert Counter(host.name for host in hosts) == {"a": 50, "b": 50}

    def test_keys_that_ask_a_plain_strategy_together_are_asked_one_by_one(self):
        balancer = BalancerConfiguration(hosts=HOSTS, strategy="rendezvous")
        assert balancer.assign_hosts(["a", "b"]) == {key: balancer.select_host(key=key) for key in ("a", "b")}

    def test_a_host_that_is_changed_or_added_is_picked_by_what_it_is_now(self, balancer):
        assert balancer.select_host(queue="primary").name == "host1"
        balancer.hosts[1].queues = ["primary"]
        balancer.hosts[0].drain = True
        assert balancer.select_host(queue="primary").name == "host2"
        balancer.hosts.append(Host(name="host4", queues=["late"]))
        assert balancer.select_host(queue="late").name == "host4"
        balancer.ports = []
        balancer.hosts = [Host(name="host5", queues=["late"])]
        assert [host.name for host in balancer.filter_hosts(queue="late")] == ["host5"]

    def test_a_host_without_a_system_matches_no_system(self):
        balancer = BalancerConfiguration(hosts=[Host(name="a")])
        with pytest.raises(
            NoMatch,
            match=r"no host matches os='ubuntu' \(1 host left out: 1 by os; without os: a; names: a; ",
        ):
            balancer.filter_hosts(os="ubuntu")

    def test_a_strategy_of_the_balancer_chooses(self):
        class Last:
            def choose(self, key, candidates, load):
                return candidates[-1]

        assert BalancerConfiguration(hosts=HOSTS, strategy=Last()).select_host().name == "host3"

    def test_a_drained_host_gets_no_new_pick_and_keeps_its_pool(self):
        balancer = BalancerConfiguration(hosts=[{"name": "host1", "size": 99, "drain": True}, {"name": "host2", "size": 1}])
        assert {balancer.select_host(key=str(n)).name for n in range(20)} == {"host2"}
        assert [pool.pool for pool in configured_pools(balancer)] == ["host1", "host2"]

    def test_a_query_excludes_prefers_and_asks_for_a_size(self, balancer):
        for key in map(str, range(10)):
            assert balancer.select_host(queue="workers", exclude="host2", key=key).name == "host3"
            assert balancer.select_host(queue="workers", min_size=16, key=key).name == "host2"
            assert HostQuery(balancer=balancer, prefer="host1", key=key).execute().name == "host1"

    def test_tracked_ports_are_selected(self, balancer):
        assert balancer.select_port(name="web").port == 8080
        assert [port.pool for port in balancer.filter_ports()] == ["host2-8793", "web"]

    def test_a_host_added_in_place_is_picked(self, balancer):
        balancer.hosts.append(Host(name="host0", size=1, queues=["late"]))
        assert balancer.select_host(queue="late").name == "host0"


class TestFreePort:
    def test_two_calls_give_two_ports(self, balancer):
        ports = {balancer.free_port(balancer.hosts[0], min=2000, max=2009).port for _ in range(10)}
        assert ports == set(range(2000, 2010))

    def test_a_full_range_fails_at_once(self, balancer):
        with pytest.raises(NoFreePort, match="host 'host1': all ports from 8080 to 8080 are taken"):
            balancer.free_port("host1", min=8080, max=8080)

    def test_the_last_port_is_reached(self, balancer):
        assert balancer.free_port("host1", min=65535).port == 65535

    def test_a_request_is_recorded_for_its_lock_file(self, tmp_path):
        recorder = Recorder(lock=Lock(tmp_path / "balancer.lock.yaml"))
        balancer = BalancerConfiguration(hosts=HOSTS, lock=str(recorder.lock.file))
        with reading(recorder=recorder):
            balancer.free_port("host1", 9000, 9000, key="etl")
        assert recorder.ports == {PortRequest("host1", "etl", 9000, 9000): 9000}

    def test_equal_keys_get_the_same_port(self, balancer):
        assert balancer.free_port("host1", key="a").port == balancer.free_port("host1", key="a").port

    @pytest.mark.parametrize("host", [lambda it: {"host": it.hosts[0]}, lambda it: {"host_name": "host1"}], ids=["object", "name"])
    def test_a_port_that_is_tracked_later_is_taken(self, balancer, host):
        balancer.free_port("host1")
        balancer.ports[:] = [Port(**host(balancer), port=3000)]
        assert balancer.free_port("host1", min=3000, max=3001).port == 3001

    def test_an_unknown_host_is_named(self, balancer):
        with pytest.raises(NoMatch, match=r"no host is named 'hots1'; did you mean 'host1'\? \(hosts: host1, host2, host3\)"):
            balancer.free_port("hots1")

    def test_a_port_has_its_host_and_its_pool(self, balancer):
        port = balancer.free_port(balancer.hosts[0], min=3000, max=3000)
        assert (port.host.name, port.port, port.pool) == ("host1", 3000, "host1-3000")


class TestQueries:
    def test_a_query_selects_the_same_host_each_time(self, balancer):
        query = HostQuery(balancer=balancer)
        assert {query.execute().name for _ in range(5)} == {query.execute().name}

    def test_a_query_with_a_key_selects_as_the_balancer_does(self, balancer):
        for key in map(str, range(10)):
            assert HostQuery(balancer=balancer, key=key).execute() is balancer.select_host(key=key)

    def test_a_query_filters(self, balancer):
        assert [host.name for host in HostQuery(balancer=balancer, kind="filter", queue="workers").execute()] == ["host2", "host3"]

    def test_a_list_means_any_tag_and_all_tags_every_one(self):
        hosts = [{"name": "host1", "tags": ["gpu", "ssd"]}, {"name": "host2", "tags": ["gpu"]}, {"name": "host3"}]
        balancer, both = BalancerConfiguration(hosts=hosts), ["gpu", "ssd"]
        assert [host.name for host in balancer.filter_hosts(tag=both)] == ["host1", "host2"]
        assert [host.name for host in balancer.filter_hosts(all_tags=both)] == ["host1"]
        assert [host.name for host in HostQuery(balancer=balancer, kind="filter", all_tags=both).execute()] == ["host1"]
        assert {balancer.select_host(all_tags=both, key=key).name for key in "abcdef"} == {"host1"}

    def test_every_way_to_query_has_every_key_of_a_filter(self):
        ways = {
            "select_host": signature(BalancerConfiguration.select_host).parameters,
            "filter_hosts": [*signature(BalancerConfiguration.filter_hosts).parameters, "prefer"],
            "HostQuery": HostQuery.model_fields,
            "the page": PickQuery.model_fields,
            "the page's form": (STATIC / "js" / "views" / "query.js").read_text(),
        }
        assert [(way, key) for way, keys in ways.items() for key in HOST_KEYS if key not in keys] == []

    def test_a_port_query_selects_and_filters(self, balancer):
        assert PortQuery(balancer=balancer, name="web").execute().port == 8080
        assert [port.port for port in PortQuery(balancer=balancer, kind="filter").execute()] == [8793, 8080]


class TestNamedPools:
    def test_they_are_asked_for_by_name_in_a_dag_file(self):
        balancer = BalancerConfiguration(hosts=[], pools={"warehouse": 4})
        assert (balancer.pool("warehouse"), [pool.name for pool in balancer.pools]) == ("warehouse", ["warehouse"])
        with pytest.raises(NoMatch, match="no pool is named 'warehose'; did you mean 'warehouse'"):
            balancer.pool("warehose")

    def test_other_ones_take_effect(self):
        balancer = BalancerConfiguration(hosts=[], pools={"warehouse": 4})
        balancer.pools = [{"name": "api", "slots": 2}]
        assert balancer.pool("api") == "api"
        with pytest.raises(ValueError, match="pool 'api': is also the pool of host 'api'; rename one of them"):
            balancer.hosts = [Host(name="api")]

    def test_copies_and_plain_data_keep_them(self):
        balancer = BalancerConfiguration(hosts=[], pools={"warehouse": 4}, team="payments")
        again = BalancerConfiguration(**balancer.model_dump())
        assert (again.fleet.named_pools, again.team) == (balancer.fleet.named_pools, "payments")


class TestSecrets:
    HOST: ClassVar = {"name": "a", "password": "hunter2", "ssh_hook_args": {"private_key_passphrase": "hunter3", "port": 22}}

    def test_repr_and_json_mask_each_of_them(self):
        balancer = BalancerConfiguration(default_password="hunter1", hosts=[self.HOST, {"name": "b"}])
        for data in (json.loads(balancer.model_dump_json()), balancer.model_dump(mode="json")):
            given, other = data["hosts"]
            assert (data["default_password"], given["password"], other["password"]) == (MASK,) * 3
            assert given["ssh_hook_args"] == {"private_key_passphrase": MASK, "port": 22}
        given, other = map(repr, balancer.hosts)
        assert f"password='{MASK}'" in given
        assert f"ssh_hook_args={{'private_key_passphrase': '{MASK}', 'port': 22}}" in given
        assert f"password='{MASK}'" in other
        assert "hunter" not in given + other
        assert (repr(balancer), str(balancer)) == ("BalancerConfiguration(...)",) * 2

    def test_a_hooks_arguments_hide_them_alone(self):
        given = {"password": "hunter2", "private_key_passphrase": None, "username": "admin", "port": 22}
        assert repr(hidden(given)) == repr({**given, "password": MASK})

    def test_the_code_that_needs_them_has_them(self):
        host = BalancerConfiguration(hosts=[self.HOST]).hosts[0]
        assert (host.password, host.override(name="b").password, host.model_dump()["password"]) == ("hunter2",) * 3

    def test_a_variables_key_is_shown_but_not_its_value(self):
        host = Host(name="a", password=Variable(key="the_key", _val="hunter2"))
        assert "the_key" in repr(host)
        assert "hunter" not in repr(host) + host.model_dump_json()

    def test_a_hook_gets_the_variables_value(self):
        host = Host(name="a", username="admin", password=Variable(key="the_key"))
        with variables("hunter2"):
            assert host.hook().password == "hunter2" if hasattr(host.hook(), "password") else host.password.get() == "hunter2"


class TestPools:
    def test_each_host_and_port_has_one(self, balancer):
        assert [(pool.pool, pool.slots) for pool in configured_pools(balancer)] == [
            ("host1", 16),
            ("host2", 16),
            ("host3", 8),
            ("web", 1),
            ("host2-8793", 1),
        ]

    def test_what_is_wrong_in_the_pool_managers_keys_is_named(self, write):
        path = write("balancer.yaml", "hosts: []\npool_manager: {dag: {enabled: maybe}, task_id: [3]}\n")
        with pytest.raises(ConfigurationError) as error:
            load(path)
        assert str(error.value).splitlines() == [
            f"{path}: key 'pool_manager.dag.enabled': Input should be a valid boolean, unable to interpret input",
            f"{path}: key 'pool_manager.task_id': Input should be a valid string",
        ]

    def test_the_generated_dag_reconciles_them(self):
        balancer = BalancerConfiguration(hosts=HOSTS, pool_manager={})
        (dag,) = balancer.managed_dags()
        plan = dag.tasks["reconcile_pools"].op_kwargs["pool_plan"]
        assert [(pool["name"], pool["slots"]) for pool in plan] == [(pool.pool, pool.slots) for pool in configured_pools(balancer)]

    def test_generated_files_are_python(self):
        ((name, source),) = BalancerConfiguration(hosts=HOSTS, pool_manager={}).generated_files().items()
        compile(source, name, "exec")

    def test_a_host_that_is_overridden_keeps_the_pool_it_was_given(self):
        given = BalancerConfiguration(hosts=[{"name": "a", "pool": "shared"}, {"name": "b"}]).hosts
        assert given[0].override(size=3).pool.pool == "shared"
        assert given[1].override(size=3).pool is None

    def test_a_hosts_pool_is_an_airflow_pydantic_pool(self, balancer):
        assert balancer.hosts[0].pool == Pool(pool="host1", slots=16, description="Balancer pool for host(host1)", include_deferred=True)

    @pytest.mark.parametrize(("given", "counted"), [({}, True), ({"include_deferred": True}, True), ({"include_deferred": False}, False)])
    @pytest.mark.parametrize("kind", [dict, Pool])
    def test_deferred_tasks_count_unless_the_pool_says_otherwise(self, kind, given, counted):
        balancer = BalancerConfiguration(hosts=[Host(name="a", size=2, pool=kind(pool="x", slots=2, **given)), Host(name="b")])
        assert [host.pool.include_deferred for host in balancer.hosts] == [counted, True]
        assert [pool.include_deferred for pool in balancer.fleet.pools] == [counted, True]

    @pytest.mark.parametrize(
        ("given", "made"), [("", False), ("pool_manager: {}", True), ("pool_manager: {dag: {enabled: false}}", False)], ids=str
    )
    def test_the_pool_managers_dag_is_made_only_where_it_is_asked_for(self, write, given, made):
        path = write("balancer.yaml", f"hosts: [{{name: host1, size: 8}}]\n{given}\n")
        for balancer in (load(path), BalancerConfiguration(**yaml.safe_load(path.read_text()))):
            dag = balancer.pool_manager.build_dag(balancer)
            assert (dag is not None) is made
            if dag:
                (pool,) = dag.tasks["reconcile_pools"].op_kwargs["pool_plan"]
                assert pool["description"] == "Balancer pool for host(host1) [airflow-balancer: 8 slots]"

    def test_testing_with_pools_needs_no_database(self):
        with pools(return_value="the pool"):
            assert BalancerConfiguration(hosts=HOSTS).select_host(queue="primary").name == "host1"
            assert airflow_pydantic.airflow.Pool.get_pool("host1") == "the pool"


@pytest.mark.parametrize("strategy", ["rendezvous", "bounded"])
@pytest.mark.parametrize("query", [{}, {"queue": "workers"}, {"exclude": "host1"}], ids=str)
def test_hosts_are_ranked_with_the_selected_one_first(strategy, query):
    hosts = [Host(name=f"host{number}", size=number, queues=["workers"] if number % 2 else [], drain=number == 3) for number in range(1, 8)]
    balancer = BalancerConfiguration(hosts=hosts, strategy=strategy)
    for key in map(str, range(20)):
        ranked = balancer.rank_hosts(**query, key=key)
        assert ranked[0] == balancer.select_host(**query, key=key)
        assert sorted(ranked) == [host for host in balancer.filter_hosts(**query) if not host.drain]


def test_the_pool_of_a_queue_is_known_by_name():
    balancer = BalancerConfiguration(hosts=[Host(name="host1", size=3, queues=["workers"])], queue_pools=True)
    assert balancer.queue_pool("workers") == "queue-workers"
    assert [(pool.pool, pool.slots) for pool in configured_pools(balancer)] == [("host1", 3), ("queue-workers", 3)]
