"""`airflow-balancer lock`, and what `validate` says of a lock file."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from airflow_balancer.hydra.compose import compose_file
from airflow_balancer.lock.file import lock_at

BALANCER = """
lock: balancer.lock.yaml
hosts: [{name: host1}, {name: host2}]
ports: [{name: web, host: host1, port: 8080}]
"""
ASK = "${{balancer.free_port:{{host:host1,min:{0},max:{1}}}}}"
DAG = """
from airflow_balancer import load
balancer = load("{0}balancer.yaml")
ports = [balancer.free_port("host1", 9000, 9002).port for _ in range({1})]
print("of the DAG file")
"""
HEADER = """\
# Written by `airflow-balancer lock`: the host of each key, and each free port. Commit this file.
# Run it again for a new key or request: it keeps these lines.
hosts:
"""


@pytest.fixture
def project(write):
    write("balancer.yaml", BALANCER)
    write("dags/a.py", DAG.format("../", 2))
    write("dags/b.py", DAG.format("../", 1))
    return write("dags/balancer_of_none.py", "raise RuntimeError('airflow runs no such file')").parent.parent


def entry(port: int, requester: str, host: str = "host1") -> str:
    return f"  - {{host: {host}, port: {port}, requester: {requester}, min: 9000, max: 9002}}\n"


@pytest.mark.slow
class TestDagFiles:
    def test_each_gets_ports_of_its_own(self, cli, project):
        result = cli("lock", "balancer.yaml", "dag_files=dags")
        file = project / "balancer.lock.yaml"
        assert file.read_text() == f"{HEADER}ports:\n" + entry(9000, "a.py#0") + entry(9001, "a.py#1") + entry(9002, "b.py#0")
        assert (result.stdout.splitlines()[-1], result.returncode) == (f"{file}: 3 added, 0 moved, 0 dropped, 0 kept", 0)

    def test_an_address_changes_nothing_in_the_file(self, cli, project, write):
        cli("lock", "balancer.yaml", "dag_files=dags")
        file = project / "balancer.lock.yaml"
        before = file.read_text()
        write("balancer.yaml", BALANCER.replace("name: host1}", "name: host1, address: 10.0.0.5}"))
        result = cli("lock", "balancer.yaml", "dag_files=dags", "prune=true")
        assert (result.stdout.splitlines()[-1], file.read_text()) == (f"{file}: 0 added, 0 moved, 0 dropped, 3 kept", before)
        file.unlink()
        cli("lock", "balancer.yaml", "dag_files=dags")
        assert file.read_text() == before

    def test_their_output_is_not_the_answer(self, cli, project):
        result = cli("lock", "balancer.yaml", "dag_files=[dags/b.py,dags/a.py]", "output=json")
        assert [row["requester"] for row in json.loads(result.stdout)["ports"]] == ["a.py#0", "a.py#1", "b.py#0"]

    @pytest.mark.parametrize("name", ["a", "b", "c"])
    def test_a_node_keeps_the_port_that_it_had_before_they_were_looked_at(self, cli, write, name):
        node = f"tasks: {{{name}: '{ASK.format(9000, 9002)}'}}"
        source = write("tree/config.yaml", f"balancer: {{lock: balancer.lock.yaml, hosts: [{{name: host1}}]}}\n{node}")
        before = compose_file(source).resolved(("tasks", name))
        write("dags/a.py", DAG.format("../tree/", 2).replace("balancer.yaml", "config.yaml"))
        assert cli("lock", "tree/config.yaml", "dag_files=dags").returncode == 0
        assert compose_file(source).resolved(("tasks", name)) == before

    @pytest.mark.slow
    def test_processes_apart_get_the_locked_ports(self, python, cli, project):
        cli("lock", "balancer.yaml", "dag_files=dags")
        code = "import runpy; print(*runpy.run_path('dags/{0}.py')['ports'])"
        seeds = {"a": 0, "b": "random"}
        printed = [python(code.format(name), PYTHONHASHSEED=seed).stdout.splitlines()[-1] for name, seed in seeds.items()]
        assert printed == ["9000 9001", "9002"]

    def test_a_module_is_the_one_beside_each(self, cli, project, write):
        for name, key in (("one", "first"), ("two", "second")):
            write(f"{name}/keys.py", f"KEY = '{key}'")
            write(
                f"{name}/dag.py",
                DAG.format("../", 0).replace("import load", "import load\nfrom keys import KEY") + "balancer.free_port('host1', key=KEY)",
            )
        report = json.loads(cli("lock", "balancer.yaml", "dag_files=[one,two]", "output=json").stdout)
        assert sorted(row["requester"] for row in report["ports"]) == ["first", "second"]

    def test_those_of_another_lock_file_are_not_added(self, cli, project, write):
        write("balancer.yaml", BALANCER.replace("balancer.lock", "other.lock"))
        write("this.yaml", BALANCER)
        assert json.loads(cli("lock", "this.yaml", "dag_files=dags", "output=json").stdout)["ports"] == []

    def test_a_balancer_made_in_python_is_one_before_the_file_is_there(self, cli, project, write):
        made = "BalancerConfiguration(hosts=[{'name': 'h'}], lock='balancer.lock.yaml')"
        write("dags/b.py", f"from airflow_balancer import BalancerConfiguration\n{made}.free_port('h', key='x')\n")
        assert "x" in [
            row["requester"] for row in json.loads(cli("lock", "balancer.yaml", "dag_files=dags", "output=json").stdout)["ports"]
        ]

    def test_the_ports_that_their_balancer_has_in_use_are_not_given(self, cli, project, write):
        ports = ", ".join(f"{{host: host1, port: {port}}}" for port in range(9000, 9002))
        write("dags/b.py", DAG.format("../", 1).replace('yaml")', f"yaml\", ['ports=[{ports}]'])"))
        report = json.loads(cli("lock", "balancer.yaml", "dag_files=dags/b.py", "output=json").stdout)
        assert [row["port"] for row in report["ports"]] == [9002]

    def test_two_with_one_key_are_one_error(self, cli, project, write):
        first, second = (write(f"{name}/etl.py", DAG.format("../", 1)) for name in ("one", "two"))
        result = cli("lock", "balancer.yaml", "dag_files=[one,two]")
        assert result.stderr.splitlines()[-1] == (
            f"airflow-balancer: {second}: also requests a free port of host 'host1' with the key 'etl.py#0', as {first} does; "
            "give one of them another with key="
        )
        assert (result.returncode, (project / "balancer.lock.yaml").exists()) == (1, False)

    @pytest.mark.parametrize(
        ("code", "cause"),
        [
            ("import nothing_there # free_port", "ModuleNotFoundError: No module named 'nothing_there'"),
            ("raise SystemExit(3) # free_port", "SystemExit: 3"),
            ("free_port(", "SyntaxError: '(' was never closed (bad.py, line 1)"),
        ],
        ids=["import", "exit", "syntax"],
    )
    def test_one_that_cannot_be_run_is_named_and_nothing_is_written(self, cli, project, write, code, cause):
        file = write("dags/bad.py", code)
        result = cli("lock", "balancer.yaml", "dag_files=dags")
        said = result.stderr.splitlines()[-1].replace(str(file), "bad.py")
        assert (said, result.returncode) == (f"airflow-balancer: bad.py: cannot be run: {cause}", 1)
        assert not (project / "balancer.lock.yaml").exists()


class TestCommand:
    def test_a_dag_file_that_is_not_there_is_named(self, cli, project):
        result = cli("lock", "balancer.yaml", "dag_files=dgas")
        assert (result.stderr, result.returncode) == ("airflow-balancer: dag_files: dgas: there is no such file or folder\n", 1)

    def test_an_entry_whose_port_is_in_use_is_dropped(self, cli, project, write):
        write("balancer.lock.yaml", f"ports:\n{entry(9001, 'x')}{entry(9001, 'y', 'host2')}")
        write("balancer.yaml", BALANCER.replace("8080", "9001"))
        report = json.loads(cli("lock", "balancer.yaml", "output=json").stdout)
        assert [(row["host"], row["requester"], row["why"]) for row in report["ports"]] == [("host1", "x", "the port is in use")]
        assert report["kept"] == 1

    def test_what_nothing_asks_for_stays_unless_it_is_pruned(self, cli, project, write):
        file = write("balancer.lock.yaml", f"{HEADER}ports:\n" + entry(9001, "prod", "host9") + entry(9002, "dev"))
        assert cli("lock", "balancer.yaml").stdout == f"{file}: 0 added, 0 moved, 0 dropped, 2 kept\n"
        report = json.loads(cli("lock", "balancer.yaml", "prune=true", "output=json").stdout)
        assert [(row["requester"], row["why"]) for row in report["ports"]] == [
            (name, "nothing in this run requests it") for name in ("dev", "prod")
        ]
        assert file.read_text() == f"{HEADER}ports:\n"

    @pytest.mark.slow
    def test_environments_add_up(self, program, write):
        write("conf/config.yaml", "defaults: [env: dev, _self_]\nbalancer: {lock: balancer.lock.yaml, hosts: [{name: host1}]}\n")
        for name in ("dev", "prod"):
            write(f"conf/env/{name}.yaml", f"# @package _global_\ntasks: {{{name}: '{ASK.format(1, 9)}', both: '{ASK.format(1, 9)}'}}")
        result = program("lock", "--multirun", "env=dev,prod")
        assert (result.stderr, result.stdout.splitlines()[-1].partition(": ")[2]) == ("", "1 added, 0 moved, 0 dropped, 2 kept")
        lock = lock_at(write("conf/balancer.lock.yaml.old", "").with_suffix(""))
        assert sorted(entry.requester for entry in lock.ports) == ["tasks.both", "tasks.dev", "tasks.prod"]
        assert program("validate", "--multirun", "env=dev,prod").returncode == 0

    def test_a_full_range_names_the_host_and_who_asks(self, cli, project, write):
        write("dags/a.py", DAG.format("../", 3))
        result = cli("lock", "balancer.yaml", "dag_files=dags")
        assert result.stderr.splitlines()[-1] == (
            f"airflow-balancer: {project}/balancer.yaml: b.py#0: host 'host1': all ports from 9000 to 9002 are taken; "
            "give a wider range with min and max"
        )
        assert result.returncode == 1

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (("prune=maybe",), 2, "prune must be true or false, not 'maybe'"),
            (
                ("prune=true", "--multirun", "default_size=1,2"),
                2,
                "prune drops what nothing in one run requests, so each run of --multirun would undo the others'; give one of the two",
            ),
            (("lock=null",), 1, "{file}: needs key 'lock': the file to write, such as lock: balancer.lock.yaml"),
            (("validate",), 2, "give one command and one configuration, not lock balancer.yaml validate"),
            (("lokc",), 2, "unknown command 'lokc'"),
        ],
        ids=["no switch", "a sweep", "no file", "two commands", "no command"],
    )
    def test_wrong_use_is_said(self, cli, project, words, code, message):
        result = cli("lock", "balancer.yaml", *words)
        assert result.stderr.startswith("airflow-balancer: " + message.format(file=project / "balancer.yaml"))
        assert (result.returncode, result.stderr.count("\n")) == (code, 1)


class TestValidate:
    RUN = "run `airflow-balancer lock`"

    def said(self, result) -> list[str]:
        return [line.removeprefix("airflow-balancer: ") for line in result.stderr.splitlines() if line.startswith("airflow-balancer: ")]

    def test_right_is_what_was_locked(self, cli, project):
        cli("lock", "balancer.yaml", "dag_files=dags")
        result = cli("validate", "balancer.yaml", "dag_files=dags")
        assert (result.stdout, result.returncode) == ("valid: 2 hosts, 16 slots, 1 port, 3 pools, 0 picks\n", 0)

    def test_a_file_that_is_not_there_is_to_be_made(self, cli, project):
        result = cli("validate", "balancer.yaml")
        assert self.said(result) == [f"{project}/balancer.lock.yaml: the lock file that 'lock' names does not exist; {self.RUN}"]
        assert result.returncode == 1

    def test_dag_files_are_run_without_a_lock_file(self, cli, project, write):
        write("balancer.yaml", "hosts: [{name: host1}]")
        assert cli("validate", "balancer.yaml", "dag_files=dags").stdout == "valid: 1 host, 8 slots, 0 ports, 1 pool, 0 picks\n"

    def test_each_ask_without_an_entry_is_a_line(self, cli, project, write):
        file = write("balancer.lock.yaml", "ports:\n" + entry(9000, "a.py#0"))
        result = cli("validate", "balancer.yaml", "dag_files=dags")
        assert self.said(result) == [
            f"{file}: keeps no port of host 'host1' from 9000 to 9002 for {requester!r}; {self.RUN}" for requester in ("a.py#1", "b.py#0")
        ]
        assert result.returncode == 1

    def test_each_ask_of_a_node_needs_an_entry(self, cli, write):
        write("tree/config.yaml", f"balancer: {{lock: balancer.lock.yaml, hosts: [{{name: host1}}]}}\ntasks: {{a: '{ASK.format(1, 9)}'}}")
        file = write("tree/balancer.lock.yaml", "ports: []")
        assert self.said(cli("validate", "tree/config.yaml")) == [
            f"{file}: keeps no port of host 'host1' from 1 to 9 for 'tasks.a'; {self.RUN}"
        ]
        cli("lock", "tree/config.yaml")
        assert cli("validate", "tree/config.yaml").returncode == 0

    def test_a_kept_port_that_is_in_use_is_a_line(self, cli, project, write):
        ports = "ports:\n" + entry(9001, "x") + entry(9002, "y") + entry(9002, "other", "host7")
        file = write("balancer.lock.yaml", ports)
        write("balancer.yaml", BALANCER.replace("8080}", "9001}, {host: host1, port: 9002}"))
        result = cli("validate", "balancer.yaml")
        assert self.said(result) == [
            f"{file}: keeps port 9001 of host 'host1' for 'x', but it is in use by port 'web'; take it out of 'ports', or {self.RUN}",
            f"{file}: keeps port 9002 of host 'host1' for 'y', but it is in use by 'ports'; take it out of 'ports', or {self.RUN}",
        ]

    def test_what_is_wrong_in_the_file_is_said(self, cli, project, write):
        file = write("balancer.lock.yaml", "ports: [1, 2]")
        form = "must be a mapping such as {host: host1, port: 9000, requester: etl, min: 9000, max: 9999}"
        assert self.said(cli("validate", "balancer.yaml")) == [f"{file}: ports[0]: {form}, not 1", f"{file}: ports[1]: {form}, not 2"]

    def test_two_dag_files_with_one_key_are_a_line(self, cli, project, write):
        write("balancer.lock.yaml", "ports:\n" + entry(9000, "etl.py#0"))
        first, second = (write(f"{name}/etl.py", DAG.format("../", 1)) for name in ("one", "two"))
        assert self.said(cli("validate", "balancer.yaml", "dag_files=[one,two]")) == [
            f"{second}: also requests a free port of host 'host1' with the key 'etl.py#0', as {first} does; "
            "give one of them another with key="
        ]

    def test_a_host_of_another_environment_is_right(self, cli, project, write):
        write("balancer.lock.yaml", "ports:\n" + entry(9001, "x", "host7"))
        assert cli("validate", "balancer.yaml").returncode == 0


HOSTS = "hosts: [{name: host1, size: 16}, {name: host2}, {name: host3, queues: [web]}]\n"
TREE = f"""\
balancer: {{lock: balancer.lock.yaml, {HOSTS.strip()}}}
dags:
  etl:
    tasks:
      extract: {{_target_: x, host: "${{balancer.name:{{}}}}", pool: "${{balancer.pool:{{}}}}"}}
      load: {{_target_: x, host: "${{balancer.name:{{name: [host1, host2]}}}}"}}
      publish: {{_target_: x, host: "${{balancer.name:{{queue: web}}}}"}}
