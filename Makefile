# Every command a developer needs. `make demo` and `make test` start from a bare clone.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
READY := $(VENV)/.demo-ready
DEV_READY := $(VENV)/.dev-ready
SETUP := pyproject.toml constraints.txt
PYTEST_ARGS ?= -n 2 --dist loadgroup --max-worker-restart 0

export WHYLOGS_NO_ANALYTICS = 1

.DEFAULT_GOAL := help
.PHONY: help demo data test check lint types layers tests soak bench constraints cases-update \
        docs system clean

help: ## Show the commands.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(READY): $(SETUP) | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[local]'
	@touch $@

$(DEV_READY): $(SETUP) | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(READY)

demo: $(READY) ## From a bare clone: install, the quickstart with its report, a model that answers.
	@test -f examples/quickstart/data/tumours.csv || $(BIN)/python examples/quickstart/data.py
	$(BIN)/stackc apply examples/quickstart/stack.yaml
	$(BIN)/stackc show examples/quickstart/stack.yaml --output examples/quickstart/report.html
	$(BIN)/stackc apply examples/wine/stack.yaml
	@echo
	@echo "Ask the model at the endpoint above, for example with"
	@echo "  curl localhost:8700/cultivar_api -d '{\"alcohol\": 13.2, \"hue\": 1.0, \"proline\": 1100}'"
	@echo "and end its server with: $(BIN)/stackc destroy examples/wine/stack.yaml"

data: $(DEV_READY) ## Write the data of the flights example.
	@test -f examples/flights/data/weather.db || $(BIN)/python examples/flights/data.py

test: system $(DEV_READY) ## Everything continuous integration runs.
	$(MAKE) --no-print-directory check
	$(MAKE) --no-print-directory tests

check: lint types layers ## Format, lint, types, layers.

lint: $(DEV_READY) ## Format and lint.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(DEV_READY) ## Types.
	$(BIN)/mypy

layers: $(DEV_READY) ## Imports go down only.
	$(BIN)/lint-imports

tests: $(DEV_READY) ## The tests alone.
	$(BIN)/pytest $(PYTEST_ARGS) --randomly-seed=1 -m 'not soak'

soak: $(DEV_READY) ## The long tests, and the properties on examples that are new each time.
	$(BIN)/pytest $(PYTEST_ARGS) -m soak
	for round in 1 2 3 4 5 6 7 8 9 10; do \
	  HYPOTHESIS_PROFILE=searching $(BIN)/pytest $(PYTEST_ARGS) -q -m property || exit 1; \
	done

bench: $(DEV_READY) ## Benchmarks: a table, and benchmarks/out/results.json.
	$(BIN)/python -m benchmarks.run $(BENCH_ARGS)

cases-update: $(DEV_READY) ## Rewrite the expected blocks of tests/cases; read the diff.
	CASES_UPDATE=1 $(BIN)/pytest -q tests/test_cases.py

docs: $(DEV_READY) ## Regenerate what is made from code: the JSON Schema and the language reference.
	$(BIN)/python -m docs.generate

constraints: ## Resolve pyproject.toml anew into constraints.txt (needs the network).
	rm -rf $(VENV)-constraints
	$(PYTHON) -m venv $(VENV)-constraints
	$(VENV)-constraints/bin/python -m pip install --quiet uv
	{ echo '# Made by `make constraints`; every version the project is tested with.'; \
	  $(VENV)-constraints/bin/uv pip compile pyproject.toml --extra dev --quiet --no-header \
	    --no-annotate $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS)) \
	    | sed "s/+cpu//"; } > constraints.txt
	rm -rf $(VENV)-constraints

system: ## Install the programs that tests need: a browser, PostgreSQL and HAProxy.
	@missing=; \
	command -v chromium >/dev/null && command -v chromedriver >/dev/null \
	  || missing="chromium chromium-driver"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
	  || missing="$$missing postgresql"; \
	command -v haproxy >/dev/null || missing="$$missing haproxy"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy $$missing; \
	else \
	  echo "the tests need: $$missing (apt-get install $$missing)" >&2; exit 1; \
	fi

clean: ## Remove what can be made again.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
	  benchmarks/out examples/*/.stackc
