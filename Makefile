# The one entry to everything: `make` lists the targets. A machine needs python3, make and the
# package registries; node and a browser are used where present and fetched where not.

PYTHON ?= python3
WORKERS ?= 2

BIN := .venv/bin
PACKAGES := archive trading experts deposits evaluation api
TYPED := $(wildcard $(PACKAGES) tests benchmarks tools)

# uv reads neither pip's settings nor the system's certificates by itself; nor does node.
export UV_SYSTEM_CERTS := 1
export NODE_USE_SYSTEM_CA := 1
export UV_LINK_MODE := copy
export UV_NO_CONFIG := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Some machines export this; without compiled files every start costs a second more.
export PYTHONDONTWRITEBYTECODE :=

# Install a lock with uv, or with pip where uv cannot reach the registry.
index = i="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}}"; \
	[ -z "$$i" ] || export UV_DEFAULT_INDEX="$$i";
install = $(index) $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1) \
	|| $(BIN)/python -m pip install --quiet --require-hashes -r $(1)
compile = $(index) $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

FAST := not (db or postgres or server or page or shared or slow or soak)

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup run test fast unit pages screenshots bench soak lint types contracts migrations fmt locks clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/dev.ok .tools/browser.ok ## Make .venv with the locked dependencies, fetch the front-end files and a browser

run: .venv/run.ok .tools/web.ok ## Serve a demonstration with invented data
	$(BIN)/bigloop demo --serve

test: lint types contracts migrations unit pages ## Everything CI runs: style, types, contracts, migrations, all tests

fast: .venv/dev.ok ## Pure tests only: no database, server, browser or reference data
	$(BIN)/pytest -q -n $(WORKERS) -m "$(FAST)"

unit: setup ## All tests but the browser's and the soak tests
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal -m "not (page or soak)"

pages: setup ## The browser tests
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "page and not soak"; s=$$?; [ $$s = 5 ] || exit $$s

screenshots: setup ## Take the pictures of docs/images anew
	BIGLOOP_PICTURES="$(CURDIR)/docs/images" $(BIN)/pytest -q tests/pages/screenshots.py

bench: .venv/dev.ok ## Run every benchmark
	@set -e; for f in benchmarks/*.py; do [ ! -f "$$f" ] || { echo "== $$f"; $(BIN)/python "$$f"; }; done

soak: setup ## The tests that run for minutes; they print what they counted
	$(BIN)/pytest -q -s -m soak; s=$$?; [ $$s = 5 ] || exit $$s

lint: .venv/dev.ok ## Style: ruff's rules and format
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .

types: .venv/dev.ok ## Types: mypy --strict over packages, tests, benchmarks and tools
	$(BIN)/mypy --no-error-summary $(TYPED)

contracts: .venv/dev.ok ## Who may import whom, and that pure modules stay pure
	$(BIN)/python -m tools.contracts

migrations: .venv/dev.ok ## The migrations build the tables the code declares
	@if [ -f api/migrations/check.py ]; then $(BIN)/python -m api.migrations.check; \
	else echo "no api/migrations/check.py yet"; fi

fmt: .venv/dev.ok ## Format, and mend what ruff can mend
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .

locks: .venv/uv.ok .tools/node.ok ## Refresh every lock to the newest versions pyproject.toml and package.json allow
	@$(compile) --group uv -o locks/uv.txt
	@$(compile) --group node -o locks/node.txt
	@$(compile) pyproject.toml --group build -o locks/run.txt
	@$(compile) pyproject.toml --group build --group dev -c locks/run.txt -o locks/dev.txt
	@$(BIN)/python tools/frontend.py lock

clean: ## Remove everything make has made
	rm -rf .venv .tools node_modules api/static/vendor .hypothesis .mypy_cache .pytest_cache \
		.ruff_cache .import_linter_cache
	find $(PACKAGES) tests tools -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# --- Stamps: each file says that the step before it was done with the inputs named ---------

.venv/uv.ok: locks/uv.txt
	@echo "installer: locks/uv.txt"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "needs Python 3.11 or newer: make PYTHON=python3.12 setup"; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes -r locks/uv.txt
	@touch $@

# The project itself stands apart: `-e .` has no hash, and build isolation would fetch unhashed.
.venv/run.ok: .venv/uv.ok locks/run.txt pyproject.toml
	@echo "packages: locks/run.txt"
	@$(call install,locks/run.txt)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline -e . \
		|| $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

.venv/dev.ok: .venv/run.ok locks/dev.txt
	@echo "packages: locks/dev.txt"
	@$(call install,locks/dev.txt)
	@touch $@

.tools/node.ok: .venv/uv.ok locks/node.txt
	@if $(BIN)/python tools/frontend.py needs-node; then \
		echo "no node here: locks/node.txt"; $(call install,locks/node.txt); fi
	@mkdir -p .tools && touch $@

.tools/web.ok: package-lock.json .npmrc tools/frontend.py | .tools/node.ok
	@echo "front end: package-lock.json"
	@$(BIN)/python tools/frontend.py run
	@touch $@

# The same and more; so it stands for web.ok too.
.tools/browser.ok: package-lock.json .npmrc tools/frontend.py | .venv/dev.ok .tools/node.ok
	@echo "front end and browser: package-lock.json"
	@$(BIN)/python tools/frontend.py dev
	@touch .tools/web.ok $@
