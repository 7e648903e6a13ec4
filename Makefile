# Everything here sets itself up: a fresh checkout needs Python 3.11 or newer, make and a network, nothing else.
PYTHON ?= python3
BIN := .venv/bin
SETTLED := .venv/.app-ready
SETTLED_DEV := .venv/.dev-ready
PORT ?= 8501

.PHONY: app lab test lint format bench setup setup-dev chromium postgres clean help

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

app: $(SETTLED) ## Set up if needed and open the workbench at http://localhost:8501
	@$(BIN)/workbench app --port $(PORT)

lab: $(SETTLED) ## Open the notebooks in JupyterLab, at http://localhost:8888 unless PORT says otherwise
	@$(BIN)/workbench lab $(if $(filter command environment,$(origin PORT)),--port $(PORT))

setup: $(SETTLED) ## Set up only; afterwards .venv/bin/workbench works

setup-dev: $(SETTLED_DEV)

test: $(SETTLED_DEV) chromium postgres ## Set up, then run every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(TESTS)

lint: $(SETTLED_DEV) ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(SETTLED_DEV) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(SETTLED_DEV) chromium ## Measure us and the peer in one run and print ratios
	$(BIN)/python -m benchmarks

clean: ## Remove the environment and caches; tables, runs and models stay
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache test-artifacts
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

chromium:
	@sh tests/install_chromium.sh

postgres:
	@sh tests/install_postgres.sh

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(None if sys.version_info >= (3, 11) else f"Got Python {v}, needed 3.11 or newer. Install one and run: make PYTHON=/path/to/python3.11 setup")'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv module doesn't work here. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }

$(SETTLED): pyproject.toml constraints.txt | $(BIN)/python
	@sh tools/install.sh .
	@touch $@

$(SETTLED_DEV): pyproject.toml constraints.txt | $(BIN)/python
	@sh tools/install.sh '.[dev]'
	@touch $@ $(SETTLED)
