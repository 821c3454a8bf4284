"""Every bad input gets one message: the file or override, the host or port, the key, what would be right."""

from __future__ import annotations

import pytest

from airflow_balancer import ConfigurationError, Fleet, load_fleet

HOST_KEYS = (
    "address, drain, hold_slots, key_file, name, os, password, pool, queues, size, slot_dir, slot_timeout, slot_wait, "
    "ssh_hook_args, tags, username"
)
SIZES = "must be a whole number from 1 to 2147483647"
PORTS = "must be a whole number from 1 to 65535"
FILE_KEYS = (
    "create_connection, default_key_file, default_password, default_queue, default_size, default_username, hold_slots, host_overrides, "
    "hosts, lock, override_pool_size, pool_manager, pools, ports, primary_queue, queue_pools, secondary_queue, slot_dir, "
    "slot_timeout, slot_wait, strategy, team"
)

WRONG_YAML = {
    "a misspelt key in list form": (
        "hosts:\n  - {name: host1, sise: 3}",
        f"host 'host1': unknown key 'sise'; did you mean 'size'? (keys: {HOST_KEYS})",
    ),
    "a misspelt key in mapping form": (
        "hosts:\n  host1: {sise: 3}",
        f"host 'host1': unknown key 'sise'; did you mean 'size'? (keys: {HOST_KEYS})",
    ),
    "a misspelt key in an override of a host": (
        "hosts:\n  - name: host1\nhost_overrides: {host1: {sise: 3}}",
        f"host_overrides.host1: unknown key 'sise'; did you mean 'size'? (keys: {HOST_KEYS})",
    ),
    "an override of an unknown host": (
        "hosts:\n  - name: host1\nhost_overrides: {hots1: {size: 3}}",
        "host_overrides.hots1: unknown host 'hots1'; did you mean 'host1'? (hosts: host1)",
    ),
    "a misspelt key of the balancer": (
        "hosts: []\ndefault_sise: 3",
        f"unknown key 'default_sise'; did you mean 'default_size'? (keys: {FILE_KEYS})",
    ),
    "a host without a name": ("hosts:\n  - {size: 3}", "hosts[0]: needs key 'name': a string of 1 to 256 characters"),
    "a host whose name is a boolean": ("hosts:\n  on: {}\n  1: {}", "key 'hosts': each name must be a string, not True; put it in quotes"),
    "a host whose name is null": ("hosts: {null: {}}", "key 'hosts': each name must be a string, not None; put it in quotes"),
    "a pool whose name is a fraction": (
        "hosts: []\npools: {1.10: 3}",
        "key 'pools': each name must be a string, not 1.1; put it in quotes",
    ),
    "a host with another name than its key": ("hosts: {ws1: {name: ws2}}", "host 'ws1': key 'name' says 'ws2'; leave it out"),
    "a host that is a string": ("hosts: [host1]", "hosts[0]: must be a mapping such as {name: host1}, not 'host1'"),
    "hosts that are a string": ("hosts: host1", "key 'hosts' must be a list of hosts, or a mapping of hosts by name, not 'host1'"),
    "a size of 0": ("hosts:\n  - {name: host1, size: 0}", f"host 'host1': key 'size' {SIZES}, not 0"),
    "a negative size": ("hosts:\n  - {name: host1, size: -3}", f"host 'host1': key 'size' {SIZES}, not -3"),
    "a huge size": ("hosts:\n  - {name: host1, size: 2147483648}", f"host 'host1': key 'size' {SIZES}, not 2147483648"),
    "a size that is a string": ("hosts:\n  - {name: host1, size: big}", f"host 'host1': key 'size' {SIZES}, not 'big'"),
    "a size that is true": ("hosts:\n  - {name: host1, size: true}", f"host 'host1': key 'size' {SIZES}, not True"),
    "slots in a relative folder": (
        "hosts:\n  - {name: host1, slot_dir: slots}",
        "host 'host1': key 'slot_dir' must be a path on the host that starts with / or ~/, not 'slots'",
    ),
    "no wait for a slot": ("hosts: []\nslot_wait: 0", "key 'slot_wait' must be a number of seconds above 0, not 0"),
    "a wait for a slot that is true": ("hosts: []\nslot_wait: true", "key 'slot_wait' must be a number of seconds above 0, not True"),
    "slots held for a number of times": (
        "hosts:\n  - {name: host1, hold_slots: 3}",
        "host 'host1': key 'hold_slots' must be true or false, not 3",
    ),
    "a default size of 0": ("hosts: []\ndefault_size: 0", f"key 'default_size' {SIZES}, not 0"),
    "queues that are a string": (
        "hosts:\n  - {name: host1, queues: workers}",
        "host 'host1': key 'queues' must be a list such as [workers], not 'workers'",
    ),
    "a name that is a number": ("hosts:\n  - {name: 1}", "host 1: key 'name' must be a string of 1 to 256 characters, not 1"),
    "a password that is a list": (
        "hosts:\n  - {name: host1, password: [hunter2]}",
        "host 'host1': key 'password' must be a string, or {key: <name of an Airflow Variable>}",
    ),
    "port 0": ("hosts:\n  - name: host1\nports:\n  - {host: host1, port: 0}", f"port 0 on host 'host1': key 'port' {PORTS}, not 0"),
    "port 65536": (
        "hosts:\n  - name: host1\nports:\n  - {host: host1, port: 65536}",
        f"port 65536 on host 'host1': key 'port' {PORTS}, not 65536",
    ),
    "a port that is a string": (
        "hosts:\n  - name: host1\nports:\n  - {host: host1, port: http}",
        f"port 'http' on host 'host1': key 'port' {PORTS}, not 'http'",
    ),
    "an argument that is none": (
        "hosts:\n  - {name: host1, ssh_hook_args: {conn_timout: 3}}",
        "host 'host1': key 'ssh_hook_args.conn_timout' is no argument of an SSH hook, and would be dropped; did you mean 'conn_timeout'?",
    ),
    "an argument that the host's key file takes the place of": (
        "default_key_file: /a\nhosts:\n  - {name: host1, ssh_hook_args: {key_file: /b}}",
        "host 'host1': key 'ssh_hook_args.key_file' would be dropped for the host's 'key_file'; give it as the host's key 'key_file'",
    ),
    "a port on a host without a name": (
        "hosts:\n  - name: host1\nports:\n  - {host: {os: ubuntu}, port: 80}",
        "port 80: key 'host' must be the name of a host, not {'os': 'ubuntu'}",
    ),
    "a port without a host": ("hosts:\n  - name: host1\nports:\n  - {port: 80}", "port 80: needs key 'host': the name of a host"),
    "a port on an unknown host": (
        "hosts:\n  - name: host1\nports:\n  - {host: hots1, port: 80}",
        "port 80 on host 'hots1': unknown host 'hots1'; did you mean 'host1'? (hosts: host1)",
    ),
    "a port on two hosts": (
        "hosts:\n  - name: host1\nports:\n  - {name: web, host: host1, host_name: host2, port: 80}",
        "port 'web': key 'host' says 'host1' but 'host_name' says 'host2'; give one of them",
    ),
    "a host twice": (
        "hosts:\n  - name: host1\n  - name: host1",
        "host 'host1': is defined twice, at hosts[0] and hosts[1]; host names must differ",
    ),
    "a port twice on a host": (
        "hosts:\n  - name: host1\nports:\n  - {host: host1, port: 80}\n  - {host_name: host1, port: 80}",
        "port 80 on host 'host1': is defined twice, at ports[0] and ports[1]; a host has each port once",
    ),
    "a port's name twice": (
        "hosts:\n  - name: host1\nports:\n  - {name: web, host: host1, port: 80}\n  - {name: web, host: host1, port: 81}",
        "port 'web': is defined twice, at ports[0] and ports[1]; port names must differ",
    ),
    "one pool with two different slots": (
        "hosts:\n  - {name: host1, size: 2, pool: shared}\n  - {name: host2, size: 3, pool: shared}",
        "host 'host2': pool 'shared' is requested with 3 slots, but with 2 by host 'host1'; "
        "give both the same, as in pool: {pool: shared, slots: 2}",
    ),
    "a misspelt key of a pool": (
        "hosts:\n  - {name: host1, pool: {pool: gpu, slot: 3}}",
        "host 'host1': unknown key 'pool.slot'; did you mean 'pool'? (keys: description, include_deferred, pool, slots)",
    ),
    "a pool manager that is a number": (
        "pool_manager: 3\nhosts: [{name: host1}]",
        "key 'pool_manager' must be a mapping, such as {connection_id: airflow_api}, not 3",
    ),
    "Airflow's own pool": (
        "hosts:\n  - {name: host1, pool: default_pool}",
        "host 'host1': its pool would be Airflow's own 'default_pool'; give it another with key 'pool'",
    ),
    "an unknown strategy": (
        "hosts: []\nstrategy: rendevous",
        "key 'strategy': unknown strategy 'rendevous'; did you mean 'rendezvous'? (strategies: bounded, least_loaded, random, rendezvous)",
    ),
    "a strategy's option out of bounds": (
        "hosts: []\nstrategy: {_target_: airflow_balancer.strategies.Bounded, c: 0.5}",
        "key 'strategy': c must be a number from 1, not 0.5",
    ),
    "an unknown option of a strategy": (
        "hosts: []\nstrategy: {_target_: airflow_balancer.strategies.Random, seed: 3}",
        "key 'strategy': airflow_balancer.strategies.Random has no option 'seed' (options: none)",
    ),
    "an empty file": ("", "the file is empty; a balancer needs at least 'hosts:'"),
    "a list at the top": ("- name: host1", "holds a list at the top; it must be a mapping, such as hosts: [...]"),
    "a key twice in the YAML": ("hosts: []\nhosts: []", "line 2: found duplicate key hosts"),
    "a tab": ("hosts:\n\t- name: host1", "line 2: found character that cannot start any token; indent with spaces, not with a tab"),
    "invalid UTF-8": (b"hosts: \xff\xfe", "not UTF-8, at byte 7; save it as UTF-8"),
    "a cyclic interpolation": (
        "hosts:\n  - name: ${hosts[0].os}\n    os: ${hosts[0].name}",
        "key 'hosts[0].name': Recursive interpolation detected; give one of the keys in the circle a value",
    ),
    "an interpolation of nothing": (
        "hosts:\n  - name: ${nothing}",
        "key 'hosts[0].name': Interpolation key 'nothing' not found; check its spelling, and the dots of a relative one",
    ),
    "a value that must be given": (
        "hosts:\n  - name: ???",
        "key 'hosts[0].name': Missing mandatory value: name; it is ???, give it a value",
    ),
    "no balancer": ("tasks: []", "there is no balancer; give 'hosts:' at the top, or below 'balancer:' or 'extensions.balancer:'"),
    "two balancers": (
        "a: {_target_: airflow_balancer.BalancerConfiguration}\nb: {_target_: airflow_balancer.BalancerConfiguration}",
        "there are several balancers, at a, b; call one of them 'extensions.balancer' or 'balancer'",
    ),
    "a default that does not exist": ("defaults: [nope]\nhosts: []", "In 'balancer': Could not load 'nope'"),
}


