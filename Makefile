# Everything one does with this repository. Needs make and Python 3.11 or newer; each command makes its own environment in .venv/
# from the hashed locks in requirements/, once, and again when a lock changes.

PORT ?= 8000
DATA ?=
PYTEST_ARGS ?=
# One more than there are cores: while one test waits for a disk or a process, another computes.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')
SECONDS ?= 120
UPTIER_DATA ?= ../shared/data
INTERACTIONS ?= $(or $(DATA),$(UPTIER_DATA)/online_retail/online_retail.parquet)

# The first Python that is new enough; name another with `make PYTHON=/path/to/python3.12 ...`.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$each -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$each; exit; }; done; echo python3)

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
RUN := $(STAMPS)/run $(STAMPS)/project
DEV := $(STAMPS)/dev $(STAMPS)/project
SCALE := $(STAMPS)/scale $(STAMPS)/project
CLIENTS := tests/clients/node_modules/.package-lock.json

export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:
.DELETE_ON_ERROR:

.PHONY: help demo test test-browser test-clients test-scale test-all check lint format types imports rules wheel fix bench bench-learning bench-billing bench-growth bench-kills bench-torture lock peers venv clean

help: ## Show this list.
	@echo "usage: make TARGET [NAME=value ...]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- run ---------------------------------------------------------------------------------------------------------------------------

demo: $(RUN) ## Build a shop and serve it until Ctrl-C. PORT=8000, DATA=purchases.csv (or .parquet) for your own history.
	@trap : INT; $(BIN)/uptier demo --port '$(PORT)' $(if $(DATA),--data '$(DATA)'); status=$$?; [ $$status -eq 130 ] || exit $$status

bench: $(DEV) ## Measure the recommender (INTERACTIONS=FILE or DATA=FILE), learning, features, experiments, decisions, boxes, billing, metering, gates and limits.
	@$(BIN)/uptier bench recommend --interactions '$(INTERACTIONS)'
	@$(BIN)/uptier bench churn --table '$(UPTIER_DATA)/telco/Telco-Customer-Churn.csv' --label Churn --id customerID
	@$(BIN)/uptier bench churn --purchases '$(UPTIER_DATA)/online_retail/online_retail.parquet' --horizon 91
	@$(BIN)/uptier bench value --transactions '$(UPTIER_DATA)/cdnow/CDNOW_sample.txt'
	@$(BIN)/uptier bench features
	@$(BIN)/uptier bench experiments
	@$(BIN)/python -m tests.servers.lend $(BIN)/uptier bench report
	@$(BIN)/uptier bench decisions
	@$(BIN)/python -m tests.servers.lend --redis $(BIN)/uptier bench decisions
	@$(BIN)/uptier bench boxes
	@$(MAKE) --no-print-directory bench-billing
	@$(BIN)/uptier bench metering
	@$(BIN)/python -m tests.servers.lend $(BIN)/uptier bench metering
	@$(BIN)/python -m tests.servers.lend --redis $(BIN)/uptier bench gating
	@$(BIN)/python -m tests.servers.lend --redis $(BIN)/uptier bench limits

bench-learning: $(SCALE) ## The long ones of learning: uplift, next basket, latency beside peers, the simulated truth, offers, Spark, whole retraining.
	@$(BIN)/uptier bench uplift --table '$(UPTIER_DATA)/hillstrom/hillstrom.csv' --treatment segment --outcome visit --margin 1 --cost 0.04
	@$(BIN)/uptier bench next-basket --history '$(UPTIER_DATA)/ta_feng/tafeng_history.json' --future '$(UPTIER_DATA)/ta_feng/tafeng_future.json'
	@$(BIN)/uptier bench latency --interactions '$(INTERACTIONS)'
	@$(BIN)/uptier bench truth --seeds 10
	@$(BIN)/uptier bench features --spark
	@$(BIN)/uptier bench offers --seeds 100 --workers 2
	@$(BIN)/uptier bench retrain --lines 40000 --lines 400000 --lines 4000000 --workers 2

