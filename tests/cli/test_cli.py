"""`airflow-balancer`, run as a user runs it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from airflow_balancer.cli import hydra_app
from airflow_balancer.cli.command import UsageError
from airflow_balancer.cli.commands import NAMES, all_commands, find_command
from airflow_balancer.cli.query import QUERY_KEYS
from airflow_balancer.hydra.compose import LONGEST_OVERRIDE
from airflow_balancer.picking.filters import HostFilter
from tests.conftest import REPOSITORY

BALANCER = """
default_password: hunter2
hosts:
  - {name: host1, size: 16, os: ubuntu, queues: [primary], tags: [a, b]}
  - {name: host2, size: 16, os: ubuntu, queues: [workers]}
ports:
  - {name: web, host: host1, port: 8080}
"""


@pytest.fixture
def balancer(write):
    return write("balancer.yaml", BALANCER)


def lines(text: str) -> list[list[str]]:
    """The words of each line that has some, without rules."""
    return [words for line in text.splitlines() if (words := line.replace("─", "").split())]


class TestShow:
    def test_is_the_default_and_prints_tables(self, cli, balancer):
        result = cli("balancer.yaml")
        assert (result.returncode, result.stderr) == (0, "")
        assert lines(result.stdout) == [
            ["hosts", "(2)"],
            ["name", "os", "queues", "tags", "size", "pool", "username", "credential"],
            ["host1", "ubuntu", "primary", "a,", "b", "16", "host1", "airflow", "password"],
            ["host2", "ubuntu", "workers", "16", "host2", "airflow", "password"],
            ["ports", "(1)"],
            ["host", "port", "name", "pool"],
            ["host1", "8080", "web", "web"],
            ["queues", "(2)"],
            ["queue", "hosts", "slots", "key", "pick"],
            ["primary", "1", "16", "command", "line", "host1"],
            ["workers", "1", "16", "command", "line", "host2"],
        ]

    def test_as_json_is_data(self, cli, balancer):
        report = json.loads(cli("show", "balancer.yaml", "output=json", "query.queue=primary").stdout)
        assert report == {
            "hosts": [
                {
                    "name": "host1",
                    "os": "ubuntu",
                    "queues": ["primary"],
                    "tags": ["a", "b"],
                    "size": 16,
                    "pool": "host1",
                    "username": "airflow",
                    "credential": "password",
                }
            ],
            "ports": [{"host": "host1", "port": 8080, "name": "web", "pool": "web", "tags": []}],
            "queues": [{"queue": "primary", "hosts": 1, "slots": 16, "key": "command line", "pick": "host1"}],
            "pools": [],
            "picks": [],
        }

    def test_has_the_pools_that_belong_to_no_host_or_port(self, cli, write):
        pools = "{warehouse: 4, api: {slots: 2, description: calls, include_deferred: false}}"
        write("balancer.yaml", f"hosts: {{}}\npools: {pools}\n")
        assert lines(cli("balancer.yaml").stdout)[-4:] == [
            ["pools", "(2)"],
            ["name", "slots", "description", "include_deferred"],
            ["api", "2", "calls", "False"],
            ["warehouse", "4", "True"],
        ]
        assert cli("validate", "balancer.yaml").stdout == "valid: 0 hosts, 0 slots, 0 ports, 2 pools, 0 picks\n"

    def test_says_why_a_host_is_drained_without_its_secrets(self, cli, write):
        write("balancer.yaml", "hosts: {ws1: {drain: true}, ws2: {drain: hunter2 leaks, password: hunter2}, ws3: {}}\n")
        report = json.loads(cli("show", "balancer.yaml", "output=json").stdout)
        assert [host["drained"] for host in report["hosts"]] == ["yes", "********** leaks", ""]

    def test_has_the_addresses_where_a_host_has_one(self, cli, write):
        write("balancer.yaml", "hosts: {ws1: {address: 10.0.0.5}, ws2: {}}\n")
        header, *rows = lines(cli("balancer.yaml").stdout)[1:4]
        assert (header[:2], [row[:2] for row in rows]) == (["name", "address"], [["ws1", "10.0.0.5"], ["ws2", "8"]])
        assert json.loads(cli("select", "balancer.yaml", "query.name=ws1", "output=json").stdout)["picked"]["address"] == "10.0.0.5"

    def test_names_the_picks_that_a_tree_makes(self, cli):
        report = json.loads(cli("show", "output=json", cwd=REPOSITORY).stdout)
        assert [(pick["requester"], pick["gets"]) for pick in report["picks"]] == [
            ("dags.etl.tasks.extract.ssh_hook", "host2"),
            ("dags.etl.tasks.extract.pool", "host2"),
            ("dags.etl.tasks.extract.command", "extract --on host2 --port 9651"),
            ("dags.etl.tasks.publish.ssh_hook", "host1"),
            ("dags.etl.tasks.publish.command", "publish --to http://host1:8080"),
        ]


class TestOtherCommands:
    def test_select_prints_the_host(self, cli, balancer):
        result = cli("select", "balancer.yaml", "query.queue=workers")
        assert (result.stdout, result.stderr, result.returncode) == ("host2\n", "", 0)

    def test_select_takes_several_patterns_and_a_key(self, cli, balancer):
        report = yaml.safe_load(cli("select", "balancer.yaml", "query.queue=[workers,pri*]", "query.key=etl", "output=yaml").stdout)
        assert (report["host"], report["key"], report["candidates"]) == ("host2", "etl", ["host1", "host2"])

    def test_select_counts_the_hosts_that_each_condition_leaves_out(self, cli, balancer):
        report = json.loads(cli("select", "balancer.yaml", "query.queue=workers", "output=json").stdout)
        assert (report["candidates"], report["left_out"]) == (["host2"], {"queue": 1})

    @pytest.mark.parametrize("output", ["json", "yaml"])
    def test_a_program_is_told_what_each_condition_leaves_out_of_a_query_without_match(self, cli, balancer, output):
        result = cli("select", "balancer.yaml", "query.queue=workers", "query.tag=[a,b]", f"output={output}")
        text = (
            "no host matches queue='workers', tag='a' or 'b' (2 hosts left out: 1 by queue, 1 by tag; without queue: host1; "
            "without tag: host2; names: host1, host2; queues: primary, workers; systems: ubuntu; tags: a, b)"
        )
        assert yaml.safe_load(result.stdout) == {"error": text, "left_out": {"queue": 1, "tag": 1}}
        assert (result.stderr, result.returncode) == (f"airflow-balancer: {balancer}: {text}\n", 1)

    def test_port_prints_one_that_is_not_tracked(self, cli, balancer):
        result = cli("port", "balancer.yaml", "query.name=host1", "query.min=8080", "query.max=8081")
        assert (result.stdout, result.returncode) == ("host1:8081\n", 0)

    def test_validate_refuses_a_target_that_is_no_balancers_beside_all_else_that_is_wrong(self, cli, write):
        file = write(
            "balancer.yaml",
            "_target_: airflow_balancer.BalancerConfigration\n"
            "hosts: {ws1: {_target_: builtins.dict, size: 0}, ws2: {_target_: airflow_pydantic.Host}}\n"
            "ports: [{_target_: airflow_balancer.Host, host: ws2, port: 80}]\n"
            "strategy: {_target_: airflow_balancer.strategies.Random}\n",
        )
        wrong = [
            "key '_target_' names 'airflow_balancer.BalancerConfigration', which is no BalancerConfiguration; "
            "write airflow_balancer.BalancerConfiguration, or leave it out",
            "key 'hosts.ws1._target_' names 'builtins.dict', which is no Host; write airflow_balancer.Host, or leave it out",
            "key 'ports[0]._target_' names 'airflow_balancer.Host', which is no Port; write airflow_balancer.Port, or leave it out",
            "host 'ws1': key 'size' must be a whole number from 1 to 2147483647, not 0",
        ]
        result = cli("validate", "balancer.yaml")
        assert (result.stderr.splitlines(), result.returncode) == ([f"airflow-balancer: {file}: {text}" for text in wrong], 1)

    def test_validate_imports_no_class_of_another_package_and_says_so(self, cli, write):
        write("planted.py", "raise SystemExit('imported')\n")
        write("balancer.yaml", "balancer: {_target_: planted.Balancer, hosts: {}}\n")
        says = "airflow-balancer: planted.Balancer is of another package, and not imported here: `load` says whether it is right\n"
        assert cli("validate", "balancer.yaml") == ("valid: 0 hosts, 0 slots, 0 ports, 0 pools, 0 picks\n", says, 0)

    def test_validate_counts(self, cli, balancer):
        assert cli("validate", "balancer.yaml").stdout == "valid: 2 hosts, 32 slots, 1 port, 3 pools, 0 picks\n"

    def test_config_prints_yaml_without_secrets(self, cli, balancer):
        assert yaml.safe_load(cli("config", "balancer.yaml").stdout) == {**yaml.safe_load(BALANCER), "default_password": "**********"}

    def test_config_prints_an_address_as_it_was_written(self, cli, write):
        hosts = {"ws1": {"address": "10.0.0.5"}, "ws2": {"ssh_hook_args": {"remote_host": "10.0.0.6"}}}
        write("balancer.yaml", yaml.safe_dump({"hosts": hosts}))
        assert yaml.safe_load(cli("config", "balancer.yaml").stdout)["hosts"] == hosts

    def test_the_whole_config_is_printed_without_secrets(self, cli, balancer):
        result = cli("balancer.yaml", "--cfg", "job", "output=json")
        assert json.loads(result.stdout) == {**yaml.safe_load(BALANCER), "default_password": "**********"}

    def test_the_defaults_list_is_printed(self, program):
        assert "| hosts/example" in program("--info", "defaults", cwd=REPOSITORY).stdout


class TestTree:
    def test_the_nearest_conf_is_taken(self, cli, tmp_path, write):
        write("conf/config.yaml", "hosts: [{name: host1}]")
        below = write("dags/team/dag.py", "").parent
        assert cli("validate", cwd=below).stdout == "valid: 1 host, 8 slots, 0 ports, 1 pool, 0 picks\n"

    def test_a_folder_is_a_configuration_unless_a_command_has_its_name(self, cli, write):
        for folder in ("fleet", "plan"):
            write(f"{folder}/config.yaml", "hosts: [{name: host1}]\n")
        assert cli("select", "fleet").stdout == "host1\n"
        assert cli("select", "plan").stderr == "airflow-balancer: give one command and one configuration, not select plan\n"
        assert cli("select", "plan/").stdout == "host1\n"

    def test_a_given_folder_is_taken(self, cli, tmp_path):
        result = cli("select", "--config-dir", str(REPOSITORY / "conf"), "env=prod", "query.queue=workers", "query.tag=release")
        assert (result.stdout, result.stderr) == ("host3\n", "")

    def test_another_root_config_is_taken(self, cli, write):
        write("conf/other.yaml", "hosts: [{name: other}]")
        assert cli("select", "-cd", "conf", "-cn", "other").stdout == "other\n"

    def test_a_sweep_answers_for_each_value(self, cli):
        result = cli("--multirun", "env=dev,prod", "validate", cwd=REPOSITORY)
        assert result.stdout == (
            "env=dev\nvalid: 3 hosts, 34 slots, 2 ports, 5 pools, 5 picks\nenv=prod\nvalid: 3 hosts, 44 slots, 2 ports, 5 pools, 5 picks\n"
        )

    def test_no_file_is_left_behind(self, cli, balancer, tmp_path):
        cli("balancer.yaml")
        cli("balancer.yaml", "--multirun", "default_size=1,2")
        assert [path.name for path in tmp_path.iterdir()] == ["balancer.yaml"]

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("airflow-balancer val", ["validate"]),
            ("airflow-balancer select env=", ["env=dev", "env=prod", "env=staging"]),
            ("airflow-balancer --config-dir conf extensions.balancer.default_si", ["extensions.balancer.default_size="]),
            ("airflow-balancer port query.m", ["query.min_size=", "query.min=", "query.max="]),
            ("airflow-balancer pools apply=t", ["apply=true"]),
        ],
        ids=["command", "option of a group", "key", "key of the command", "value of it"],
    )
    def test_the_shell_completes(self, cli, line, expected):
        result = cli("-sc", "query=bash", cwd=REPOSITORY, COMP_LINE=line, COMP_POINT=str(len(line)))
        assert result.stdout.split() == expected

    def test_the_shell_is_told_how_to_complete(self, cli):
        assert "complete -o nospace -o default -F hydra_bash_completion" in cli("-sc", "install=bash", cwd=REPOSITORY).stdout

    def test_the_shell_completes_a_line_that_has_info_as_well(self, cli):
        result = cli("--info", "defaults", "-sc", "query=bash", cwd=REPOSITORY, COMP_LINE="airflow-balancer sel", COMP_POINT="20")
        assert (result.stdout.split(), result.stderr) == (["select"], "")

    def test_the_words_of_the_program_are_out_before_hydra_adds_its_own(self, monkeypatch, balancer):
        out, seen = io.TextIOWrapper(io.BytesIO()), []
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(hydra_app, "run_hydra_app", lambda *_: seen.append(out.buffer.getvalue()))
        monkeypatch.setenv("COMP_LINE", f"airflow-balancer {balancer} val")
        hydra_app.complete("query=bash")
        assert seen == [b"validate\n"]

    def test_a_misspelt_key_of_a_query_is_no_override_of_a_node_of_that_name(self, cli, write):
        write("conf/config.yaml", "query: {queu: a}\nbalancer: {hosts: [host1]}\n")
        assert cli("select", "query.queu=b").stderr.startswith("airflow-balancer: unknown key 'query.queu'; did you mean 'query.queue'?")


FAILURES = {
    "no match": (
        ("select", "balancer.yaml", "query.queue=worker"),
        1,
        "{file}: no host matches queue='worker'; did you mean 'workers'? "
        "(2 hosts left out: 2 by queue; without queue: host1, host2; "
        "names: host1, host2; queues: primary, workers; systems: ubuntu; tags: a, b)",
    ),
    "a wrong override": (
        ("balancer.yaml", "default_size=0"),
        1,
        "{file}: override 'default_size=0': key 'default_size' must be a whole number from 1 to 2147483647, not 0",
    ),
    "an unknown query": (
        ("select", "balancer.yaml", "query.queu=a"),
        1,
        "unknown key 'query.queu'; did you mean 'query.queue'? (keys of select: query.name, query.queue, query.os, query.tag, "
        "query.all_tags, query.min_size, query.exclude, query.prefer, query.key, dag_files, api_url, api_username, output)",
    ),
    "an exhausted range": (
        ("port", "balancer.yaml", "query.name=host1", "query.min=8080", "query.max=8080"),
        1,
        "{file}: host 'host1': all ports from 8080 to 8080 are taken; give a wider range with min and max",
    ),
    "a missing file": (("nope.yaml",), 1, "{folder}/nope.yaml: there is no such file"),
    "an unknown command": (
        ("selct", "balancer.yaml"),
        2,
        "unknown command 'selct'; did you mean 'select'? (commands: show, select, port, lock, validate, config, plan, pools, check, "
        "init, schema)",
    ),
    "an unknown output": (("balancer.yaml", "output=jsn"), 2, "output must be table, json or yaml, not 'jsn'; did you mean 'json'?"),
    "a misspelt key": (
        ("plan", "balancer.yaml", "agianst=env=prod"),
        2,
        "'agianst=env=prod' is not an override; write key=value; did you mean 'against'?",
    ),
    "no override": (("balancer.yaml", "a=b=[c"), 2, "'a=b=[c' is not an override; write key=value"),
    "a long number": (
        ("balancer.yaml", f"default_size={'9' * 5000}"),
        2,
        "an override has a number too long, or brackets too deep, to be read",
    ),
    "two files": (("a.yaml", "b.yaml"), 2, "give one command and one configuration, not a.yaml b.yaml"),
}


@pytest.mark.parametrize(("words", "code", "message"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_one_line_and_a_code(cli, balancer, words, code, message):
    result = cli(*words)
    expected = message.format(file=balancer, folder=balancer.parent)
    assert (result.stdout, result.stderr, result.returncode) == ("", f"airflow-balancer: {expected}\n", code)


def test_the_longest_override_of_a_command_is_taken_and_a_longer_one_named():
    longest = "x=" + "a" * (LONGEST_OVERRIDE - 2)
    hydra_app.check_overrides([longest], ())
    with pytest.raises(UsageError, match=r"^an override has more than 100000 characters; write it into a YAML file$"):
        hydra_app.check_overrides(["x=1", longest + "a"], ())


def test_without_a_tree_it_says_how_to_make_one(cli, tmp_path):
    result = cli()
    assert (result.stdout, result.returncode) == ("", 2)
    assert f"no configuration: there is no conf/ or config/ folder with a config.yaml in {tmp_path} or above" in result.stderr
    assert result.stderr.splitlines()[-1] == "  airflow-balancer init fleet && cd fleet"


def test_one_failing_job_of_a_sweep_does_not_stop_the_others(cli, balancer):
    result = cli("validate", "balancer.yaml", "--multirun", "default_size=0,2")
    assert result.stdout == "default_size=2\nvalid: 2 hosts, 32 slots, 1 port, 3 pools, 0 picks\n"
    assert result.returncode == 1


@pytest.mark.parametrize("flags", [("--info", "all"), ("--cfg", "all")], ids=" ".join)
def test_what_would_print_secrets_is_refused(cli, balancer, flags):
    result = cli("balancer.yaml", *flags)
    assert (result.stdout, result.returncode, "hunter" in result.stderr) == ("", 2, False)


def test_help_and_version_need_no_tree(cli):
    assert cli("--help").stdout.startswith("usage: airflow-balancer [COMMAND] [FILE | --config-dir DIR] [OVERRIDE ...] [FLAG ...]\n")
    assert cli("--version").stdout == "airflow-balancer 0.8.0\n"


class TestHelp:
    @pytest.mark.parametrize("command", all_commands(), ids=NAMES)
    def test_of_a_command_explains_it_and_each_of_its_keys(self, cli, command):
        result = cli(*command.name.split(), "--help")
        assert (result.stderr, result.returncode) == ("", 0)
        assert result.stdout.startswith(f"usage: airflow-balancer {command.name} [KEY=VALUE ...]")
        assert [text for text in (command.summary, command.help, f"airflow-balancer {command.example}") if text not in result.stdout] == []
        keys = [line.split(maxsplit=1) for line in result.stdout.splitlines() if line.startswith("  ") and "=" in line.split()[0]]
        assert keys == [[f"{key.name}={key.value}", key.help] for key in command.all_keys.values()]

    def test_lists_every_command(self, cli):
        shown = cli("--help").stdout
        assert [command.name for command in all_commands() if f"  {command.name:<10} {command.summary}\n" not in shown] == []

    def test_lists_every_exit_code(self, cli):
        codes = "0 done; 1 the configuration is wrong, or nothing matches; 2 wrong usage; 3 pools, hosts or picks differ"
        assert cli("--help").stdout.splitlines()[-1] == f"Exit codes: {codes}"

    def test_loads_neither_hydra_nor_pydantic_nor_another_command(self, python):
        code = (
            "import sys; sys.argv[1:] = ['select', '--help']\nfrom airflow_balancer.cli import main\ntry: main()\nexcept SystemExit: pass\n"
        )
        loaded = {"airflow", "airflow_balancer.cli.plan", "hydra", "omegaconf", "pydantic", "rich", "yaml"}
        assert python(f"{code}print({loaded} & set(sys.modules))").stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("command", all_commands(), ids=NAMES)
def test_the_example_of_a_command_takes_keys_that_it_has(command):
    words = [word.partition("=")[0] for word in command.example.split() if word.startswith(("query.", "apply", "prune", "against", "dag_"))]
    assert set(words) <= set(command.all_keys)


def test_the_keys_of_a_query_are_those_of_its_filter():
    assert [key.name for key in QUERY_KEYS[:-1]] == [f"query.{field.name}" for field in fields(HostFilter) if field.name != "custom"]


def test_a_choice_of_true_and_false_is_a_boolean():
    apply = find_command("pools").all_keys["apply"]
    assert [apply.read(given) for given in ("true", "false")] == [True, False]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pools", "aply=true"), "unknown key 'aply'; did you mean 'apply'? (keys of pools: apply, prune, api_url, api_username, output)"),
        (("plan", "agianst=other"), "unknown key 'agianst'; did you mean 'against'? (keys of plan: dag_files, against, output)"),
        (("validate", "prune=true"), "'prune' is a key of lock, pools, not of validate"),
        (("plan", "query.queue=a"), "'query.queue' is a key of show, select, port, check, not of plan"),
    ],
    ids=["misspelt", "misspelt, with a value", "another command's", "a query"],
)
def test_a_key_that_the_command_lacks_is_named(cli, balancer, words, message):
    assert cli(*words, "balancer.yaml") == ("", f"airflow-balancer: {message}\n", 1)


def test_of_several_overrides_the_one_that_is_wrong_is_named(cli, write):
    write("conf/config.yaml", "queue: a\nbalancer: {hosts: [host1]}\n")
    told = cli("select", "queue=b", "other=c").stderr
    assert ("Could not override 'other'" in told, "for a query write" in told) == (True, False)


def test_a_table_that_goes_into_a_pipe_is_160_characters_wide_with_its_margin(cli, write):
    write("balancer.yaml", f"hosts: [{{name: host1, tags: [{', '.join(f'tag{n}' for n in range(100))}]}}]\n")
    assert max(map(len, cli("balancer.yaml").stdout.splitlines())) == 159


def test_an_override_that_the_tree_knows_is_one_though_it_resembles_a_key(cli, write):
    write("conf/config.yaml", "aply: 1\nbalancer: {hosts: [{name: host1}]}\n")
    assert cli("select", "aply=2").stdout == "host1\n"


class TestSweep:
    def test_takes_the_grammar_of_hydra(self, cli):
        result = cli("validate", "-m", "env=glob(*,exclude=[dev])", "extensions.balancer.default_size=range(5,7)", cwd=REPOSITORY)
        titles = [line for line in result.stdout.splitlines() if line.startswith("env=")]
        assert titles == [f"env={env}, extensions.balancer.default_size={size}" for env in ("prod", "staging") for size in (5, 6)]

    def test_titles_have_the_query(self, cli, balancer):
        result = cli("select", "balancer.yaml", "query.name=[host1,x]", "query.queue=primary", "-m", "default_size=1,2")
        query = "query.name=[host1,x], query.queue=primary"
        assert result.stdout == f"default_size=1, {query}\nhost1\ndefault_size=2, {query}\nhost1\n"

    def test_without_its_flag_is_said(self, cli):
        told = "airflow-balancer: 'env=dev,prod' gives several values; add --multirun, or put the value in quotes\n"
        assert cli("validate", "env=dev,prod", cwd=REPOSITORY) == ("", told, 2)

    @pytest.mark.parametrize(
        ("override", "why"),
        [
            ("token=interval(1,2)", "Can only enumerate CHOICE and RANGE sweeps, type is ValueType.INTERVAL_SWEEP"),
            ("a=range(1,2,0)", "range() arg 3 must not be zero"),
        ],
        ids=["no list", "no step"],
    )
    def test_that_gives_no_values_is_wrong_usage(self, cli, balancer, override, why):
        quoted = "token=**********" if override.startswith("token") else override
        assert cli("validate", "balancer.yaml", "-m", override) == ("", f"airflow-balancer: {quoted!r}: {why}\n", 2)

    def test_does_not_take_values_apart_that_are_the_commands_own(self, cli, balancer):
        result = cli("select", "balancer.yaml", "query.key=a,b", "output=json", "-m", "default_size=1")
        assert json.loads(result.stdout)["key"] == "a,b"


CALLBACK = "class Callback:\n    def __init__(self):\n        open('called', 'w').close()\n"


@pytest.mark.parametrize("command", ["show", "select", "validate", "config", "plan"])
def test_callbacks_of_a_tree_are_not_run(cli, write, tmp_path, monkeypatch, command):
    write("callbacks.py", CALLBACK)
    monkeypatch.syspath_prepend(tmp_path)
    write("conf/config.yaml", "hydra: {callbacks: {mine: {_target_: callbacks.Callback}}}\nbalancer: {hosts: [{name: host1}]}\n")
    assert (cli(command).returncode, (tmp_path / "called").exists()) == (0, False)


@pytest.mark.parametrize("words", [("validate",), ("select", "query.queue=workers"), ("port",)], ids=" ".join)
def test_a_plain_file_is_read_without_hydra(python, balancer, words):
    code = f"import sys; sys.argv[1:] = [{', '.join(map(repr, words))}, 'balancer.yaml']\nfrom airflow_balancer.cli import main\n"
    printed = "print(sorted({'airflow', 'hydra', 'omegaconf', 'rich'} & set(sys.modules)))"
    assert python(f"{code}try: main()\nexcept SystemExit: pass\n{printed}").stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_an_interrupt_ends_with_its_code_and_no_traceback(write, balancer, tmp_path):
    write("balancer.yaml", f"lock: balancer.lock.yaml\n{BALANCER}")
    write("balancer.lock.yaml", "ports: []\n")
    write("dags/slow.py", "import sys, time  # free_port\nsys.stderr.write('running\\n')\nsys.stderr.flush()\ntime.sleep(60)\n")
    command = [str(Path(sys.executable).with_name("airflow-balancer")), "validate", "balancer.yaml", "dag_files=dags"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert "running\n" in iter(process.stderr.readline, "")  # Airflow may log something before
        process.send_signal(signal.SIGINT)
        assert (*process.communicate(timeout=20), process.returncode) == ("", "", 130)


@pytest.mark.parametrize(
    "words", [["balancer.yaml"], ["balancer.yaml", "output=json"], ["--version"], ["balancer.yaml", "--info", "defaults"]], ids=" ".join
)
def test_a_closed_pipe_is_no_error(balancer, tmp_path, words):
    command = [str(Path(sys.executable).with_name("airflow-balancer")), *words]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    with subprocess.Popen(command, cwd=tmp_path, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert (process.stderr.read(), process.wait(20)) == (b"", 0)
