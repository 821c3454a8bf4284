"""The picks of DAG files: in `plan`, against a git worktree, and the same ones in `select`, `show` and `validate`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml

from airflow_balancer.cli import dag_files

pytestmark = pytest.mark.thorough

CONFIG = """
balancer:
  hosts:
    host1: {size: 4, queues: [workers]}
    host2: {size: 4, queues: [workers]}
    host3: {size: 2, queues: [primary]}
tasks:
  load: {_target_: t, host: "${balancer.name:{queue:primary}}"}
"""
ETL = '''"""Picks hosts as an Airflow DAG file does."""
from airflow_balancer import load

print("not part of the answer")
balancer = load("../conf")
extract, clean, load = (balancer.select_host(queue="workers") for _ in range(3))
stored = balancer.assign_hosts(["orders", "prices"], queue="workers")
'''
REPORT = '''"""An Airflow DAG file with a module of its own."""
from queue_of_reports import QUEUE

from airflow_balancer import load

print(load("../conf").select_host(queue=QUEUE, key="report").name)
'''


@pytest.fixture
def repository(tmp_path: Path, write, monkeypatch) -> Path:
    """A git repository in whose working tree host2 is drained, and a worktree `../main` of its one commit."""
    for name, value in {"AUTHOR": "a", "COMMITTER": "a"}.items():
        monkeypatch.setenv(f"GIT_{name}_NAME", value)
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.org")
    write("repository/conf/config.yaml", CONFIG)
    write("repository/dags/etl.py", ETL)
    write("repository/dags/report.py", REPORT)
    write("repository/dags/queue_of_reports.py", "QUEUE = 'primary'\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Begin"], ["worktree", "add", "-q", "--detach", "../main"]):
        subprocess.run(["git", *words], cwd=tmp_path / "repository", check=True, timeout=60)
    write("repository/conf/config.yaml", CONFIG.replace("host2: {", "host2: {drain: true, "))
    write("repository/dags/etl.py", ETL.replace('"prices"', '"stock"'))
    write("repository/dags/queue_of_reports.py", "QUEUE = 'workers'\n")
    return tmp_path / "repository"


@pytest.fixture
def answer(cli, repository):
    return lambda *words: cli(*words, "dag_files=dags", cwd=repository)


QUERY = {"query": "queue='workers'"}
PICKS = [
    {"requester": "tasks.load", "file": None, "query": "queue='primary'", "candidates": 1, "host": "host3", "why": "the only candidate"},
    *(
        {"requester": key, "file": file, **QUERY, "candidates": 1, "host": "host1", "why": "the only candidate"}
        for key, file in (
            ("etl.py#0", "dags/etl.py"),
            ("etl.py#1", "dags/etl.py"),
            ("etl.py#2", "dags/etl.py"),
            ("orders", "dags/etl.py"),
            ("stock", "dags/etl.py"),
            ("report", "dags/report.py"),
        )
    ),
]
IN_ETL = {"file": "dags/etl.py", **QUERY}
MOVES = [
    {"requester": "etl.py#2", **IN_ETL, "change": "moved", "before": "host2", "after": "host1", "why": "host2 is drained"},
    {"requester": "prices", **IN_ETL, "change": "gone", "before": "host2", "after": None, "why": "the key is gone"},
    {"requester": "stock", **IN_ETL, "change": "new", "before": None, "after": "host1", "why": "the key is new"},
    {
        "requester": "report",
        "file": "dags/report.py",
        **QUERY,
        "change": "moved",
        "before": "host3",
        "after": "host1",
        "why": "the query was queue='primary'",
    },
]
COLUMNS = [f"{side}_{key}" for side in ("before", "after") for key in ("size", "picks", "fair", "load")]
LOAD = {
    "host1": (4, 3, 2.5, 1.2, 4, 6, 6.0, 1.0),
    "host2": (4, 2, 2.5, 0.8, 4, 0, 0.0, None),
    "host3": (2, 2, 2.0, 1.0, 2, 1, 1.0, 1.0),
}
FILES = {"conf/config.yaml": (1, 1), "dags/etl.py": (5, 5), "dags/report.py": (1, 1)}
REPORT_OF_BOTH = {
    "before": "../main/conf/config.yaml",
    "after": "conf/config.yaml",
    "picks": PICKS,
    "load": [{"host": host, **dict(zip(COLUMNS, values, strict=True))} for host, values in LOAD.items()],
    "files": [
        {"file": file, "before_picks": before, "before_elsewhere": None, "after_picks": after, "after_elsewhere": None}
        for file, (before, after) in FILES.items()
    ],
    "moves": MOVES,
    "differs": True,
}
TABLE = """\
picks (7)

  requester    file             query             candidates   host    why
 ─────────────────────────────────────────────────────────────────────────────────────────
  tasks.load                    queue='primary'            1   host3   the only candidate
  etl.py#0     dags/etl.py      queue='workers'            1   host1   the only candidate
  etl.py#1     dags/etl.py      queue='workers'            1   host1   the only candidate
  etl.py#2     dags/etl.py      queue='workers'            1   host1   the only candidate
  orders       dags/etl.py      queue='workers'            1   host1   the only candidate
  stock        dags/etl.py      queue='workers'            1   host1   the only candidate
  report       dags/report.py   queue='workers'            1   host1   the only candidate