@pytest.mark.parametrize(("content", "message"), WRONG_YAML.values(), ids=WRONG_YAML)
def test_a_wrong_file_gets_one_message(write, content, message):
    file = write("balancer.yaml", content)
    with pytest.raises(ConfigurationError) as error:
        load_fleet(file)
    assert str(error.value) == f"{file}: {message}"


WRONG_OVERRIDES = {
    "a misspelt key of a host": (
        "hosts.host1.sise=3",
        "{file}: override 'hosts.host1.sise=3': host 'host1': unknown key 'sise'; did you mean 'size'? (keys: " + HOST_KEYS + ")",
    ),
    "a misspelt key of the balancer": (
        "default_sise=3",
        "{file}: key 'default_sise': Could not override 'default_sise'; To append to your config use +default_sise=3; "
        "Key 'default_sise' is not in struct; did you mean 'default_size'?",
    ),
    "a wrong value of an overridden host": (
        "host_overrides.host1.size=big",
        "{file}: override 'host_overrides.host1.size=big': host_overrides.host1: key 'size' " + SIZES + ", not 'big'",
    ),
    "a wrong value": ("default_size=big", "{file}: override 'default_size=big': key 'default_size' " + SIZES + ", not 'big'"),
    "a wrong secret": (
        "hosts.host1.password=[hunter2]",
        "{file}: override 'hosts.host1.password=**********': host 'host1': "
        "key 'password' must be a string, or {{key: <name of an Airflow Variable>}}",
    ),
}


