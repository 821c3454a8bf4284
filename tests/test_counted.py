"""README, docs and the viewer say the same about what is counted where."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY

SENTENCE = "A pool counts the tasks that Airflow starts; with hold_slots, slots on the host count the commands that run there."
SLOTS = (REPOSITORY / "docs/explanation/slots.md").read_text()


@pytest.mark.parametrize("path", ["README.md", "docs/explanation/slots.md", "airflow_balancer/viewer/static/js/counted.js"])
def test_all_say_the_same(path):
    words = re.sub(r"</?code>|`", "", (REPOSITORY / path).read_text())
    assert words.count(SENTENCE) == 1


def test_the_readme_names_the_table():
    assert "/docs/explanation/slots.md)" in (REPOSITORY / "README.md").read_text()


def test_the_table_has_each_way_in_which_a_command_comes_to_a_host_with_and_without_slots():
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in SLOTS.splitlines() if line.startswith("|")]
    assert ["with `hold_slots`" in head[2], "without `hold_slots`" in head[3]] == [True, True]
    kinds = ["plain", "mapped", "retry", "deferred", "outlived", "other deployment", "by hand"]
    assert [row[0].partition(":")[0] for row in rows] == kinds
    assert re.findall(r"^- \*\*(.*)\.\*\*", SLOTS, re.MULTILINE) == [kind.capitalize() for kind in kinds]


def test_a_host_may_run_too_many_only_where_no_pool_of_its_own_counts():
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in SLOTS.splitlines() if line.startswith("|")][2:]
    assert [row[3] == "no" for row in rows] == [row[1].startswith("yes") for row in rows]