load (3)

  host    before_size   before_picks   before_fair   before_load   after_size   after_picks   after_fair   after_load
 ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  host1             4              3   2.5           1.2                    4             6   6.0          1.0
  host2             4              2   2.5           0.8                    4             0   0.0
  host3             2              2   2.0           1.0                    2             1   1.0          1.0

files (3)

  file               before_picks   after_picks
 ───────────────────────────────────────────────
  conf/config.yaml              1             1
  dags/etl.py                   5             5
  dags/report.py                1             1

moves (4)

  requester   file             query             change   before   after   why
 ────────────────────────────────────────────────────────────────────────────────────────────────────────
  etl.py#2    dags/etl.py      queue='workers'   moved    host2    host1   host2 is drained
  prices      dags/etl.py      queue='workers'   gone     host2            the key is gone
  stock       dags/etl.py      queue='workers'   new               host1   the key is new
  report      dags/report.py   queue='workers'   moved    host3    host1   the query was queue='primary'

before: ../main/conf/config.yaml
after: conf/config.yaml
7 picks of conf/config.yaml and 2 DAG files; 2 moved, 1 new, 1 gone
"""
MARKDOWN = """\
## airflow-balancer plan

**2 moved, 1 new, 1 gone**, 7 picks of conf/config.yaml and 2 DAG files

From `../main/conf/config.yaml` to `conf/config.yaml`

### What moves

| requester | DAG file | query | before | after | why |
| --- | --- | --- | --- | --- | --- |
| `etl.py#2` | `dags/etl.py` | `queue='workers'` | `host2` | `host1` | host2 is drained |
| `prices` | `dags/etl.py` | `queue='workers'` | `host2` |  | the key is gone |
| `stock` | `dags/etl.py` | `queue='workers'` |  | `host1` | the key is new |
| `report` | `dags/report.py` | `queue='workers'` | `host3` | `host1` | the query was queue='primary' |

### Load

| host | size | picks | fair | load |
| --- | --- | --- | --- | --- |
| `host1` | 4 | 3 → 6 | 2.50 → 6.00 | 1.20 → 1.00 |
| `host2` | 4 | 2 → 0 | 2.50 → 0.00 | 0.80 → - |
| `host3` | 2 | 2 → 1 | 2.00 → 1.00 | 1.00 |

### Looked at

