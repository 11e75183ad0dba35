# Everything works on a fresh machine with Python 3.11 or newer and nothing else.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: check test test-all faults demo bench golden schema clean

# The sandbox is all that the demo needs; the rest comes with the first check or test.
.venv/demo: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --editable '.[sandbox]'
	@touch $@

.venv/dev: .venv/demo
	@$(INSTALL) --editable '.[sandbox,convert,dev]'
	@touch $@

check: .venv/dev ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: .venv/dev ## the whole suite, offline, one worker a core
	$(BIN)/pytest --numprocesses auto --dist worksteal

test-all: .venv/dev ## the whole suite with every fault point, more processes and random stories; most of an hour
	@seed=$$(date +%s); echo "random stories of seed $$seed"; \
	TEST_ALL=1 $(BIN)/pytest --numprocesses auto --dist worksteal --hypothesis-seed=$$seed

faults: .venv/dev ## every fault at every point of an apply, local and S3; minutes
	TEST_ALL=1 $(BIN)/pytest --numprocesses auto --dist worksteal tests/faults

demo: .venv/demo ## the tour of examples/quickstart, against the sandbox
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/quickstart/tour.sh

bench: .venv/dev ## figures beside a bare boto3 script
	$(BIN)/python benchmarks/run.py

golden: .venv/dev ## the expected answers of the cases and golden files, written anew: read the difference
	$(BIN)/python -m tests.support.renew

schema: .venv/demo ## docs/manifest.schema.json, for editors
	$(BIN)/provisioner schema > docs/manifest.schema.json

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