"""
TREE_LOCKED = """\
picks (2)

  change   requester                query                     host
 ───────────────────────────────────────────────────────────────────
  added    dags.etl.tasks.extract   anything                  host1
  added    dags.etl.tasks.load      name='host1' or 'host2'   host2

{0}: 2 added, 0 moved, 0 dropped, 0 kept
"""
TREE_LOCK = """\
# Written by `airflow-balancer lock`: the host of each key, and each free port. Commit this file.
# Run it again for a new key or request: it keeps these lines.
hosts:
  - {requester: dags.etl.tasks.extract, host: host1}
  - {requester: dags.etl.tasks.load, query: {name: [host1, host2]}, host: host2}
ports:
"""
PICKS = """
from airflow_balancer import load
balancer = load("{0}")
print([balancer.select_host().name for _ in range(10)])
"""


@pytest.mark.slow
class TestHosts:
    def test_a_tree_from_scratch(self, program, write):
        file = write("conf/config.yaml", TREE).with_name("balancer.lock.yaml")
        made = program("lock")
        assert (made.stderr, made.returncode) == ("", 0)
        assert made.stdout == TREE_LOCKED.format(file)
        assert file.read_text() == TREE_LOCK
        assert program("lock").stdout == f"{file}: 0 added, 0 moved, 0 dropped, 2 kept\n"
        assert program("validate").stdout == "valid: 3 hosts, 32 slots, 0 ports, 3 pools, 4 picks\n"

    def test_ten_dag_files_of_ten_tasks_are_bounded(self, cli, python, write):
        source = write("balancer.yaml", f"lock: balancer.lock.yaml\n{HOSTS}")
        for number in range(10):
            write(f"dags/dag_{number}.py", PICKS.format("../balancer.yaml"))
        assert cli("lock", "balancer.yaml", "dag_files=dags").returncode == 0
        locked = {entry.requester: entry.hosts[0] for entry in lock_at(source.with_name("balancer.lock.yaml")).hosts}
        counts = Counter(locked.values())
        assert len(locked) == 100
        assert all(counts[host] <= most for host, most in {"host1": 63, "host2": 32, "host3": 32}.items())
        picked = python("import runpy; runpy.run_path('dags/dag_7.py')", PYTHONHASHSEED="random").stdout.splitlines()[-1]
        assert picked == str([locked[f"dag_7.py#{call}"] for call in range(10)])
        assert cli("validate", "balancer.yaml", "dag_files=dags").returncode == 0

    def test_what_the_file_lacks_or_keeps_wrongly_is_a_line(self, cli, write):
        source = write("balancer.yaml", f"lock: balancer.lock.yaml\n{HOSTS.replace('host2', 'host2, drain: true')}")
        file = write("balancer.lock.yaml", "hosts:\n  - {requester: dag.py#0, host: host2}\n  - {requester: dag.py#1, host: host3}\n")
        calls = ["select_host()"] * 3 + ["select_host(name=['host1', 'host3'])"]
        write("dags/dag.py", "from airflow_balancer import load\n" + "".join(f"load('../balancer.yaml').{call}\n" for call in calls))
        result = cli("validate", "balancer.yaml", "dag_files=dags")
        run = "run `airflow-balancer lock`"
        assert [line for line in result.stderr.splitlines() if "lock.yaml" in line] == [
            f"airflow-balancer: {file}: keeps no host for 'dag.py#0' (anything) that is a candidate: host2 is drained; {run}",
            f"airflow-balancer: {file}: keeps no host for 'dag.py#2' (anything); {run}",
            f"airflow-balancer: {file}: keeps no host for 'dag.py#3' (name='host1' or 'host3'); {run}",
        ]
        assert (result.returncode, cli("lock", str(source), "dag_files=dags").stdout.splitlines()[-1]) == (
            1,
            f"{file}: 2 added, 1 moved, 0 dropped, 1 kept",
        )
        assert cli("validate", "balancer.yaml", "dag_files=dags").returncode == 0

    def test_two_files_with_one_key_of_their_own_are_an_error_and_one_given_key_is_none(self, cli, write):
        write("balancer.yaml", f"lock: balancer.lock.yaml\n{HOSTS}")
        text = "from airflow_balancer import load\nload('../balancer.yaml').select_host({0})\n"
        first, second = (write(f"{name}/etl.py", text.format("")) for name in ("one", "two"))
        assert cli("lock", "balancer.yaml", "dag_files=[one,two]").stderr.splitlines()[-1] == (
            f"airflow-balancer: {second}: also requests a host with the key 'etl.py#0', as {first} does; give one of them another with key="
        )
        for file in (first, second):
            file.write_text(text.format("key='etl'"))
        assert cli("lock", "balancer.yaml", "dag_files=[one,two]").returncode == 0

    def test_a_function_of_a_query_is_locked_by_the_names_that_it_matches(self, cli, write):
        source = write("balancer.yaml", f"lock: balancer.lock.yaml\n{HOSTS}")
        write(
            "dags/dag.py", "from airflow_balancer import load\nload('../balancer.yaml').select_host(custom=lambda host: host.size == 8)\n"
        )
        cli("lock", "balancer.yaml", "dag_files=dags")
        [entry] = lock_at(source.with_name("balancer.lock.yaml")).hosts
        assert (entry.requester, entry.query.name) == ("dag.py#0", ("host2", "host3"))
        assert cli("validate", "balancer.yaml", "dag_files=dags").returncode == 0