| file | picks |
| --- | --- |
| `conf/config.yaml` | 1 |
| `dags/etl.py` | 5 |
| `dags/report.py` | 1 |
"""


class TestAgainstAWorktree:
    def test_the_answer_is_data(self, answer):
        result = answer("plan", "against=../main", "output=json")
        assert (json.loads(result.stdout), result.returncode) == (REPORT_OF_BOTH, 3)

    def test_as_yaml_it_is_the_same(self, answer):
        result = answer("plan", "against=../main", "output=yaml")
        assert (yaml.safe_load(result.stdout), result.returncode) == (REPORT_OF_BOTH, 3)

    @pytest.mark.parametrize(("output", "text"), [("table", TABLE), ("markdown", MARKDOWN)], ids=["table", "markdown"])
    def test_it_is_printed(self, answer, output, text):
        result = answer("plan", "against=../main", f"output={output}")
        assert (result.stdout, result.returncode) == (text, 3)

    def test_nothing_moves_in_what_is_not_changed(self, cli, repository):
        result = cli("plan", "dag_files=dags", "against=../repository", "output=markdown", cwd=repository.parent / "main")
        assert result.returncode == 3
        subprocess.run(["git", "checkout", "-q", "."], cwd=repository, check=True, timeout=60)
        result = cli("plan", "dag_files=dags", "against=../main", cwd=repository)
        assert result.stdout.splitlines()[-1] == "7 picks of conf/config.yaml and 2 DAG files; 0 moved, 0 new, 0 gone"
        assert (result.returncode, list(repository.rglob("*.pyc"))) == (0, [])

    def test_dag_files_that_it_lacks_make_new_picks(self, answer, repository):
        for file in (repository.parent / "main/dags").iterdir():
            file.unlink()
        (repository.parent / "main/dags").rmdir()
        report = json.loads(answer("plan", "against=../main", "output=json").stdout)
        assert {move["why"] for move in report["moves"]} == {"the key is new"}
        assert [(row["file"], row["before_picks"], row["after_picks"]) for row in report["files"]] == [
            ("conf/config.yaml", 1, 1),
            ("dags/etl.py", None, 5),
            ("dags/report.py", None, 1),
        ]

    def test_its_configuration_may_be_named_by_its_folder(self, answer):
        """DAG files beside the configuration are found in the worktree; others, as here, are the same files."""
        report = json.loads(answer("plan", "against=../main/conf", "output=json").stdout)
        assert (report["before"], [move["why"] for move in report["moves"]]) == ("../main/conf/config.yaml", ["host2 is drained"] * 2)

    def test_it_shows_no_secret_of_either(self, cli, write):
        for folder, secret in (("here", "hunter2"), ("there", "swordfish")):
            task = f"{{host: '${{balancer.name:{{name:host1,key:{secret}}}}}'}}"
            config = f"balancer: {{default_password: {secret}, hosts: [{{name: host1}}]}}\ntasks: {task}\n"
            write(f"{folder}/conf/config.yaml", config)
        for output in ("table", "json", "yaml", "markdown"):
            result = cli("plan", "against=../there", f"output={output}", cwd=write("here/x", "").parent)
            assert (result.returncode, [word for word in ("hunter2", "swordfish") if word in result.stdout]) == (3, [])


class TestOverrides:
    def test_hold_for_what_dag_files_load(self, answer):
        words = "against=[balancer.hosts.host2.drain=false,balancer.hosts.host1.size=1]"
        report = json.loads(answer("plan", words, "output=json").stdout)
        assert [(move["requester"], move["before"], move["after"], move["why"]) for move in report["moves"]] == [
            (key, "host1", "host2", "host2 is drained no longer") for key in ("etl.py#1", "etl.py#2", "stock", "report")
        ]

    def test_of_the_command_line_are_added_to_those_of_a_dag_file(self, cli, write):
        write("conf/config.yaml", CONFIG)
        write(
            "dags/etl.py",
            ETL.replace('load("../conf")', 'load("../conf", ["balancer.default_size=3", "++balancer.hosts.host2.drain=true"])'),
        )
        hosts = [
            {pick["host"] for pick in json.loads(cli("plan", *words, "dag_files=dags", "output=json").stdout)["picks"][1:]}
            for words in ([], ["+balancer.hosts.host4={size:999,queues:[workers]}", "++balancer.hosts.host2.drain=false"])
        ]
        assert hosts == [{"host1"}, {"host4"}]

    def test_another_file_stands_in_for_the_one_that_dag_files_load(self, cli, write):
        write("conf/config.yaml", CONFIG)
        write("conf/smaller.yaml", CONFIG.replace("host2: {", "host2: {drain: true, "))
        write("dags/etl.py", ETL)
        report = json.loads(cli("plan", "against=conf/smaller.yaml", "dag_files=dags", "output=json").stdout)
        assert report["before"] == "conf/smaller.yaml"
        assert {(move["before"], move["after"], move["why"]) for move in report["moves"]} == {
            ("host1", "host2", "host2 is drained no longer")
        }


class TestOneAnswer:
    @pytest.mark.slow
    def test_select_gives_each_key_its_host_of_the_plan(self, answer, repository):
        subprocess.run(["git", "checkout", "-q", "."], cwd=repository, check=True, timeout=60)
        even = "+balancer.strategy={_target_:airflow_balancer.strategies.Bounded,c:1}"
        picks = json.loads(answer("plan", even, "output=json").stdout)["picks"]
        queries = [pick["query"].replace("queue='", "query.queue=").rstrip("'") for pick in picks]
        asked = [(query, f"query.key={pick['requester']}", even) for query, pick in zip(queries, picks, strict=True)]
        assert [answer("select", *words).stdout for words in asked] == [f"{pick['host']}\n" for pick in picks]
        assert [pick["requester"] for pick in picks if pick["why"].endswith("after host1")] == ["etl.py#1"]

    def test_show_has_the_picks_of_the_plan(self, answer):
        shown = json.loads(answer("show", "output=json").stdout)["picks"]
        assert shown == [
            {"requester": "tasks.load.host", "file": None, "request": "${balancer.name:{queue:primary}}", "gets": "host3"},
            *({"requester": pick["requester"], "file": pick["file"], "request": pick["query"], "gets": pick["host"]} for pick in PICKS[1:]),
        ]

    def test_validate_counts_them(self, answer):
        assert answer("validate").stdout == "valid: 3 hosts, 10 slots, 0 ports, 3 pools, 7 picks\n"


ENUMERATED = """\
from enum import Enum, IntEnum, StrEnum
from airflow_balancer import load

