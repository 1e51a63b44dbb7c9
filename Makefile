# Everything a contributor runs. `make demo` and `make test` set up what they need.
PYTHON ?= python3
BIN := .venv/bin
# Some containers have it set: each process that runs tests would compile all of them anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup demo test test-all test-unit lint bench soak docs lock clean

setup: $(BIN)/whalebuild

$(BIN)/whalebuild: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src  # as an installed package is, where no bytecode is written
	@touch $@

demo: setup
	sandbox/demo

# Side by side: much of an engine test is waiting. A file's tests stay together, for they share
# engines. Their order is that of tests/conftest.py.
WORKERS ?= 3
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# What the sandbox downloads and makes once comes while the rest is set up and collected; where it
# cannot be had, the tests say so.
PREPARE = $(PYTHON) sandbox/up --prepare >/dev/null 2>&1 &

test:
	@$(PREPARE)
	@$(MAKE) --no-print-directory setup
	$(PYTEST) -m "not extended and not soak"

test-all:
	@$(PREPARE)
	@$(MAKE) --no-print-directory setup
	$(PYTEST) -m "not soak" --hypothesis-profile=extended

test-unit: setup
	$(PYTEST) -m "not engine and not extended and not soak"

# Long seeded campaigns; each prints its seed and can be repeated from it.
soak: setup
	$(BIN)/pytest -m soak -s

bench: setup
	bench/run

# docs/reference/ and docs/man/, from what --help shows; a test says when they are stale.
docs: setup
	$(BIN)/python -m tests.cli.reference

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Without hosts or local paths in the locks: hashes alone say what is installed.
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-annotate --upgrade \
  --custom-compile-command "make lock" pyproject.toml

lock:
	$(COMPILE) --group dev -o requirements-dev.lock
	$(COMPILE) -o requirements.lock

clean:
	sandbox/down --all
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
