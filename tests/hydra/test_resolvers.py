from __future__ import annotations

import copy
import itertools
import pickle
from collections import Counter

import pytest
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError

from airflow_balancer.files import locate
from airflow_balancer.files.reading import reading
from airflow_balancer.files.yaml import read_checked
from airflow_balancer.hydra.compose import compose_file
from airflow_balancer.hydra.resolvers import register_resolvers
from airflow_balancer.lock.recorder import Recorder
from airflow_balancer.picking.filters import HostFilter
from airflow_balancer.picking.rendezvous import rank
from airflow_balancer.strategies import Bounded

register_resolvers()

BALANCER = {
    "hosts": [
        {"name": "host1", "size": 16, "os": "ubuntu", "queues": ["primary"]},
        {"name": "host2", "size": 16, "os": "ubuntu", "queues": ["workers"], "pool": "fast"},
        {"name": "host3", "size": 8, "os": "macos", "queues": ["workers"]},
    ],
    "ports": [{"host": "host1", "port": 8080, "name": "web"}, {"host": "${...hosts[1]}", "port": 9000}],
    "pools": {"warehouse": 4},
}


def config(**nodes):
    return OmegaConf.create({"balancer": BALANCER, **nodes})


def resolved(expression):
    return config(asked=expression).asked


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("${balancer.name:host1}", "host1"),
        ("${balancer.name:{queue:primary}}", "host1"),
        ("${balancer.name:{queue:workers,os:macos}}", "host3"),
        ("${balancer.name:{name:[host1,nope]}}", "host1"),
        ("${balancer.name:{queue:wor*,os:ubuntu}}", "host2"),
        ("${balancer.pool:{queue:primary}}", "host1"),
        ("${balancer.pool:host2}", "fast"),
        ("${balancer.pool:{pool:warehouse}}", "warehouse"),
        ("${balancer.port:web}", 8080),
        ("${balancer.port:{name:w*}}", 8080),
        ("http://${balancer.name:host1}:${balancer.port:web}", "http://host1:8080"),
        ("${balancer.free_port:{host:host1,min:8080,max:8081}}", 8081),
        ("${balancer.free_port:{queue:primary,min:8080,max:8081}}", 8081),
        ("${balancer.free_port:{host:${balancer.hosts[1]},min:9000,max:9001}}", 9001),
    ],
    ids=str,
)
def test_an_expression_resolves(expression, value):
    assert resolved(expression) == value


def test_a_host_is_a_node_that_instantiates():
    node = resolved("${balancer.host:host2}")
    assert OmegaConf.to_container(node) == {
        "_target_": "airflow_balancer.Host",
        "_convert_": "all",
        "name": "host2",
        "username": "airflow",
        "os": "ubuntu",
        "pool": {"pool": "fast", "slots": 16, "description": "Balancer pool for host(host2)", "include_deferred": True},
        "size": 16,
        "queues": ["workers"],
    }
    assert instantiate(node).name == "host2"


def test_the_hosts_of_a_task_are_all_that_match_and_the_first_is_the_picked_one():
    cfg = config(dag={"task": {"_target_": "t", "hosts": "${balancer.hosts:{queue:workers}}", "name": "${balancer.name:{queue:workers}}"}})
    hosts = cfg.dag.task.hosts
    assert (hosts.key, hosts.first) == ("dag.task", cfg.dag.task.name)
    assert [host.name for host in hosts.fleet.hosts] == ["host2", "host3"]
    assert repr(hosts) == f"Ranking(host[2-3], key='dag.task', first={hosts.first!r})"


def test_the_hosts_of_a_task_are_their_names_in_a_string_in_the_order_of_its_attempts():
    task = {"_target_": "t", "hosts": "${balancer.hosts:{queue:workers}}", "command": "try ${balancer.hosts:{queue:workers}}"}
    hosts = config(dag={"task": task}).dag.task
    assert hosts.command == "try host2,host3"
    assert [host.name for host in rank("dag.task", hosts.hosts.fleet.hosts)] == ["host2", "host3"]


