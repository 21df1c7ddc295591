# Two commands matter: `make demo` shows it, `make test` proves it. Nothing needs to be installed before them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv; raise SystemExit(sys.version_info[:2] not in ((3, 11), (3, 12)))' >/dev/null 2>&1 && { command -v $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
RUN_LOCK := requirements/runtime.lock
DEV_LOCK := requirements/dev.lock

.PHONY: help demo demo-fix demo-down up down status logs migrate seed test acceptance-full check bench notebook clean lock python
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

python:
	@test -n "$(PYTHON)" || { echo "Premortem needs Python 3.11 or 3.12 with venv (Bytewax has no wheels for others): install python3.12 and python3.12-venv, or run make PYTHON=/path/to/python3.12"; exit 1; }

# The environment: only what the lock names, and only when its hash is right.
$(VENV)/.runtime: $(RUN_LOCK) pyproject.toml | python
	@echo "Creating the environment: about 310 MB are downloaded once, then kept in $(VENV)."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --progress-bar on --disable-pip-version-check --require-hashes --only-binary :all: -r $(RUN_LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.dev: $(DEV_LOCK) $(VENV)/.runtime
	@echo "Adding the tools of the tests."
	@$(BIN)/python -m pip install --quiet --progress-bar on --disable-pip-version-check --require-hashes --only-binary :all: -r $(DEV_LOCK)
	@touch $@

demo: $(VENV)/.runtime ## Run an hour of a sample shop's traffic in half a minute and show the incidents
	@$(BIN)/python -m demo

demo-fix: $(VENV)/.dev ## From an error to a fix that is merged, deployed and measured; INEFFECTIVE=1: one that does not help
	@$(BIN)/python -m demo.fix $(if $(INEFFECTIVE),--ineffective)

demo-down: $(VENV)/.runtime ## Stop the demonstration's stack
	@PREMORTEM_DATA_DIR=.premortem/demo $(BIN)/premortem down

up: $(VENV)/.runtime ## Start everything on this machine; prints the DSN and the URLs
	@$(BIN)/premortem up

down: $(VENV)/.runtime ## Stop it; its state stays
	@$(BIN)/premortem down

status: $(VENV)/.runtime ## Show what runs
	@$(BIN)/premortem status

logs: $(VENV)/.runtime ## Show the newest log lines of every process
	@$(BIN)/premortem logs

migrate: $(VENV)/.runtime ## Bring the databases' schemas up to date
	@$(BIN)/premortem migrate

seed: $(VENV)/.runtime ## Send some sample errors to the running stack
	@$(BIN)/premortem seed

test: $(VENV)/.dev ## Run every test
	@$(BIN)/python -m pytest -q

acceptance-full: $(VENV)/.dev ## Run the acceptance tests over Kafka and SQS (needs Java, Maven and Node); a skip fails
	@report=$$(mktemp) && trap 'rm -f $$report' EXIT && $(BIN)/python -m pytest -q tests/acceptance -k "full or kafka" --junitxml=$$report && $(BIN)/python .ci/verify_report.py --skips $$report

check: $(VENV)/.dev ## Format, lint, types, layers, then every test
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q

bench: $(VENV)/.dev ## Print every figure beside its baseline
	@for file in $(wildcard benchmarks/*.py); do case $$file in */__init__.py|*/load.py|*/events.py|*/ingest_baselines.py|*/servers.py) ;; *) echo "== $$file"; $(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1;; esac; done
	@echo "== benchmarks/agents"; $(BIN)/python -m benchmarks.agents --quiet
	@for name in ingest dataflow_detect; do echo "== benchmarks/$$name.py --kafka"; $(BIN)/python -m benchmarks.$$name --kafka || exit 1; done

notebook: $(VENV)/.dev ## Open the notebook that tunes the detector; SOURCE="--clickhouse stack" shows your own errors
	@MARIMO_SKIP_UPDATE_CHECK=1 $(BIN)/marimo run --host 127.0.0.1 notebooks/tune_detector.py -- $(SOURCE)

clean: ## Remove the environment and the demo's data (never .premortem/data)
	rm -rf $(VENV) .premortem/demo .premortem/demo-fix

lock: $(VENV)/.dev ## Write the locks anew from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q --extra demo --extra build pyproject.toml -o $(RUN_LOCK)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q --extra demo --extra build --extra test pyproject.toml -o $(DEV_LOCK)