@pytest.mark.parametrize(("override", "message"), WRONG_OVERRIDES.values(), ids=WRONG_OVERRIDES)
def test_a_wrong_override_is_named(write, override, message):
    file = write("balancer.yaml", "hosts: {host1: {size: 2}}")
    with pytest.raises(ConfigurationError) as error:
        load_fleet(file, [override])
    assert str(error.value) == message.format(file=file)


ALL_WRONG = """
default_size: none
hosts:
  ws1: {size: 0}
  ws2: {drain: [1], ssh_hook_args: {prot: 22, username: me, remote_host: 'a:1'}}
  ws3: 3
ports:
  - {host: ws2, port: 99999}
  - {host: ws9, port: 80}
  - {name: web, host: ws2, port: 80}
host_overrides: {ws2: {sise: 3, size: big}, ws7: {size: 3}}
pools: {warehouse: 0, web: 1}
"""
ALL_PROBLEMS = [
    f"key 'default_size' {SIZES}, not 'none'",
    "host 'ws3': must be a mapping such as {tags: [a]}, not 3",
    "host 'ws2': key 'ssh_hook_args.remote_host' must be an IP address or a DNS name, not 'a:1'; the port is `ssh_hook_args: {port: 1}`",
    f"host_overrides.ws2: unknown key 'sise'; did you mean 'size'? (keys: {HOST_KEYS})",
    "host_overrides.ws7: unknown host 'ws7'; did you mean 'ws3'? (hosts: ws1, ws2, ws3)",
    "host 'ws2': key 'ssh_hook_args.prot' is no argument of an SSH hook, and would be dropped; did you mean 'port'?",
    "host 'ws2': key 'ssh_hook_args.username' would be dropped for the host's 'username'; give it as the host's key 'username'",
    f"host 'ws1': key 'size' {SIZES}, not 0",
    f"host_overrides.ws2: key 'size' {SIZES}, not 'big'",
    "host 'ws2': key 'drain' must be true, false or a reason of at most 256 characters, not [1]",
    f"port 99999 on host 'ws2': key 'port' {PORTS}, not 99999",
    f"pool 'warehouse': key 'slots' {SIZES}, not 0",
    "port 80 on host 'ws9': unknown host 'ws9'; did you mean 'ws3'? (hosts: ws1, ws2, ws3)",
    "pool 'web': is also the pool of port 'web'; rename one of them",
]