def test_all_that_a_task_asks_for_agrees():
    task = {
        "_target_": "some.Operator",
        "ssh_hook": "${balancer.host:{queue:*}}",
        "pool": "${balancer.pool:{queue:*}}",
        "command": ["echo", "${balancer.name:{queue:*}}"],
        "environment": {"HOST": "${balancer.name:{queue:*}}"},
    }
    tasks = config(dags={f"d{n}": {"tasks": {"t": task}} for n in range(10)}).dags
    for dag in tasks.values():
        names = {dag.tasks.t.ssh_hook.name, dag.tasks.t.command[1], dag.tasks.t.environment.HOST, dag.tasks.t.pool.replace("fast", "host2")}
        assert len(names) == 1
    assert {dag.tasks.t.environment.HOST for dag in tasks.values()} == {"host1", "host2", "host3"}


@pytest.mark.parametrize(
    ("nodes", "path", "key"),
    [
        ({"a": {"b": {"x": "${balancer.name:{queue:*}}"}}}, ("a", "b", "x"), "a.b"),
        ({"a": {"_target_": "t", "b": {"x": "${balancer.name:{queue:*}}"}}}, ("a", "b", "x"), "a"),
        ({"a": {"b": [["${balancer.name:{queue:*}}"]]}}, ("a", "b", 0, 0), "a"),
        ({"a": [{"_target_": "t", "x": ["${balancer.name:{queue:*}}"]}]}, ("a", 0, "x", 0), "a[0]"),
        ({"_target_": "root", "a": {"x": "${balancer.name:{queue:*}}"}}, ("a", "x"), "a"),
        ({"a": {"x": "${b.y}"}, "b": {"y": "${balancer.name:{queue:*}}"}}, ("a", "x"), "b"),
        ({"a": {"_target_": "${nope}", "b": {"x": "${balancer.name:{queue:*}}"}}}, ("a", "b", "x"), "a"),
        ({"a": {"_target_": "???", "b": {"x": "${balancer.name:{queue:*}}"}}}, ("a", "b", "x"), "a.b"),
        ({"a": {"_target_": "${balancer.name:{queue:*}}"}}, ("a", "_target_"), "a"),
    ],
    ids=[
        "parent mapping",
        "enclosing target",
        "through lists",
        "target in a list",
        "the root does not count",
        "where it is written",
        "target not resolved",
        "target not given",
        "request is the target",
    ],
)
def test_the_key_is_the_path_of_who_asks(nodes, path, key):
    node = config(**nodes)
    with reading(recorder=(noted := Recorder())):
        for part in path:
            node = node[part]
    assert [pick.key for pick in noted.in_order] == [key]
    assert node == resolved(f"${{balancer.name:{{queue:'*',key:'{key}'}}}}")


def test_a_node_of_the_type_of_a_mapping_is_not_its_own_requester():
    typed = config(a={"x": DictConfig("${balancer.host:{queue:*}}")})
    with reading(recorder=(noted := Recorder())):
        assert typed.a.x.name in {"host1", "host2", "host3"}
    assert [pick.key for pick in noted.in_order] == ["a"]


def test_the_address_of_a_task_is_where_its_hook_goes():
    task = {"_target_": "t", "hook": "${balancer.host:{queue:*}}", "command": "rsync ${balancer.address:{queue:*}}:data ."}
    hosts = [BALANCER["hosts"][0], *({**host, "address": f"10.0.0.{at}"} for at, host in enumerate(BALANCER["hosts"][1:], 2))]
    tasks = OmegaConf.create({"balancer": {"hosts": hosts}, "tasks": [task] * 20}).tasks
    reached = {task.hook.name: (instantiate(task.hook).hook().remote_host, task.command) for task in tasks}
    addresses = {"host1": "host1.local", "host2": "10.0.0.2", "host3": "10.0.0.3"}
    assert reached == {name: (address, f"rsync {address}:data .") for name, address in addresses.items()}


def test_an_address_moves_no_pick():
    asks = {f"n{n}": {"x": "${balancer.name:{queue:*}}"} for n in range(20)} | ASKS
    hosts = [{**host, "address": f"10.0.0.{at}"} for at, host in enumerate(BALANCER["hosts"])]
    picks, moved = (
        OmegaConf.to_container(cfg, resolve=True) for cfg in (config(**asks), config(**asks, balancer={**BALANCER, "hosts": hosts}))
    )
    assert {name: moved[name] for name in asks} == {name: picks[name] for name in asks}


def test_an_explicit_key_makes_nodes_agree():
    nodes = {f"n{number}": {"x": "${balancer.name:{queue:*,key:together}}"} for number in range(10)}
    cfg = config(**nodes)
    assert len({cfg[name].x for name in nodes}) == 1


