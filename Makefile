# make help lists the targets. Everything runs in .venv, with the versions of requirements.lock.
PYTHON ?= python3
CORES ?= $(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || echo 2)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
VLLM := .venv-vllm
DEMO := $(BIN)/snakemake --cores $(CORES) --rerun-incomplete --configfile config/demo.yaml

# Progress of a pip or Snakemake run reaches the terminal at once.
export PYTHONUNBUFFERED := 1

.PHONY: help setup demo report test test-vllm lint format schemas lock clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## Make .venv with the pinned packages

$(READY): requirements.lock requirements-api.lock
	@$(PYTHON) -c 'import sys; sys.exit("error: Python 3.11 or newer is needed; try make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --progress-bar off --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --progress-bar off --require-hashes \
		--requirement requirements-api.lock
	@touch $@

demo: $(READY)  ## Run the embedded study, with its report
	$(DEMO)
	@$(MAKE) --no-print-directory results/demo/report.html
	@echo "Results: results/demo/tables/summary.md, results/demo/figures/, results/demo/report.html"

results/demo/report.html: results/demo/tables/accuracy.csv results/demo/splits/verification.json
	$(DEMO) --report $@

test: $(READY)  ## Run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(CORES) --dist loadgroup \
		--cov --cov-report=term

test-vllm: $(READY) $(VLLM)/.ready  ## Run the tests of the engine vLLM on the CPU
	ZEROSIGN_VLLM_PYTHON=$(VLLM)/bin/python OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest tests/vllm

# Made anew: an environment that was half made, or of another lock, would do neither.
$(VLLM)/.ready: requirements-vllm.lock envs/vllm_cpu.py
	rm -rf $(VLLM) && $(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python envs/vllm_cpu.py
	@touch $@

lint: $(READY)  ## Check style, types, format and workflow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check --compact-diff Snakefile workflow
	$(BIN)/snakemake --lint --configfile config/demo.yaml
	$(BIN)/snakemake --lint

format: $(READY)  ## Format all code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

schemas: $(READY)  ## Make the JSON Schemas for editors from the types
	PYTHONPATH=workflow/scripts $(BIN)/python -m zerosign.study.schemas workflow/schemas

lock:  ## Pin requirements*.in again, in requirements*.lock and envs/
	rm -rf build/lock build/uv && $(PYTHON) -m venv build/lock && $(PYTHON) -m venv build/uv
	build/lock/bin/python -m pip install --quiet --requirement requirements.in
	build/lock/bin/python -m pip freeze | sed -E 's/\+cpu$$//' > requirements.lock
	build/uv/bin/python -m pip install --quiet uv
	build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command "make lock" --constraints requirements.lock \
		--output-file requirements-api.lock requirements-api.in
	sh envs/from-lock.sh zerosign requirements.lock > envs/zerosign.yaml
	sh envs/from-lock.sh api requirements-api.lock > envs/api.yaml
	build/lock/bin/python -m pip install --quiet --dry-run --ignore-installed \
		--report build/lock/vllm.json --requirement requirements-vllm.in
	build/lock/bin/python envs/pins.py < build/lock/vllm.json > requirements-vllm.lock
	sh envs/from-lock.sh vllm requirements-vllm.lock > envs/vllm.yaml
	rm -rf build/lock build/uv

clean:  ## Remove the demo's results, not the environment
	rm -rf results/demo logs/demo
