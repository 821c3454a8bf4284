"""Messages that a newcomer gets, each with what to write instead."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from airflow_balancer import load, load_config
from airflow_balancer.errors import ConfigurationError
from tests.conftest import REPOSITORY

BALANCER = "hosts: [{name: a, queues: [workers]}, {name: b}]\n"


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (("select", "queue=workers"), "query.queue=workers"),
        (("port", "name=a"), "query.name=a"),
        (("port", "min=9000"), "query.min=9000"),
        (("show", "all_tags=[gpu,ssd]"), "query.all_tags=[gpu,ssd]"),
    ],
    ids=" ".join,
)
def test_a_key_of_a_query_without_its_prefix_is_told_with_it(cli, write, words, query):
    file = write("balancer.yaml", BALANCER)
    key = words[1].partition("=")[0]
    told = f"airflow-balancer: {file}: the configuration has no key {key!r}; for a query write {query}\n"
    assert cli(words[0], "balancer.yaml", words[1]) == ("", told, 1)


def test_a_key_without_the_prefix_that_the_tree_has_is_an_override(cli, write):
    write("conf/config.yaml", f"queue: workers\nbalancer:\n  {BALANCER}")
    assert cli("select", "queue=other", "query.name=b").stdout == "b\n"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("env=prod", "'env=prod' overrides nothing: no configuration is given"),
        ("aply=true", "'aply=true' overrides nothing: no configuration is given; did you mean 'apply'?"),
        ("token=x", "'token=**********' overrides nothing: no configuration is given"),
    ],
)
def test_an_override_of_no_configuration_is_wrong_usage(cli, word, told):
    assert cli("pools", word) == ("", f"airflow-balancer: {told}\n", 2)


def test_a_drained_host_takes_no_pick_of_its_queue(cli, write):
    write("balancer.yaml", "hosts: [{name: a, queues: [q], size: 2}, {name: b, queues: [q], size: 3, drain: true}]\n")
    (row,) = json.loads(cli("show", "balancer.yaml", "output=json").stdout)["queues"]
    assert (row["queue"], row["hosts"], row["slots"], row["pick"]) == ("q", 1, 2, "a")


def test_an_unknown_key_is_not_suggested_for_itself(cli, write):
    file = write("balancer.yaml", BALANCER)
    told = "key 'name': Could not override 'name'; To append to your config use +name=a; Key 'name' is not in struct"
    answer = cli("validate", "balancer.yaml", "name=a")
    assert answer == ("", f"airflow-balancer: {file}: {told}; did you mean 'username'?\n", 1)


@pytest.mark.parametrize(("name", "hint"), [("conff", "; did you mean 'conf'?"), ("elsewhere", "")])
def test_a_missing_folder_is_named_with_the_nearest(cli, write, tmp_path, name, hint):
    write("conf/config.yaml", BALANCER)
    (tmp_path / "confu").mkdir()
    assert cli("--config-dir", name) == ("", f"airflow-balancer: {tmp_path / name}: there is no such folder{hint}\n", 1)


def test_a_strategy_beside_the_yaml_is_found_on_the_command_line(cli, write, tmp_path):
    write("dags/balancer.yaml", f"{BALANCER}strategy: {{_target_: beside_the_yaml.Last}}\n")
    write("dags/beside_the_yaml.py", "class Last:\n    def choose(self, key, candidates, load):\n        return candidates[-1]\n")
    assert cli("select", "dags/balancer.yaml") == ("b\n", "", 0)
    assert str(tmp_path / "dags") not in sys.path


def test_a_strategy_beside_the_yaml_does_not_hide_an_installed_module(cli, write, tmp_path, monkeypatch):
    write("dags/balancer.yaml", f"{BALANCER}strategy: {{_target_: of_both.First}}\n")
    write("dags/of_both.py", "raise SystemExit('this one')\n")
    write("installed/of_both.py", "class First:\n    def choose(self, key, candidates, load):\n        return candidates[0]\n")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    assert cli("select", "dags/balancer.yaml") == ("a\n", "", 0)


MISSING = {
    "no module": ("no_such_module.First", "No module named 'no_such_module'"),
    "no class": ("fnmatch.First", "No module named 'fnmatch.First'; 'fnmatch' is not a package"),
}


@pytest.mark.parametrize(("target", "cause"), MISSING.values(), ids=MISSING)
def test_a_strategy_that_cannot_be_imported_is_told_with_where_it_may_be(cli, write, target, cause):
    file = write("balancer.yaml", f"{BALANCER}strategy: {{_target_: {target}}}\n")
    where = f"its module must be installed, in a folder of PYTHONPATH or in {file.parent}"
    told = f"{file}: key 'strategy': {target!r} cannot be imported: {cause}; {where}"
    assert cli("select", "balancer.yaml") == ("", f"airflow-balancer: {told}\n", 1)


def test_a_default_that_needs_a_slash_in_the_tree_of_airflow_config_is_named(tmp_path):
    root = shutil.copytree(REPOSITORY / "conf", tmp_path / "config") / "config.yaml"
    root.write_text(root.read_text().replace("- /env: dev", "- env: dev"))
    with pytest.raises(ConfigurationError) as error:
        load_config("config", "config", ["env=prod"], basepath=str(tmp_path))
    assert str(error.value) == (
        f"{root}: could not override 'env': write `- /env: dev` in place of `- env: dev` under `defaults`; "
        "airflow-config composes this file as an option of a group"
    )


def test_hosts_of_a_group_that_are_merged_beside_the_balancer_are_told_where_they_stand(cli, write):
    write("conf/config.yaml", "defaults: [hosts: eu, _self_]\nbalancer: {default_size: 2}\n")
    file = write("conf/hosts/eu.yaml", "eu1: {}\n")
    told = "key 'hosts' is outside of the balancer, which has none; they stand at balancer.hosts: a file of a group begins with"
    assert cli("validate") == ("", f"airflow-balancer: {file}: {told} # @package balancer.hosts\n", 1)
    write("conf/hosts/eu.yaml", "# @package balancer.hosts\neu1: {}\n")
    assert cli("validate").stdout == "valid: 1 host, 2 slots, 0 ports, 1 pool, 0 picks\n"


def test_hosts_beside_the_balancer_are_told_so_whatever_they_interpolate(cli, write):
    write("conf/config.yaml", "balancer: {default_size: 2}\n")
    told = "key 'hosts' is outside of the balancer, which has none; they stand at balancer.hosts: a file of a group begins with"
    stderr = f"airflow-balancer: override '+hosts=${{nothing}}': {told} # @package balancer.hosts\n"
    assert cli("validate", "+hosts=${nothing}") == ("", stderr, 1)


@pytest.mark.parametrize("command", ["select", "plan"])
def test_a_strategy_that_gives_none_is_that_of_its_file_or_override(cli, write, command):
    file = write("balancer.yaml", "hosts: [{name: host1}]\nstrategy: {_target_: os.getcwd}\n")
    told = "key 'strategy': os.getcwd gives str, which has no choose(key, candidates, load)"
    assert cli(command, "balancer.yaml") == ("", f"airflow-balancer: {file}: {told}\n", 1)
    with pytest.raises(ConfigurationError) as error:
        load(file)
    assert str(error.value) == f"{file}: {told}"
    override = "strategy._target_=os.getpid"
    told = f"override '{override}': key 'strategy': os.getpid gives int, which has no choose(key, candidates, load)"
    assert cli(command, "balancer.yaml", override) == ("", f"airflow-balancer: {file}: {told}\n", 1)


def test_a_strategy_that_gives_none_is_that_of_its_override_where_a_node_requests_a_host(cli, write):
    file = write("config.yaml", "balancer: {hosts: [{name: host1}]}\na: {b: '${balancer.name:host1}'}\n")
    override = "balancer.strategy._target_=os.getpid"
    told = f"override '{override}': key 'strategy': os.getpid gives int, which has no choose(key, candidates, load)"
    assert cli("plan", "config.yaml", override) == ("", f"airflow-balancer: {file}: {told}\n", 1)


def test_an_unknown_key_is_that_of_the_file_that_is_merged_there(cli, write):
    write("conf/config.yaml", "defaults: [hosts: eu, _self_]\nbalancer: {default_size: 2}\n")
    file = write("conf/hosts/eu.yaml", "# @package balancer.host\neu1: {}\n")
    assert cli("validate").stderr.startswith(f"airflow-balancer: {file}: unknown key 'host'; did you mean 'hosts'?")


ANSIBLE = {
    "INI": "[web]\nweb1 ansible_host=10.0.0.5\n\n[web:vars]\nansible_password=hunter2\n",
    "INI whose hosts come first": "web1 ansible_host=10.0.0.5\n[web]\nweb1\n",
    "INI of one group": "[web]\n",
    "YAML": "all:\n  children:\n    web:\n      hosts:\n        web1: {ansible_host: 10.0.0.5}\n",
    "YAML with hosts": "web:\n  hosts:\n    web1:\n  vars: {ansible_user: deploy}\n",
}


@pytest.mark.parametrize("content", ANSIBLE.values(), ids=ANSIBLE)
def test_an_inventory_of_ansible_is_recognised(cli, write, content):
    inventory = write("hosts", content)
    file = write("balancer.yaml", "hosts: ${balancer.inventory:hosts}\n")
    told = (
        "is an Ansible inventory, which is not read; write its hosts by name, such as web1: {address: 10.0.0.5, queues: [web]}: "
        "a group is one of `queues` or `tags`, ansible_host is `address`, ansible_user `username`, "
        "ansible_ssh_private_key_file `key_file`, and ansible_port `ssh_hook_args: {port: 2222}`"
    )
    assert cli("validate", "balancer.yaml") == ("", f"airflow-balancer: {file}: {inventory}: {told}\n", 1)


OURS = {
    "a list": "- {name: web1}\n",
    "a list in brackets": "[\n{name: web1},\n]\n",
    "by name": "web1: {queues: [hosts], ssh_hook_args: {port: 22}}\n",
    "by a name of Ansible's": "all: {queues: [hosts]}\nhosts:\nchildren: {tags: [vars]}\n",
}


@pytest.mark.parametrize("content", OURS.values(), ids=OURS)
def test_an_inventory_of_our_own_is_not_taken_for_one_of_ansible(cli, write, content):
    write("hosts.yaml", content)
    write("balancer.yaml", "hosts: ${balancer.inventory:hosts.yaml}\n")
    assert cli("validate", "balancer.yaml").returncode == 0
