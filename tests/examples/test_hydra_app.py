"""A Hydra app of a user's own: our groups and resolvers are there without an import."""

from __future__ import annotations


def test_multirun_picks_for_each_job_in_each_fleet(shell):
    printed = shell("hydra_app", "python", "app.py", "--multirun", "job.name=train,report", "fleet=lab,cloud")
    assert [line for line in printed.splitlines() if not line.startswith("[")] == [
        "train: lab2:9077",
        "train: cloud1:9097",
        "report: lab1:9055",
        "report: cloud1:9097",
    ]