def test_no_free_port_is_given_twice_and_none_is_tracked():
    nodes = {f"n{number}": "${balancer.free_port:{host:host1,min:8075,max:8095}}" for number in range(20)}
    cfg = config(**nodes)
    assert sorted(cfg[name] for name in nodes) == [port for port in range(8075, 8096) if port != 8080]


ASKS = {f"n{number}": f"${{balancer.free_port:{{queue:workers,min:9000,max:90{10 + number}}}}}" for number in range(8)}


@settings(max_examples=settings.default.max_examples // 5)
@given(order=st.permutations(sorted(ASKS)))
def test_free_ports_do_not_depend_on_the_order_of_resolution(order):
    cfg = config(**ASKS)
    ports = {name: cfg[name] for name in order}
    assert ports == {name: value for name, value in OmegaConf.to_container(config(**ASKS), resolve=True).items() if name in ASKS}


def test_a_port_that_another_node_refers_to_is_the_same_port():
    cfg = config(a="${balancer.free_port:host1}", b="${a}", c="http://host1:${a}")
    assert (cfg.b, cfg.c) == (cfg.a, f"http://host1:{cfg.a}")


def test_copies_and_pickles_of_a_config_pick_the_same():
    cfg = config(**ASKS)
    first = OmegaConf.to_container(cfg, resolve=True)
    for again in (copy.deepcopy(cfg), pickle.loads(pickle.dumps(cfg)), OmegaConf.merge(cfg, {"more": 1})):
        assert {name: again[name] for name in ASKS} == {name: first[name] for name in ASKS}


def test_a_merged_config_sees_its_own_hosts():
    cfg = config(x="${balancer.name:{queue:*}}")
    assert cfg.x in {"host1", "host2", "host3"}
    merged = OmegaConf.merge(cfg, {"balancer": {"hosts": [{"name": "new", "queues": ["q"]}], "ports": []}})
    assert merged.x == "new"


@pytest.mark.parametrize(
    "nodes",
    [
        {"extensions": {"balancer": BALANCER}},
        {"balancer": BALANCER},
        {"some": {"where": {"_target_": "airflow_balancer.BalancerConfiguration", **BALANCER}}},
    ],
    ids=["extensions.balancer", "balancer", "by its target"],
)
def test_the_balancer_is_found(nodes):
    assert OmegaConf.create({**nodes, "x": "${balancer.name:host1}"}).x == "host1"


def test_a_query_says_which_balancer():
    cfg = OmegaConf.create({"balancer": BALANCER, "other": {"hosts": [{"name": "elsewhere"}]}, "x": "${balancer.name:{balancer:other}}"})
    assert cfg.x == "elsewhere"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            "${balancer.name:{queu:workers}}",
            "asked: ${balancer.name:{queu:workers}}: unknown key 'queu'; did you mean 'queue'? "
            "(keys: all_tags, balancer, exclude, key, min_size, name, os, prefer, queue, tag)",
        ),
        (
            "${balancer.host:{queue:nope}}",
            "asked: ${balancer.host:{queue:nope}}: no host matches queue='nope' "
            "(3 hosts left out: 3 by queue; without queue: host1, host2, host3; "
            "names: host1, host2, host3; queues: primary, workers; systems: macos, ubuntu; tags: none)",
        ),
        ("${balancer.port:nope}", "asked: ${balancer.port:nope}: no port matches name='nope' (names: web; tags: none)"),
        ("${balancer.name:{balancer:nope}}", "asked: ${balancer.name:{balancer:nope}}: there is no balancer at 'nope'"),
        (
            "${balancer.free_port:{host:host1,min:8080,max:8080}}",
            "asked: ${balancer.free_port:{host:host1,min:8080,max:8080}}: host 'host1': "
            "all ports from 8080 to 8080 are taken; give a wider range with min and max",
        ),
        (
            "${balancer.free_port:{host:host1,min:0}}",
            "asked: ${balancer.free_port:{host:host1,min:0}}: key 'min' must be a whole number from 1 to 65535, not 0",
        ),
        (
            "${balancer.free_port:{host:host1,min:low}}",
            "asked: ${balancer.free_port:{host:host1,min:low}}: key 'min' must be a whole number from 1 to 65535, not 'low'",
        ),
    ],
    ids=["misspelt key", "no host", "no port", "no balancer", "no free port", "wrong range", "no number"],
)
def test_a_failing_expression_says_who_asked_for_what(expression, message):
    with pytest.raises(InterpolationResolutionError) as error:
        resolved(expression)
    assert message == str(error.value).splitlines()[0].partition("interpolation: ")[2]


