"""Measures this package side by side with the published one: `make bench`.

cases.py     what is measured, at which sizes, and the targets: data
fleets.py    the fleets that both sides get, and their files
plain.py     bare pydantic models of the same data, to compare with
worker.py    one process: runs jobs in either virtualenv, prints raw samples
jobs/        the jobs: what a worker does, with the API that both packages have where both have one
runner.py    runs the sides in turn, gathers the samples
report.py    medians, ratios, verdicts; the table and the JSON
"""
