"""`airflow-balancer init` and `airflow-balancer schema`."""

from __future__ import annotations

import json

import pytest

from airflow_balancer.hydra.json_schema import PARTS, json_schema

FILES = ["balancer.schema.json", "conf/config.yaml", "conf/env/dev.yaml", "conf/env/prod.yaml"]
NEXT = """wrote conf/config.yaml, conf/env/dev.yaml, conf/env/prod.yaml, balancer.schema.json
next:
{into}  airflow-balancer validate
  airflow-balancer show env=prod
  airflow-balancer plan against=env=prod
then edit conf/config.yaml
"""


def files(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_tree_is_written_into_a_new_folder(cli, tmp_path):
    assert cli("init", "fleet") == (NEXT.format(into="  cd fleet\n"), "", 0)
    assert files(tmp_path / "fleet") == FILES


def test_a_tree_is_written_into_this_folder(cli, tmp_path):
    (tmp_path / ".git").mkdir()
    assert cli("init") == (NEXT.format(into=""), "", 0)
    assert files(tmp_path) == FILES


def test_a_program_is_told_which_files_were_written(cli, tmp_path):
    assert json.loads(cli("init", "fleet", "output=json").stdout) == {"folder": "fleet", "files": [*FILES[1:], FILES[0]]}


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (("validate", "--multirun", "env=dev,prod"), "valid: 3 hosts, 20 slots, 1 port, 4 pools, 4 picks"),
        (("show",), "host1"),
        (("plan", "against=env=prod"), "2 picks"),
        (("select", "query.queue=workers", "query.tag=gpu"), "host2\n"),
    ],
    ids=["validate", "show", "plan", "select"],
)
def test_the_other_commands_work_there(cli, tmp_path, words, output):
    cli("init", "fleet")
    result = cli(*words, cwd=tmp_path / "fleet")
    assert (output in result.stdout, result.stderr, result.returncode) == (True, "", 0)


def test_nothing_is_overwritten(cli, write, tmp_path):
    write("fleet/mine.txt", "mine")
    told = f"{tmp_path / 'fleet'}: the folder is not empty; give a new one, such as airflow-balancer init fleet"
    assert cli("init", "fleet") == ("", f"airflow-balancer: {told}\n", 1)
    assert files(tmp_path / "fleet") == ["mine.txt"]


def test_a_file_is_no_folder(cli, write):
    write("fleet", "mine")
    assert cli("init", "fleet") == ("", "airflow-balancer: fleet: is a file; give a new folder, such as airflow-balancer init fleet\n", 1)


@pytest.mark.parametrize("words", [("a", "b"), ("size=3",), ("--config-dir", "conf")], ids=" ".join)
def test_more_than_a_folder_is_refused(cli, words):
    assert cli("init", *words) == ("", "airflow-balancer: give one folder to write into, as in airflow-balancer init fleet\n", 2)


@pytest.mark.parametrize("part", PARTS)
def test_the_schema_of_each_part_is_printed(cli, part):
    result = cli("schema", f"part={part}")
    assert (json.loads(result.stdout), result.stderr, result.returncode) == (json_schema(part), "", 0)


def test_the_schema_is_that_of_a_balancer_by_default(cli):
    assert json.loads(cli("schema").stdout) == json_schema("balancer")
