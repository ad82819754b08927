# Everything runs in .venv, which the first target that needs it makes from the pinned requirements.
PYTHON ?= python3
BIN := .venv/bin
export YOWASP_CACHE_DIR := $(CURDIR)/build/cache
export PYTHONHASHSEED := 0

.PHONY: setup lint test test-long fuzz boards board-table demo results registers bench headline bench-model docs diagrams clean

setup: .venv/installed

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --quiet -r requirements.txt
	$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	touch $@

lint: setup
	$(BIN)/ruff check
	$(BIN)/mypy

# About half an hour on two cores; the limit leaves room for other work. In the foreground Ctrl-C reaches the tests.
test: lint
	timeout --foreground -k 30s 82m $(BIN)/python -m pytest -n 2 --dist worksteal -q

# With the tests in tests/long.txt: a third longer.
test-long: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -q --long

fuzz: setup
	FUZZ=100 $(BIN)/python -m pytest -n 2 -q tests/sim/test_fuzz.py tests/host/test_line_faults.py

# A real build for every board: about half an hour.
boards: setup
	BOARDS=all $(BIN)/python -m pytest -n 2 -q tests/flow/test_build.py -k real_build

# The largest preset of every board, with its search for a clock: hours.
board-table: setup
	$(BIN)/bep boards --build --table constraints/built.json

demo: setup
	$(BIN)/bep demo

results: setup
	$(BIN)/bep reproduce --docs docs $$($(BIN)/bep reproduce --list)

registers: setup
	$(BIN)/python -m bep.reports.register_page

bench: setup
	$(BIN)/bep bench docs/designs/digits.toml --epochs 30 --simulate 200 --docs docs

# Hours: place-and-route of wide designs takes about 20 minutes each.
headline: setup
	$(BIN)/bep bench docs/designs/headline.toml --epochs 5 --simulate 2000 --sweep --docs docs

bench-model: setup
	$(BIN)/python -m bep.experiments.benchmark

docs: setup
	$(BIN)/mkdocs build

diagrams: setup
	$(BIN)/python docs/diagrams/record.py
	$(BIN)/python docs/session/record.py

clean:
	rm -rf build .pytest_cache .ruff_cache .mypy_cache .hypothesis
