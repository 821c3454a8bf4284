# Everything here needs Python 3.11 or later and make. Each target builds the virtualenv that it uses from the pinned
# constraint file, and builds it anew only when pyproject.toml or that file has changed.
PYTHON ?= python3
PYTEST_ARGS ?= -m "not slow"
BALANCER := .venv-demo/bin/airflow-balancer --config-dir conf

.PHONY: help demo test test-airflow2 test-without-airflow bench lint constraints clean

help:
	@echo "make demo                  the example fleet, its picks, and a DAG on it in a real Airflow (KEEP=1: it stays up)"
	@echo "make test                  the fast tests, with Airflow 3 (PYTEST_ARGS=: the slow ones too)"
	@echo "make test-airflow2         the same, with Airflow 2"
	@echo "make test-without-airflow  the same, with no Airflow"
	@echo "make bench                 times and memory beside the published package's (BENCH_ARGS=--quick: small fleets)"
	@echo "make lint                  ruff and mypy"
	@echo "make constraints           pin the newest versions that fit pyproject.toml"
	@echo "make clean                 remove the virtualenvs and caches"

demo: .venv-demo/installed
	@echo "The fleet in production, and what the DAG 'etl' gets from it:"
	@$(BALANCER) env=prod
	@echo "Any host of queue 'workers' (airflow-balancer select query.queue=workers):"
	@$(BALANCER) select env=prod query.queue=workers
	@echo "A port that is not in use, on the host of queue 'primary' (airflow-balancer port query.queue=primary):"
	@$(BALANCER) port env=prod query.queue=primary
	@for seed in 1 2; do PYTHONHASHSEED=$$seed $(BALANCER) env=prod output=json > .venv-demo/picks-$$seed.json || exit 1; done
	@cmp .venv-demo/picks-1.json .venv-demo/picks-2.json
	@echo "A second process with another PYTHONHASHSEED picked the same."
	@.venv-demo/bin/python -m examples.demo

test: .venv-airflow3/installed
	.venv-airflow3/bin/python -m pytest -rs $(PYTEST_ARGS)

test-airflow2: .venv-airflow2/installed
	.venv-airflow2/bin/python -m pytest -rs $(PYTEST_ARGS)

test-without-airflow: .venv-none/installed
	.venv-none/bin/python -m pytest -rs $(PYTEST_ARGS)

bench: .venv-airflow3/installed .venv-published/installed
	.venv-airflow3/bin/python -m tools.bench $(BENCH_ARGS)

lint: .venv-airflow3/installed
	.venv-airflow3/bin/ruff check
	.venv-airflow3/bin/ruff format --check
	.venv-airflow3/bin/mypy

.venv-demo/installed: EXTRAS := airflow3,demo
.venv-airflow3/installed: EXTRAS := airflow3,dev
.venv-airflow2/installed: EXTRAS := airflow,test
.venv-none/installed: EXTRAS := test
.venv-demo/installed .venv-airflow3/installed .venv-none/installed: CONSTRAINTS := constraints-airflow3.txt
.venv-airflow2/installed: CONSTRAINTS := constraints-airflow2.txt
.venv-demo/installed .venv-airflow3/installed .venv-none/installed: constraints-airflow3.txt
.venv-airflow2/installed: constraints-airflow2.txt

# hatchling and editables are what pip would fetch to build this package, in their newest versions.
.venv-%/installed: pyproject.toml
	rm -rf .venv-$*
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/pip install --quiet --constraint $(CONSTRAINTS) hatchling editables
	.venv-$*/bin/pip install --quiet --constraint $(CONSTRAINTS) --no-build-isolation --editable ".[$(EXTRAS)]"
	@touch $@

# The published package, with what this one is pinned to.
.venv-published/installed: constraints-airflow3.txt
	rm -rf .venv-published
	$(PYTHON) -m venv .venv-published
	.venv-published/bin/pip install --quiet --constraint constraints-airflow3.txt "airflow-balancer[airflow3]==0.7.12" apache-airflow-providers-smtp
	@touch $@

# Unpinned installs, frozen. Run the tests on the result before it is committed.
constraints:
	$(MAKE) .venv-pins2/frozen EXTRAS=airflow,viewer,dev
	$(MAKE) .venv-pins3/frozen EXTRAS=airflow3,viewer,dev
	cp .venv-pins2/frozen constraints-airflow2.txt
	cp .venv-pins3/frozen constraints-airflow3.txt
	rm -rf .venv-pins2 .venv-pins3

.venv-%/frozen:
	rm -rf .venv-$*
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/pip install --quiet hatchling editables
	.venv-$*/bin/pip install --quiet --no-build-isolation --editable ".[$(EXTRAS)]"
	.venv-$*/bin/pip freeze --exclude-editable > $@

clean:
	rm -rf .venv-* .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
