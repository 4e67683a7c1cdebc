# make run    sets everything up and trains (EXPERIMENT=experiments/other.yaml picks another, ARGS=--smoke adds options)
# make test   sets everything up and runs the tests, in two processes (WORKERS=0 runs them in one)
# make check  formatting, lint, types, import contracts, spelling: what CI runs before the tests
# make setup  makes .venv; PYTHON=... picks the interpreter, TORCH_BACKEND=cpu skips the CUDA packages
# make lock   pins the newest versions of everything in requirements.lock

MAKEFLAGS += --no-print-directory
EXPERIMENT ?= experiments/gail_hopper.yaml
ARGS ?=
WORKERS ?= 2
BIN := .venv/bin
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: run test slow check format setup lock clean

run: setup
	@$(BIN)/python -m rlsuite.run $(EXPERIMENT) $(ARGS)

test: setup
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

slow: setup
	@$(BIN)/python -m pytest -m slow $(ARGS)

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/codespell

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

setup:
	@PYTHON="$(PYTHON)" TORCH_BACKEND="$(TORCH_BACKEND)" sh scripts/setup.sh

lock:
	@sh scripts/setup.sh lock

clean:
	@rm -rf .venv .uv .pytest_cache .ruff_cache .hypothesis .import_linter_cache
