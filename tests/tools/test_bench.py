"""The benchmark: its figures are not tested, how it reports them is, and that each job of ours runs."""

from __future__ import annotations

import io
import sys
from importlib.metadata import version

import pytest
from rich.console import Console

from tests.conftest import HAS_AIRFLOW
from tools.bench.cases import CASES, POSTGRESQL, rows
from tools.bench.model import Case, Measurement, Row, Size, Target
from tools.bench.report import as_data, lines, print_table, shown, verdict
from tools.bench.runner import Effort, Results, Sides, run

SIZE = Size(10, 0)
OURS, OTHER = Measurement("ours", "job", SIZE), Measurement("published", "other", SIZE)


def case(target: Target | None = None, **more) -> Case:
    return Case("case", "A case", "job", (SIZE,), ("published", "other"), targets={SIZE: target} if target else {}, **more)


def line(target: Target | None = None, **samples):
    results = Results({key: samples[name] for name, key in (("ours", OURS), ("other", OTHER)) if name in samples})
    [found] = lines([Row(case(target), SIZE)], results)
    return found


def test_the_ratio_is_that_of_the_medians():
    assert line(ours=[1.0, 2.0, 90.0], other=[6.0, 8.0, 7.0]).ratio == 3.5


def test_there_is_no_ratio_without_both_sides():
    assert line(ours=[1.0]).ratio is None


@pytest.mark.parametrize(
    ("target", "ours", "ratio", "met"),
    [
        (Target("faster", 4), 1.0, 4.0, True),
        (Target("faster", 4), 1.0, 3.9, False),
        (Target("faster", 4), 1.0, None, False),
        (Target("within", 3), 1.0, 1 / 2.9, True),
        (Target("within", 3), 1.0, 1 / 3.1, False),
        (Target("at_most", 2), 2.0, None, True),
        (Target("at_most", 2), 2.1, None, False),
        (Target("at_most", 2), None, None, False),
        (None, 1.0, 4.0, None),
    ],
)
def test_a_target_is_met_from_its_figure_on(target, ours, ratio, met):
    assert verdict(target, ours, ratio) is met


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(2.5, "s", "2.5 s"), (0.0123, "s", "12.3 ms"), (4e-6, "s", "4 us"), (3 * 2**20, "bytes", "3 MiB"), (8, "statements", "8")],
)
def test_figures_have_units(value, unit, text):
    assert shown(value, unit) == text


def test_the_table_says_what_is_missed_and_why_a_figure_is_missing():
    results = Results({OURS: [0.002]}, {OTHER: "over 9 s"})
    out = io.StringIO()
    print_table(lines([Row(case(Target("faster", 4)), SIZE)], results), Console(file=out, width=200))
    assert [word for word in ("2 ms", "4 times faster", "NO", "A case, 10 x 0: published: over 9 s") if word not in out.getvalue()] == []


def test_the_json_has_every_sample():
    [row] = as_data([line(Target("faster", 4), ours=[1.0, 3.0], other=[8.0])])["rows"]
    assert (row["ours"], row["ratio"], row["met"]) == ({"median": 2.0, "min": 1.0, "max": 3.0, "samples": [1.0, 3.0]}, 4.0, True)


def test_what_is_left_out_is_not_measured():
    assert Row(case(left_out={SIZE: "hours"}), SIZE).other is None


def test_case_names_differ():
    assert len({item.name for item in CASES}) == len(CASES)


def test_targets_are_of_sizes_that_are_measured():
    assert [item.name for item in CASES if not item.targets.keys() <= {*item.sizes}] == []


@pytest.mark.slow
def test_a_failing_job_is_named_and_the_others_go_on():
    effort = Effort(rounds=1, repeats=1, seconds=0, limit=60)
    missing, there = Measurement("ours", "objects.nothing", SIZE), Measurement("ours", "picks.resolve", SIZE)
    results = run([missing, there], Sides(sys.executable, sys.executable), effort, "", lambda _: None)
    assert list(results.samples) == [there]
    assert "AttributeError" in results.failures[missing]


@pytest.mark.slow
@pytest.mark.skipif(not HAS_AIRFLOW or version("apache-airflow") < "3", reason="the benchmark is measured with Airflow 3")
def test_every_job_of_ours_runs():
    effort = Effort(rounds=1, repeats=1, seconds=0, limit=300)
    smallest = {row.case.name: row for row in reversed([row for row in rows() if row.size.hosts <= 100])}
    ours = [row.ours for row in smallest.values() if POSTGRESQL not in row.case.ours]
    results = run(ours, Sides(sys.executable, sys.executable), effort, "", lambda _: None)
    assert results.failures == {}
    assert {item.job for item in ours} == {item.job for item in results.samples}
