# Python 3.11 or later and make are all that is needed. Each target builds the virtualenv that it uses from the pinned
# versions, and builds it again only when pyproject.toml or the pins have changed.
PYTHON ?= python3
PYTEST_ARGS ?= -m "not slow and not thorough"
PYTEST_ON_CORES := --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
UV_ON_PATH := $(shell command -v uv)

.PHONY: help demo docs test test-airflow2 test-without-airflow fuzz mutate bench lint build check-dist constraints clean

help:
	@echo "make demo                  the example fleet, and its DAG in a real Airflow over SSH (KEEP=1: it stays up)"
	@echo "make docs                  the site, in docs/_build/html/index.html; needs no network"
	@echo "make test                  the fast tests, with Airflow 3 (PYTEST_ARGS=: all)"
	@echo "make test-airflow2         the same, with Airflow 2"
	@echo "make test-without-airflow  the same, with no Airflow"
	@echo "make fuzz                  read mutated configurations by every path (FUZZ_INPUTS=20000, FUZZ_SECONDS=3600)"
	@echo "make mutate                break the core 300 times, and list what no test notices (MUTATE_ARGS='--seed 2')"
	@echo "make bench                 times and memory beside the published package's (BENCH_ARGS=--quick: small fleets)"
	@echo "make lint                  ruff, mypy, and checks of the workflows and of this repository"
	@echo "make build                 the sdist, and the wheel that it builds, in dist/"
	@echo "make check-dist            install the wheel in empty virtualenvs, and run the README's first example with it"
	@echo "make constraints           pin the newest versions that fit pyproject.toml"
	@echo "make clean                 remove the virtualenvs and caches"

demo: .venv-demo/installed
	@.venv-demo/bin/python -m examples.demo

# Each warning is an error, such as a link to a heading that is not there.
docs: .venv-airflow3/installed
	.venv-airflow3/bin/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going --nitpicky docs docs/_build/html

test: .venv-airflow3/installed
	.venv-airflow3/bin/python -m pytest $(PYTEST_ON_CORES) $(PYTEST_ARGS)

test-airflow2: .venv-airflow2/installed
	.venv-airflow2/bin/python -m pytest $(PYTEST_ON_CORES) $(PYTEST_ARGS)

test-without-airflow: .venv-none/installed
	.venv-none/bin/python -m pytest $(PYTEST_ON_CORES) $(PYTEST_ARGS)

# Bytecode of this package and of its tests, which each program that a test starts would compile anew.
test test-airflow2 test-without-airflow: export PYTHONDONTWRITEBYTECODE =

fuzz: .venv-airflow3/installed
	HOSTILE_ALL=1 .venv-airflow3/bin/python -m pytest $(PYTEST_ON_CORES) tests/hostile tests/airflow/test_remote_job_kills.py
	.venv-airflow3/bin/python -W ignore -m tests.hostile.fuzz

mutate: .venv-airflow3/installed
	.venv-airflow3/bin/python -m tools.mutate $(MUTATE_ARGS)

bench: .venv-airflow3/installed .venv-published/installed
	.venv-airflow3/bin/python -m tools.bench $(BENCH_ARGS)

lint: .venv-airflow3/installed
	.venv-airflow3/bin/ruff check
	.venv-airflow3/bin/ruff format --check
	.venv-airflow3/bin/lint-imports --no-cache
	.venv-airflow3/bin/zizmor --offline --quiet . examples/github/plan.yaml
	.venv-airflow3/bin/repo-review . --show err
	.venv-airflow3/bin/mypy
	.venv-airflow3/bin/python -m tools.reference --check

build: .venv-airflow3/installed
	rm -rf dist
	.venv-airflow3/bin/uv build --quiet --build-constraints constraints-build.txt

check-dist: build
	.venv-airflow3/bin/python tools/check_dist.py dist

.venv-demo/installed: REQUIREMENTS := --editable ".[airflow3,demo]"
.venv-airflow3/installed: REQUIREMENTS := --editable ".[airflow3,dev]" apache-airflow-providers-git
.venv-airflow2/installed: REQUIREMENTS := --editable ".[airflow,test]"
.venv-none/installed: REQUIREMENTS := --editable ".[test]"
.venv-published/installed: REQUIREMENTS := "airflow-balancer[airflow3]==0.7.12" apache-airflow-providers-smtp
.venv-%/installed: CONSTRAINTS := constraints-airflow3.txt
.venv-airflow2/installed: CONSTRAINTS := constraints-airflow2.txt

# Bytecode is compiled once, here: programs that are started by the dozen would each compile it where they may not write it.
.venv-%/installed: pyproject.toml constraints-build.txt constraints-airflow3.txt constraints-airflow2.txt
	@start=$$(date +%s) && \
	$(PYTHON) -m venv --clear .venv-$* && \
	$(or $(UV_ON_PATH),$(call uv_by_pip,.venv-$*)) pip install --quiet --python .venv-$*/bin/python --compile-bytecode \
		--constraints $(CONSTRAINTS) --build-constraints constraints-build.txt $(REQUIREMENTS) && \
	touch $@ && echo "Set-up of .venv-$*: $$(($$(date +%s) - start)) s"

uv_by_pip = $(1)/bin/pip install --quiet --quiet --disable-pip-version-check --constraint constraints-build.txt uv && $(1)/bin/uv

# Newest versions, for each Python that Airflow 2 and 3 allow. Run the tests on the result before it is committed.
constraints: .venv-airflow3/installed
	for airflow in 2 3; do \
		([ $$airflow = 2 ] || echo apache-airflow-providers-git) | \
		.venv-airflow3/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
			--extra airflow$${airflow#2} --extra dev --output-file constraints-airflow$$airflow.txt pyproject.toml - || exit 1; \
	done
	printf '%s\n' hatchling editables setuptools uv | .venv-airflow3/bin/uv pip compile --quiet --upgrade --universal \
		--python-version 3.11 --no-header --no-annotate --output-file constraints-build.txt -

clean:
	rm -rf .venv-* .mypy_cache .ruff_cache .hypothesis dist docs/_build
	find . -name __pycache__ -prune -exec rm -rf {} +