Queue, Key = StrEnum("Queue", {"PRIMARY": "primary"}), Enum("Key", {"REPORT": "report"}, type=str)
Range = IntEnum("Range", {"FIRST": 9000, "LAST": 9009})
balancer = load("../conf")
balancer.free_port(balancer.select_host(queue=[Queue.PRIMARY], key=Key.REPORT), Range.FIRST, Range.LAST, key=Key.REPORT)
"""


def test_members_of_enumerations_are_the_strings_that_they_stand_for(cli, write):
    write("conf/config.yaml", CONFIG.replace("hosts:", "lock: balancer.lock.yaml\n  hosts:", 1))
    write("conf/balancer.lock.yaml", "hosts:\nports:\n")
    write("dags/report.py", ENUMERATED)
    picks = json.loads(cli("plan", "dag_files=dags", "output=json").stdout)["picks"]
    assert [(pick["requester"], pick["query"], pick["host"]) for pick in picks if pick["file"]] == [("report", "queue='primary'", "host3")]
    assert cli("lock", "dag_files=dags").stdout.splitlines()[-1].endswith(": 1 added, 0 moved, 0 dropped, 0 kept")


class TestLock:
    CONFIG = CONFIG.replace("hosts:", "lock: balancer.lock.yaml\n  hosts:", 1)

    @pytest.fixture(autouse=True)
    def locked(self, write):
        """A lock file that keeps for the key `clean` the host that scores lower."""
        write("conf/config.yaml", self.CONFIG)
        write("dags/etl.py", "from airflow_balancer import load\nload('../conf').select_host(queue='workers', key='clean')\n")
        write("conf/balancer.lock.yaml", "hosts:\n  - {requester: clean, query: {queue: workers}, host: host2}\n")

    def test_a_pick_that_it_has_is_kept_by_it(self, cli):
        picks = json.loads(cli("plan", "dag_files=dags", "output=json").stdout)["picks"]
        assert [(pick["requester"], pick["host"], pick["why"]) for pick in picks] == [
            ("tasks.load", "host3", "the only candidate"),
            ("clean", "host2", "kept by the lock file"),
        ]

    def test_select_gives_the_host_that_it_has(self, cli):
        words = ("select", "query.queue=workers", "query.key=clean")
        assert [cli(*words, *more).stdout for more in ([], ["dag_files=dags"])] == ["host2\n"] * 2

    def test_lock_writes_the_picks_of_the_plan_and_validate_reads_them(self, cli):
        """With an override, which holds for what DAG files load."""
        words = ("+balancer.hosts.host2.drain=true", "dag_files=dags")
        assert "keeps no host for 'clean'" in cli("validate", *words).stderr
        report = json.loads(cli("lock", *words, "output=json").stdout)
        assert [(row["change"], row["requester"], row["host"], row["why"]) for row in report["picks"]] == [
            ("moved", "clean", "host1", "host2 is drained")
        ]
        assert cli("validate", *words).stdout == "valid: 3 hosts, 10 slots, 0 ports, 3 pools, 2 picks\n"

    def test_validate_runs_each_dag_file_once(self, cli, write):
        file = write("dags/dag.py", "# An Airflow DAG file\nopen('ran', 'a').write('once')\n")
        assert cli("validate", "dag_files=dags").returncode == 0
        assert (file.parent.parent / "ran").read_text() == "once"

    @pytest.mark.parametrize(
        ("overrides", "against", "hosts", "why"),
        [
            (["balancer.lock=null"], "balancer.lock=balancer.lock.yaml", ("host1", "host2"), "kept by the lock file"),
            ([], "balancer.lock=null", ("host2", "host1"), "host2 is no longer kept by the lock file"),
            ([], "+balancer.hosts.host2.drain='new disks'", ("host2", "host1"), "host2 is drained: new disks"),
        ],
        ids=["a lock file is new", "a lock file is gone", "a locked host is drained"],
    )
    def test_it_is_the_reason_of_a_move(self, cli, overrides, against, hosts, why):
        moves = json.loads(cli("plan", *overrides, f"against={against}", "dag_files=dags", "output=json").stdout)["moves"]
        assert [(move["requester"], (move["before"], move["after"]), move["why"]) for move in moves] == [("clean", hosts, why)]


class TestWhatIsCounted:
    BALANCER = "hosts: [{name: host1, size: 4}, {name: host2, size: 4}]\n"

    @pytest.fixture
    def files(self, cli, write):
        write("balancer.yaml", self.BALANCER)

        def run(code: str) -> list[tuple[str, int, int | None]]:
            write("dags/a.py", f'"""An Airflow DAG file."""\nfrom airflow_balancer import BalancerConfiguration, Host, load\n{code}\n')
            report = json.loads(cli("plan", "balancer.yaml", "dag_files=dags", "output=json").stdout)
            return [(row["file"], row["picks"], row["elsewhere"]) for row in report["files"]]

        return run

    def test_a_pick_over_another_configuration_is_counted_elsewhere(self, files, write):
        write("dags/other.yaml", self.BALANCER)
        code = "load('other.yaml').select_host()\nload('balancer.yaml').select_host()"
        assert files(code) == [("balancer.yaml", 0, None), ("dags/a.py", 1, 1)]

    def test_a_balancer_of_no_file_is_this_one_where_it_has_its_hosts(self, files):
        code = "for size in (4, 5): BalancerConfiguration(hosts=[Host(name='host1', size=size)]).select_host(name='host1')"
        assert files(code) == [("balancer.yaml", 0, None), ("dags/a.py", 1, 1)]

    def test_a_request_counts_once(self, files):
        code = "b = load('balancer.yaml')\nfor _ in range(3): b.select_host(key='x'); b.rank_hosts(key='x'); b.rank_hosts(key='x', index=1)"
        assert files(code) == [("balancer.yaml", 0, None), ("dags/a.py", 2, None)]

    def test_a_pick_that_the_tree_made_is_the_trees(self, cli, write):
        write("conf/config.yaml", CONFIG)
        code = "from airflow_balancer.hydra.compose import compose_file\ncompose_file({!r}).requests()"
        write(
            "dags/a.py",
            f"'''An Airflow DAG file.'''\n{code.format(write('conf/config.yaml', CONFIG))}".replace(
                "PosixPath", "__import__('pathlib').Path"
            ),
        )
        report = json.loads(cli("plan", "dag_files=dags", "output=json").stdout)
        assert [(row["file"], row["picks"]) for row in report["files"]] == [("conf/config.yaml", 1), ("dags/a.py", 0)]


class TestWrong:
    def test_a_folder_without_a_dag_file(self, cli, repository):
        text = "dag_files: conf: there is no DAG file in it, a Python file that holds the words dag and airflow, "
        text += "or free_port, select_host or assign_hosts"
        assert cli("plan", "dag_files=[dags,conf]", cwd=repository) == ("", f"airflow-balancer: {text}\n", 1)

    def test_a_dag_file_that_fails_is_named_in_either_place(self, answer, repository, write):
        file = write("main/dags/etl.py", ETL.replace("workers", "w"))
        said = answer("plan", "against=../main").stderr.splitlines()
        assert [line for line in said if line.startswith("airflow-balancer: ")] == [
            f"airflow-balancer: {file}: cannot be run: NoMatch: no host matches queue='w' "
            "(3 hosts left out: 3 by queue; without queue: host1, host2, host3; "
            "names: host1, host2, host3; queues: primary, workers; systems: none; tags: none)"
        ]

    def test_a_dag_file_has_a_limit_of_time(self, cli, repository, write, monkeypatch):
        monkeypatch.setattr(dag_files, "SECONDS", 1)
        file = write("repository/dags/etl.py", "'''An Airflow DAG file.'''\nwhile True: pass\n")
        result = cli("validate", "dag_files=dags/etl.py", cwd=repository)
        assert (result.stderr.splitlines()[-1], result.returncode) == (
            f"airflow-balancer: {file}: cannot be run: it takes more than 1 seconds",
            1,
        )

    def test_what_an_interrupt_does_is_there_and_afterwards_as_it_was(self):
        before = signal.getsignal(signal.SIGINT)
        there = dag_files._in_child(lambda: signal.getsignal(signal.SIGINT) is before)
        assert (there, signal.getsignal(signal.SIGINT)) == ((True, ""), before)

    def test_an_interrupt_right_after_the_fork_ends_the_child(self, monkeypatch):
        def fork() -> int:
            if child := forked():
                children.append(child)
                os.kill(os.getpid(), signal.SIGINT)
            return child

        forked, children = os.fork, []
        monkeypatch.setattr(dag_files.os, "fork", fork)
        other = threading.Thread(target=time.sleep, args=(1,))  # a signal may reach any thread
        other.start()
        with pytest.raises(KeyboardInterrupt):
            dag_files._in_child(lambda: time.sleep(60))
        with pytest.raises(ChildProcessError):
            os.waitpid(children[0], os.WNOHANG)