def test_a_balancers_own_node_cannot_ask():
    cfg = OmegaConf.create({"balancer": {"hosts": [{"name": "host1", "os": "${balancer.name:host1}"}]}})
    with pytest.raises(InterpolationResolutionError, match="a balancer's own node cannot ask for its hosts or ports"):
        _ = cfg.balancer.hosts[0].os


def test_one_failing_node_does_not_change_the_others_ports():
    asks = dict(itertools.islice(ASKS.items(), 3))
    with_failure = config(**asks, bad="${balancer.free_port:{queue:nope}}")
    assert [with_failure[name] for name in asks] == [config(**asks)[name] for name in asks]


def test_an_inventory_is_a_plain_list(write, monkeypatch):
    write("hosts.yaml", "- {name: host1}\n- {name: host2}\n")
    monkeypatch.chdir(write("x", "").parent)
    cfg = OmegaConf.create({"balancer": {"hosts": "${balancer.inventory:hosts.yaml}"}, "x": "${balancer.name:host2}"})
    assert (cfg.balancer.hosts, type(cfg.balancer.hosts), cfg.x) == ([{"name": "host1"}, {"name": "host2"}], list, "host2")


def test_an_inventory_may_be_a_mapping_by_name(write):
    path = write("hosts.yaml", "host1: {size: 3}\nhost2:\n")
    cfg = OmegaConf.create({"hosts": f"${{balancer.inventory:{path}}}"})
    assert cfg.hosts == [{"name": "host1", "size": 3}, {"name": "host2"}]


@pytest.mark.parametrize(
    "text", ["- {name: host1, address: '::1'}", "host1: {ssh_hook_args: {remote_host: '::1'}}"], ids=["list", "mapping"]
)
def test_a_host_of_an_inventory_has_its_address(write, text):
    cfg = OmegaConf.create(
        {"balancer": {"hosts": f"${{balancer.inventory:{write('hosts.yaml', text)}}}"}, "x": "${balancer.address:host1}"}
    )
    assert cfg.x == "::1"


def test_an_inventory_that_did_not_change_is_read_once(write, monkeypatch):
    path, read = write("hosts.yaml", "- {name: host1}\n"), []
    monkeypatch.setattr(locate, "read_checked", lambda file: read.append(file) or read_checked(file))
    assert [locate.read_inventory(str(path)) for _ in range(2)] == [[{"name": "host1"}]] * 2
    assert read == [path]


