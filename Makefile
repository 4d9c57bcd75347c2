# Every target sets up .venv from pyproject.toml and constraints.txt first, and only when one of them has changed.
PYTHON ?= python3.11
PORT := 5000
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.bench-installed
DOCS_STAMP := $(VENV)/.docs-installed

.DEFAULT_GOAL := help
.PHONY: help install sweep test test-all chaos lint bench docs ui clean

help:
	@echo "make sweep     set up, then run the main study: python -m sweep +experiment=mnist"
	@echo "make test      set up, then lint and run the tests"
	@echo "make test-all  the same with the slow tests"
	@echo "make chaos     a sweep whose workers, nodes, coordinator and driver are killed at random (10 to 20 minutes);"
	@echo "               another storm: make chaos CHAOS=\"--kills 50 --seed 7 --minutes 30\""
	@echo "make bench     set up with the other tools, then measure all side by side (hours);"
	@echo "               a part of it: make bench BENCH=\"peers --instances 0-3\""
	@echo "make docs      set up with MkDocs, then build the documentation into site/;"
	@echo "               to read it with its search: python -m http.server --bind 127.0.0.1 --directory site"
	@echo "make ui        open the MLflow UI on the results in mlruns/, or in the store that MLFLOW_TRACKING_URI names;"
	@echo "               on another port than 5000: make ui PORT=5001"
	@echo "make lint      ruff and mypy only"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

sweep: $(STAMP)
	$(BIN)/python -m sweep +experiment=mnist

test: $(STAMP) lint
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(DOCS_STAMP) lint
	$(BIN)/python -m pytest -n 2

chaos: $(STAMP)
	$(BIN)/python tests/chaos/storm.py $(CHAOS)

lint: $(STAMP)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

$(BENCH_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev,bench]"
	@touch $@

bench: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks $(BENCH)

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev,docs]"
	@touch $@

docs: $(DOCS_STAMP)
	$(BIN)/python docs/generate/configuration.py
	$(BIN)/python docs/generate/structure.py
	$(BIN)/python docs/generate/results.py --tables
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

ui: $(STAMP)
	@case "$$MLFLOW_TRACKING_URI" in \
	http*) echo "The results are on the server that MLFLOW_TRACKING_URI names: open its address in a browser." ;; \
	*) $(BIN)/python -m mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/mlruns/mlflow.db}" \
		--host 127.0.0.1 --port $(PORT) --workers 1 ;; \
	esac

clean:
	rm -rf site $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