bench-billing: $(DEV) ## Measure the billing engine: 10,000 subscriptions, 1,000,000 events, on SQLite and on PostgreSQL.
	@$(BIN)/uptier bench billing --profile 2000
	@$(BIN)/python -m tests.servers.lend $(BIN)/uptier bench billing --workers 1 --workers 2 --profile 2000

bench-growth: $(DEV) ## How a billing run grows from 1,000 to 10,000 to 100,000 subscriptions, on SQLite and on PostgreSQL.
	@$(BIN)/uptier bench billing --events 10 --subscriptions 1000 --subscriptions 10000 --subscriptions 100000
	@$(BIN)/python -m tests.servers.lend $(BIN)/uptier bench billing --events 10 --workers 2 \
		--subscriptions 1000 --subscriptions 10000 --subscriptions 100000

bench-kills: $(DEV) ## Kill a billing run, and payments, a hundred times on each database; the books must be whole after each.
	@folder=$$(mktemp -d) && $(BIN)/python -m tests.e2e.kill_billing "sqlite:///$$folder/killed.db" --kills 100; rm -rf "$$folder"
	@$(BIN)/python -m tests.servers.lend sh -c '$(BIN)/python -m tests.e2e.kill_billing "$$UPTIER_DATABASE_URL" --kills 100'
	@folder=$$(mktemp -d) && $(BIN)/python -m tests.e2e.kill_payments "sqlite:///$$folder/killed.db" --kills 100; rm -rf "$$folder"
	@$(BIN)/python -m tests.servers.lend sh -c '$(BIN)/python -m tests.e2e.kill_payments "$$UPTIER_DATABASE_URL" --kills 100'

bench-torture: $(DEV) ## Four servers under fire for SECONDS=120: killed servers, Redis and PostgreSQL; nothing lost, nothing let through.
	@$(BIN)/python -m tests.e2e.torture --seconds '$(SECONDS)'

# --- test --------------------------------------------------------------------------------------------------------------------------

test: $(DEV) ## Run every test that needs nothing installed: real PostgreSQL and Redis come with the environment. PYTEST_ARGS="-k word".
	$(BIN)/python -m pytest -m 'not browser and not clients and not scale' -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

test-browser: $(DEV) ## Run the tests that drive a browser (Debian's chromium, Chrome, or the one UPTIER_BROWSER names).
	@$(BIN)/python -m tests.servers.browser
	$(BIN)/python -m pytest -m browser $(PYTEST_ARGS)

test-clients: $(DEV) $(CLIENTS) ## Run the tests that drive real clients: OpenFeature's in Node.js, and nginx.
	$(BIN)/python -m pytest -m clients $(PYTEST_ARGS)

test-scale: $(SCALE) ## Run the tests that need Apache Spark (Java 17 or newer) and Dask: equal features, and training over several workers.
	@command -v java >/dev/null || { \
		echo "Spark needs Java 17 or newer; on Debian and Ubuntu: apt-get install openjdk-17-jre-headless" >&2; exit 1; }
	$(BIN)/python -m pytest -m scale $(PYTEST_ARGS)

test-all: test test-browser test-clients test-scale ## Run everything. `make test test-all` runs each suite once.

# --- check -------------------------------------------------------------------------------------------------------------------------

check: lint format types imports rules wheel ## Check all that needs no test run: the six below. The same pieces are the pre-commit hooks.

lint: $(DEV) ## - ruff, all rules but those that pyproject.toml excuses with a reason
	$(BIN)/ruff check .

format: $(DEV) ## - ruff's formatting (`make fix` applies it)
	$(BIN)/ruff format --check .

types: $(DEV) ## - mypy, strict
	$(BIN)/mypy

imports: $(DEV) ## - who may import whom (.importlinter)
	$(BIN)/lint-imports --no-logo

rules: $(DEV) ## - our own rules: no float in money, queries in stores, one tenant filter, no secrets (tests/architecture)
	$(BIN)/python -m tests.architecture.run

wheel: $(DEV) ## - build the wheel, look into it, install it elsewhere and run it
	$(BIN)/python -m tests.architecture.wheel

