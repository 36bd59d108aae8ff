# make demo: set everything up and run the main job on real data.   make test: set everything up and run every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
TORCH_CPU := https://download.pytorch.org/whl/cpu
READY := $(VENV)/.ready

export FLWR_TELEMETRY_ENABLED := 0
export FLWR_DISABLE_UPDATE_CHECK := 1
export FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION := 1
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: demo test lint types imports check setup clean

demo: setup
	$(BIN)/penchant-sim run simulations/scenarios/movielens.toml --out runs/demo
	$(BIN)/penchant-audit bundle runs/demo -o runs/demo/audit.bundle
	$(BIN)/penchant-audit verify runs/demo/audit.bundle

test: lint types imports check

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports --no-cache

check: setup
	$(BIN)/pytest $(PYTEST_FLAGS)

setup: $(READY)

# torch first and by itself: only the CPU build satisfies constraints.txt, so no CUDA package can come with it.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Penchant needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -c constraints.txt torch || $(PIP) install --quiet -c constraints.txt --extra-index-url $(TORCH_CPU) torch
	$(PIP) install --quiet -c constraints.txt -e '.[dev]'
	touch $(READY)

clean:
	rm -rf $(VENV) runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