def test_an_inventory_is_read_again_when_it_changed(write):
    path = write("hosts.yaml", "- {name: host1}")
    cfg = OmegaConf.create({"hosts": f"${{balancer.inventory:{path}}}"})
    assert cfg.hosts == [{"name": "host1"}]
    write("hosts.yaml", "- {name: another}")
    assert cfg.hosts == [{"name": "another"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [("text", "an inventory is a list, or a mapping by name, not 'text'"), ("- a: 1\n  a: 2", "line 2: found duplicate key a")],
    ids=["a text", "a duplicate key"],
)
def test_a_wrong_inventory_is_named(write, content, message):
    path = write("hosts.yaml", content)
    with pytest.raises(InterpolationResolutionError) as error:
        _ = OmegaConf.create({"hosts": f"${{balancer.inventory:{path}}}"}).hosts
    assert f"{path}: {message}" in str(error.value)


NESTED = {
    "a": {"x": "${balancer.name:{queue:workers}}"},
    "b": {"x": "${balancer.free_port:{host:${a.x},min:9000,max:9002}}"},
    "c": {"x": "${balancer.free_port:{host:${a.x},min:9000,max:9002}}"},
    "d": {"x": "${balancer.name:{exclude:${a.x},queue:workers}}", "y": "at ${balancer.name:{exclude:${d.x}}} and ${balancer.port:web}"},
    "e": {"x": "${balancer.name:{queue:${oc.select:queues.${balancer.name:host1}}}}"},
    "queues": {"host1": "primary"},
}


@settings(max_examples=settings.default.max_examples // 4)
@given(order=st.permutations([("a", "x"), ("b", "x"), ("c", "x"), ("d", "x"), ("d", "y"), ("e", "x")]))
def test_requests_that_depend_on_others_follow_them_in_any_order_of_resolution(order):
    cfg = config(**NESTED)
    got = {(node, key): cfg[node][key] for node, key in order}
    assert got == {
        ("a", "x"): "host2",
        ("b", "x"): 9001,
        ("c", "x"): 9002,
        ("d", "x"): "host3",
        ("d", "y"): "at host1 and 8080",
        ("e", "x"): "host1",
    }


def test_a_balancer_whose_hosts_another_names_is_assigned_in_any_order_of_resolution():
    other = {"hosts": [{"name": "one"}, {"name": "two"}], "strategy": {"_target_": "airflow_balancer.strategies.Bounded", "c": 1}}
    hosts = [{"name": "${balancer.name:{balancer:other}}"}, {"name": "three"}]
    nodes = {f"n{number}": {"x": "${balancer.name:}"} for number in range(6)} | {"o": {"x": "${balancer.name:{balancer:other}}"}}
    data = {"balancer": {**other, "hosts": hosts}, "other": other, **nodes}
    forth, back = ({name: cfg[name].x for name in order} for cfg, order in ((OmegaConf.create(data), o) for o in (nodes, reversed(nodes))))
    assert forth == back
    assert sorted(Counter(host for name, host in forth.items() if name != "o").values()) == [3, 3]


def test_a_key_of_the_tree_gets_what_its_node_got_and_any_other_what_it_gets_alone(write):
    strategy = {"_target_": "airflow_balancer.strategies.Bounded", "c": 1}
    nodes = {f"n{number}": {"x": "${balancer.name:{queue:'*'}}"} for number in range(9)}
    source = write("config.yaml", OmegaConf.to_yaml({"balancer": {**BALANCER, "ports": [], "strategy": strategy}, **nodes}))
    composed, query = compose_file(source), HostFilter.of(queue="*")
    alone = [composed.pick(f"other{number}", query).name for number in range(9)]
    assert {name: composed.pick(name, query).name for name in nodes} == {name: composed.resolved((name, "x")) for name in nodes}
    candidates = composed.index.candidates(query)
    assert alone == [Bounded(c=1).choose(f"other{number}", candidates, {}).name for number in range(9)]


def test_picks_that_exclude_the_answers_of_earlier_ones_keep_the_bound_over_all_of_them():
    hosts = {"a": {"size": 4}, "b": {"size": 2}, "c": {"size": 1}, "d": {"size": 1}, "e": {"size": 1}}
    balancer = {"hosts": hosts, "strategy": {"_target_": "airflow_balancer.strategies.Bounded", "c": 1}}
    tasks = {
        name: {"x": f"${{balancer.name:{{name:'[!${{{other}.x}}]'}}}}"} for name, other in (("t01", "t00"), ("t02", "t00"), ("t03", "t01"))
    }
    cfg = OmegaConf.create({"balancer": balancer, "t00": {"x": "${balancer.name:{}}"}, **tasks})
    assert Counter(cfg[task].x for task in ("t00", *tasks))["b"] == 1


def test_a_narrow_range_of_free_ports_is_served_before_a_wide_one_around_it():
    for number in range(20):
        wide, narrow = "${balancer.free_port:{host:host1,min:9000,max:9001}}", "${balancer.free_port:{host:host1,min:9000,max:9000}}"
        cfg = config(**{f"wide{number}": {"port": wide}, "zone": {"port": narrow}})
        assert (cfg[f"wide{number}"].port, cfg.zone.port) == (9001, 9000)


def test_a_change_after_the_first_pick_moves_none_of_those_that_depend_on_it():
    host = {"host": "${balancer.name:{queue:primary}}"}
    for number in range(20):
        wide, narrow = "${balancer.free_port:{host:${host},min:9000,max:9001}}", "${balancer.free_port:{host:${host},min:9000,max:9000}}"
        cfg = config(**host, **{f"wide{number}": {"port": wide}, "zone": {"port": narrow}})
        assert cfg.host == "host1"
        cfg.zone.port = 9000
        assert cfg[f"wide{number}"].port == 9001