fix: $(DEV) ## Apply the formatting and the safe fixes of ruff.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# --- environment -------------------------------------------------------------------------------------------------------------------

venv: $(DEV) ## Make the environment with all tools; `source .venv/bin/activate` uses it.

lock: $(STAMPS)/uv ## Resolve pyproject.toml again into the hashed locks of requirements/.
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate -q requirements/uv.in -o requirements/uv.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --group build -q pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --group build --group dev -c requirements/run.txt \
		-q pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --group build --group dev --group scale \
		-c requirements/dev.txt -q pyproject.toml -o requirements/scale.txt
	$(BIN)/uv pip compile --python-version 3.11 --generate-hashes --no-header --no-annotate -q requirements/peers.in -o requirements/peers.txt

clean: ## Remove the environment, caches and pictures. The demonstration's shop in .uptier/ stays.
	rm -rf $(VENV) tests/clients/node_modules dist artifacts .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find billing features models training serving tests -name __pycache__ -type d -prune -exec rm -rf {} +

# uv is told the package index that pip is configured for, so that a mirror is set up in one place. Every file is pinned by its hash,
# so it does not matter which index brings it. Where uv finds no way to an index, pip installs the same lock.
define install
	@set -e; \
	setting() { eval "value=\$${PIP_$$1:-}"; [ -n "$$value" ] || value=$$($(BIN)/python -m pip config get "global.$$2" 2>/dev/null) || :; echo "$$value"; }; \
	index=$$(setting INDEX_URL index-url); more=$$(setting EXTRA_INDEX_URL extra-index-url); \
	links=$$(setting FIND_LINKS find-links); cert=$$(setting CERT cert); \
	[ -z "$$index" ] || export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$index}"; \
	[ -z "$$more" ] || export UV_INDEX="$${UV_INDEX:-$$more}"; \
	[ -z "$$links" ] || export UV_FIND_LINKS="$${UV_FIND_LINKS:-$$links}"; \
	[ -z "$$cert" ] || export SSL_CERT_FILE="$${SSL_CERT_FILE:-$$cert}"; \
	export UV_INDEX_STRATEGY=unsafe-best-match UV_HTTP_TIMEOUT="$${UV_HTTP_TIMEOUT:-180}"; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes $(1) \
		|| { echo "uv could not install; trying pip" >&2; $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes $(1); }
endef

$(BIN)/python:
	@$(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "Uptier needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || :)." >&2; \
		echo "Name another one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making the environment in $(VENV)/ ..."
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)

$(STAMPS)/uv: requirements/uv.txt | $(BIN)/python
	@mkdir -p $(STAMPS)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(STAMPS)/run: requirements/run.txt $(STAMPS)/uv
	@echo "Installing what runs ..."
	$(call install,-r requirements/run.txt)
	@touch $@

$(STAMPS)/dev: requirements/dev.txt $(STAMPS)/run
	@echo "Installing what tests and checks ..."
	$(call install,-r requirements/dev.txt)
	@touch $@

# The recommenders that are timed beside ours have other versions of what we use: an environment of their own, Python 3.11.
peers: .venv-peers/.done ## Make .venv-peers with the recommenders that `uptier bench latency` times beside ours (some gigabytes: one brings torch).

.venv-peers/.done: requirements/peers.txt | $(BIN)/python
	@rm -rf .venv-peers
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/peers.txt
	@touch $@

$(STAMPS)/scale: requirements/scale.txt $(STAMPS)/dev
	@echo "Installing Spark and Dask ..."
	$(call install,-r requirements/scale.txt)
	@touch $@

# The clients in JavaScript, from their lock; it names no place to fetch them from, so npm takes the registry that it is configured for.
$(CLIENTS): tests/clients/package-lock.json
	@command -v npm >/dev/null || { \
		echo "The clients need Node.js 18 or newer with npm; on Debian and Ubuntu: apt-get install nodejs npm" >&2; exit 1; }
	@cd tests/clients && npm ci --silent --ignore-scripts
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/run
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --offline --no-deps --no-build-isolation -e .
	@touch $@