def test_hosts_ports_overrides_and_pools_are_all_named_in_one_error_each_in_one_line(write):
    file = write("balancer.yaml", ALL_WRONG)
    with pytest.raises(ConfigurationError) as error:
        load_fleet(file)
    assert str(error.value).splitlines() == [f"{file}: {problem}" for problem in ALL_PROBLEMS]


def test_where_a_host_of_any_name_cannot_be_read_no_name_is_unknown(write):
    file = write("balancer.yaml", "hosts: [host1]\nports: [{host: host1, port: 80}]\nhost_overrides: {host1: {size: 3}}\n")
    with pytest.raises(ConfigurationError) as error:
        load_fleet(file)
    assert str(error.value) == f"{file}: hosts[0]: must be a mapping such as {{name: host1}}, not 'host1'"


def test_every_problem_is_named_at_once(write):
    file = write("balancer.yaml", "hosts: [{name: host1, size: 0}, {name: host2, sise: 1}]")
    with pytest.raises(ConfigurationError) as error:
        load_fleet(file)
    assert [problem.path for problem in error.value.problems] == [("hosts", 0, "size"), ("hosts", 1, "sise")]


def test_a_problem_in_a_layer_names_the_layers_file(write):
    write("config.yaml", "defaults: [base, env: prod]\n")
    write("base.yaml", "# @package balancer\nhosts: {host1: {size: 2}}\n")
    prod = write("env/prod.yaml", "# @package balancer\nhosts: {host1: {size: none}}\n")
    with pytest.raises(ConfigurationError) as error:
        load_fleet(prod.parent.parent)
    assert str(error.value) == f"{prod}: host 'host1': key 'size' {SIZES}, not 'none'"


