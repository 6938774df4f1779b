# The two commands that matter are `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export UV_PYTHON_DOWNLOADS := never
CACHE := $(or $(IOT_BROKER_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/iot-broker)
PYTHON := $(shell command -v python3.11 || command -v python3)
UV_VERSION := $(shell sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements-uv.txt)
UV := $(CACHE)/uv-$(UV_VERSION)/bin/uv
RUN := .venv/bin/python -m
SITECTL := .venv/bin/sitectl
WITHOUT_LAB := tests/servers tests/programs tests/unit
SIDE_BY_SIDE := --numprocesses logical --dist loadscope --no-loadscope-reorder

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## Start the lab and deploy the sample site eagle-ford with a real `pulumi up`
	@$(SITECTL) lab demo

# Side by side what needs no lab that is up; then, one after the other, what shares the lab.
test: setup lint tools ## Pass every check and every test, also those against the real servers
	@IOT_BROKER_MUTATIONS=3400 $(RUN) pytest tests/programs tests/unit $(SIDE_BY_SIDE)
	@$(RUN) pytest tests/servers $(SIDE_BY_SIDE)
	@$(RUN) pytest $(addprefix --ignore=,$(WITHOUT_LAB))

servers: setup tools ## Only the tests that start single servers: a broker, a Kafka, the kit's own programs between them
	@$(RUN) pytest tests/servers $(SIDE_BY_SIDE)

absences: setup tools ## Every absence of a broker from the bridge between two, up to a minute long
	@IOT_BROKER_LONG_ABSENCES=1 $(RUN) pytest tests/servers/test_bridge.py

# Compiled once and kept: else each process of the tests, and each command of them, compiles the kit anew.
unit programs servers: export PYTHONDONTWRITEBYTECODE :=

unit: setup ## Only the tests that need no tool of the lab (about two minutes on two cores)
	@$(RUN) pytest tests/unit $(SIDE_BY_SIDE)

programs: setup tools ## Only the tests that start single programs: promtool, OPA, git, `sitectl` itself
	@$(RUN) pytest tests/programs $(SIDE_BY_SIDE)

inventory: setup ## Write the golden inventories of the sample sites anew; read their diff
	@UPDATE_INVENTORY=1 $(RUN) pytest -q tests/unit/components/test_inventory.py

lint: setup ## Style and types
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@$(RUN) mypy

tools: setup ## Build and fetch the lab's servers (cached outside the checkout)
	@$(RUN) lab.tools

benchmark: setup tools ## Print the speed ratios that the documentation claims
	@$(RUN) benchmarks

chaos: setup tools ## Interrupt deployments in a lab of its own for some hours; its report says how each one ended
	@$(RUN) lab.chaos $(CHAOS)

clean-demo: setup ## Take the demonstration down: no process and no resource is left
	@$(SITECTL) lab clean-demo

setup: .venv/.ready ## Make the Python environment from uv.lock

site: .venv/.site ## Make it as a site needs it: without the lab's and the developers' packages

.venv/.ready: uv.lock pyproject.toml $(UV)
	@echo "Setting up the Python environment ..."
	@$(UV) sync --frozen --quiet --compile-bytecode --python "$(PYTHON)"
	@touch $@

.venv/.site: uv.lock pyproject.toml $(UV)
	@echo "Setting up the Python environment of a site ..."
	@$(UV) sync --frozen --quiet --no-default-groups --compile-bytecode --python "$(PYTHON)"
	@rm -f .venv/.ready
	@touch $@

# uv itself comes from its own pinned, checksummed file; made aside and renamed, so that a broken download is never used.
$(UV): requirements-uv.txt
	@mkdir -p $(CACHE) && aside=$$(mktemp -d $(CACHE)/uv.XXXXXX) && trap 'rm -rf "$$aside"' EXIT \
	  && "$(PYTHON)" -m venv "$$aside" \
	  && "$$aside/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-uv.txt \
	  && { [ -x $@ ] || { rm -rf $(CACHE)/uv-$(UV_VERSION) && mv "$$aside" $(CACHE)/uv-$(UV_VERSION); }; } && touch $@

.PHONY: help demo test unit programs servers absences inventory lint tools benchmark chaos clean-demo setup site
