# make demo and make test work from a fresh clone on a machine with python3 (3.8 or newer) and make.

PYTHON ?= python3
VENV   := .venv
MINUTES ?= 10
SEEDS ?= 1000
JOBS ?= 2
PART ?= waiting
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
CODE   := rocketride_sync codegen tests benchmarks docs/conf.py examples setup.py tools

# Each test worker, and each process that a test starts, would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types types-linux types-win32 types-darwin generate generate-check drift test-all test-min test-wheel test-airflow test-installs faults fuzz simulate plant mutants interrupts soak bench docs recordings dist clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1|/p' Makefile | column -t -s '|'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: setup.cfg | $(BIN)/python
	$(PIP) install --quiet --no-compile -e '.[emulator,progress,report]'
	@touch $@

$(VENV)/.dev: setup.cfg tools/install.py $(wildcard requirements/*.txt) | $(BIN)/python
	$(BIN)/python tools/install.py dev conformance examples docs
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## run a real task on real files to its end, through this library
	$(BIN)/rocketride-sync demo

test: $(VENV)/.dev ## run the tests
	$(PYTEST)

# What is below uses one core each.
check: lint generate-check ## all that a change must pass
	$(MAKE) --jobs 2 types docs
	$(MAKE) test test-min test-wheel

lint: $(VENV)/.dev ## style, common mistakes, formatting, forbidden imports between the parts of the package (from Python 3.10 on)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports

# Each with a cache of its own: what was found out for one system is thrown away when another is asked for.
types: types-linux types-win32 types-darwin ## mypy --strict, also as on Windows and macOS

types-linux types-win32 types-darwin: types-%: $(VENV)/.dev
	$(BIN)/mypy --platform $* --cache-dir .mypy_cache/$*

generate: $(VENV)/.dev ## write the models, the references of fields and of the command line, and its man pages
	$(BIN)/python -m codegen
	$(BIN)/python tools/cli_reference.py
	$(BIN)/python tools/man_pages.py
	$(BIN)/python tools/migration_table.py
	$(BIN)/python tools/project_address.py

generate-check: $(VENV)/.dev ## fail if what is generated is stale, missing or orphaned
	$(BIN)/python -m codegen --check
	$(BIN)/python tools/cli_reference.py --check
	$(BIN)/python tools/man_pages.py --check
	$(BIN)/python tools/migration_table.py --check
	$(BIN)/python tools/project_address.py --check

drift: $(VENV)/.dev ## compare the schema with the official client's model
	$(BIN)/python -m codegen drift

test-all: ## the tests on every supported Python of this machine
	$(PYTHON) tools/test_pythons.py

test-min: ## the wheel on the oldest Python there is, with the lowest dependencies, without the lengthy tests
	$(PYTHON) tools/test_pythons.py --wheel --brief --oldest --constraint constraints/lowest.txt

faults: $(VENV)/.dev ## every fault of network and server against tight limits; the table in docs/reliability.md
	$(BIN)/python -m tests.faults

fuzz: $(VENV)/.dev ## made-up input for all that decodes, MINUTES=10 of it; what fails is kept in tests/fuzz/corpus
	EXAMPLES=500 $(BIN)/python -m pytest -q -n0 tests/emulator/test_http_app_openapi.py tests/emulator/test_commands_fuzzing.py
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

simulate: $(VENV)/.dev ## random waits and faults against a simulated clock and network: SEEDS=1000 fresh seeds (or 1:500), JOBS=2 processes; prints how to replay one
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --jobs $(JOBS)

plant: $(VENV)/.dev ## put faults into a copy, one at a time: the simulation must find each
	$(BIN)/python -m tests.simulation.planting

.venv-mutants/.installed: setup.cfg tools/install.py requirements/dev.txt requirements/mutants.txt
	$(PYTHON) -m venv .venv-mutants
	.venv-mutants/bin/python tools/install.py dev mutants
	@touch $@

mutants: .venv-mutants/.installed ## change the code of a PART (waiting, client, protocol, transports), a thing at a time: a test must notice
	.venv-mutants/bin/python tools/mutants.py $(PART) --jobs $(JOBS) $(if $(ONLY),--only $(ONLY))

interrupts: $(VENV)/.dev ## Ctrl-C at every line of one short life of each method: JOBS=2 processes, some minutes
	$(BIN)/python -m tests.simulation.walking --jobs $(JOBS)

soak: $(VENV)/.dev ## five minutes of tasks on a server that is restarted, over connections that are cut
	$(BIN)/python -m tests.soak

docs: $(VENV)/.dev ## build the documentation into site/, from Python 3.11 on; a warning is an error
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env -b html docs site

recordings: $(VENV)/.dev ## draw the pictures of a terminal in docs/terminal/ anew
	$(BIN)/python tools/record_terminal.py

test-wheel: ## the wheel on the newest Python there is, without the lengthy tests
	$(PYTHON) tools/test_pythons.py --wheel --brief --newest

.venv-airflow/.installed: setup.cfg tools/install.py requirements/airflow.txt
	$(PYTHON) -m venv .venv-airflow
	.venv-airflow/bin/python tools/install.py --extras airflow,emulator airflow
	@touch $@

test-airflow: .venv-airflow/.installed ## the Airflow sensor, in an environment of its own
	.venv-airflow/bin/python -m pytest --numprocesses=0 tests/contrib/test_airflow_sensor.py

test-installs: ## the wheel alone, in a zipapp, frozen by PyInstaller and as a shiv; about a minute
	rm -rf .venv-installs
	$(PYTHON) -m venv .venv-installs
	.venv-installs/bin/python tools/test_installs.py

bench: ## measure against the peers, in an environment of its own; writes docs/performance.md, its charts and figures
	$(PYTHON) -m venv .venv-bench
	rm -rf build
# Not an editable installation: its import hook would be part of every process that is measured.
	.venv-bench/bin/python -m pip --disable-pip-version-check install --quiet '.[emulator]' \
		-r requirements/bench.txt -r requirements/conformance.txt
	.venv-bench/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --force-reinstall .
	.venv-bench/bin/python -m benchmarks --docs docs

dist: ## build the sdist and the wheel into dist/, and check them
	$(PYTHON) -m venv .venv-dist
	.venv-dist/bin/python -m pip --disable-pip-version-check install --quiet -r requirements/dist.txt
	rm -rf dist
	.venv-dist/bin/python tools/build_dist.py dist
	.venv-dist/bin/twine check --strict dist/*
	.venv-dist/bin/check-wheel-contents dist/*.whl
	.venv-dist/bin/python tools/check_metadata.py
	$(PYTHON) tools/check_dist.py dist

clean: ## remove what the targets above made
	rm -rf $(VENV) .venv-* build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis __pycache__
	find rocketride_sync codegen tests benchmarks docs examples tools -name __pycache__ -prune -exec rm -rf {} +