def test_a_broken_layer_is_named(write):
    root = write("config.yaml", "defaults: [env: prod]\nhosts: []\n")
    layer = write("env/prod.yaml", b"\xff")
    with pytest.raises(ConfigurationError) as error:
        load_fleet(root)
    assert str(error.value) == f"{layer}: not UTF-8, at byte 0; save it as UTF-8"


def test_a_missing_option_lists_those_there_are(write):
    file = write("config.yaml", "defaults: [env: dev]\nhosts: []\n")
    write("env/dev.yaml", "{}")
    with pytest.raises(ConfigurationError) as error:
        load_fleet(file, ["env=prod"])
    assert str(error.value) == f"{file}: In 'config': Could not find 'env/prod'; Available options in 'env': dev"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nope\.yaml: there is no such file"):
        load_fleet(tmp_path / "nope.yaml")


def test_a_yml_file_is_to_be_renamed(write):
    file = write("balancer.yml", "hosts: []")
    with pytest.raises(ConfigurationError) as error:
        load_fleet(file)
    assert str(error.value) == f"{file}: Hydra reads files that end in .yaml; rename it to balancer.yaml"


def test_an_unreadable_folder_is_named(tmp_path):
    with pytest.raises(ConfigurationError) as error:
        load_fleet(tmp_path)
    assert str(error.value) == f"{tmp_path}: the folder holds no config.yaml or balancer.yaml"


@pytest.mark.parametrize(("content", "message"), WRONG_YAML.values(), ids=WRONG_YAML)
def test_the_command_line_says_the_same_without_a_traceback(cli, write, content, message):
    file = write("balancer.yaml", content)
    assert cli("validate", "balancer.yaml") == ("", f"airflow-balancer: {file}: {message}\n", 1)


@pytest.mark.parametrize("where", ["ports", "host_overrides"])
def test_twenty_unknown_hosts_have_a_hint_of_their_own(where):
    wrong = {
        "ports": [{"host": f"hots{n}", "port": 80 + n} for n in range(21)],
        "host_overrides": {f"hots{n}": {"size": 2} for n in range(21)},
    }
    with pytest.raises(ConfigurationError) as error:
        Fleet.from_data({"hosts": [{"name": f"host{n}"} for n in range(21)], where: wrong[where]})
    lines = str(error.value).splitlines()
    assert (len(lines), sum("did you mean" in line for line in lines)) == (21, 20)
