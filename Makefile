# A checkout, Python 3.11 or newer and make are enough: uv is used where it is, else put into .uv/ of this checkout.
PYTHON ?= python3
PORT ?= $(or $(BROKERGRAPH_PORT),8000)
ARGS ?=
# The other commit of `make bench-against`.
REF ?= HEAD
# Whatever else pytest should know: make test PYTEST_ARGS="-k deposit -x"
PYTEST_ARGS ?=
# Files of tests that run side by side; each worker has a sandbox of its own.
WORKERS ?= 2
BIN := .venv/bin
INSTALLED := .venv/.installed
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-quick bench-against screenshots torture containers check lint docs-reference monitoring lock clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED)  ## A whole brokerage in a box and the graph over it, at http://127.0.0.1:8000/graphql (PORT=, ARGS="--clients 20000")
	@exec $(BIN)/brokergraph demo --port $(PORT) $(ARGS)

test: $(INSTALLED)  ## Every test
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --durations=10 --durations-min=0.5 $(PYTEST_ARGS)

bench: $(INSTALLED)  ## What it costs beside its peers: bench/RESULTS.md; some half an hour, needs wrk, a C compiler and npm packages
	@scripts/bench.sh

bench-quick: $(INSTALLED)  ## The same in under ten minutes
	@scripts/bench.sh --quick

bench-against: $(INSTALLED)  ## This checkout and another commit by turns (REF=68a133b ARGS="--at-most 3"); needs wrk and a C compiler
	$(BIN)/python bench/run.py --against "$(REF)" $(ARGS)

screenshots: $(INSTALLED)  ## Pictures of the dashboard for docs/images; needs Chromium
	$(BIN)/python scripts/screenshots.py

torture: $(INSTALLED)  ## The long run: a death at every line of a deposit, a load with faults, random operations (TORTURE_SEED=)
	TORTURE=long $(BIN)/pytest tests/torture tests/conformance --timeout 7200 $(PYTEST_ARGS)
	TORTURE=long $(BIN)/pytest tests/unit tests/contract tests/integration -m hypothesis $(PYTEST_ARGS)

containers: $(INSTALLED)  ## The images built and run by Debian's podman, as root; names the programs that are absent
	@docker/containers.sh || [ $$? -eq 3 ]
	CONTAINERS=run $(BIN)/pytest tests/containers --timeout 600 -rs $(PYTEST_ARGS)

check: lint test  ## What CI runs: lint, format, types, import contracts, the schema file, every test

lint: $(INSTALLED)  ## All of `make check` but the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/brokergraph schema --check schema.graphql

docs-reference: $(INSTALLED)  ## Write the pages of docs/ that are made from the code
	$(BIN)/python scripts/docs_reference.py

monitoring: $(INSTALLED)  ## Write the alert rules and the dashboard of docker/monitoring
	$(BIN)/python scripts/monitoring.py

lock:  ## Move every dependency to its newest version
	$(PYTHON) scripts/lock.py "$$(scripts/uv.sh)"

clean:  ## Remove what was installed, cached or made up; the demo's data too
	rm -rf .venv .uv .brokergraph .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml scripts/environment.sh $(wildcard api/pages/source/* api/pages/dashboard/* api/pages/dashboard/*/* scripts/docs_site.py docs/* docs/*/*)
	@scripts/environment.sh
