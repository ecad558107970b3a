# What each target does: `make help`. Every target sets up what it needs by itself.

.DEFAULT_GOAL := help
.PHONY: help run test test-faults coverage test-unit soak bench bench-quick bench-lock screenshots check audit secrets format lock

PYTHON := .venv/bin/python
# No make-level parallelism: the programs below use all cores by themselves.
.NOTPARALLEL:

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Start the whole system in the foreground; data stay in .run/
	@exec deploy/local/bootstrap.sh run

# Tests wait more than they compute, so two halves run side by side. The first is whatever is not
# named here, and shares no whole system with the second.
SECOND_HALF := tests/end_to_end tests/faults tests/integration/habits tests/integration/scheduler \
	tests/integration/shared tests/integration/telegram_simulator
TESTS := $(PYTHON) -m pytest -m "not long and (not faults or short)"

test: ## Run all tests but the long ones, against real servers of their own; minutes
	@deploy/local/bootstrap.sh machine
	$(PYTHON) -m deploy.web test
	@output=$$(mktemp); trap 'kill $$second; rm -f "$$output"' INT TERM; \
	$(TESTS) $(SECOND_HALF) >"$$output" 2>&1 & second=$$!; \
	$(TESTS) $(addprefix --ignore=,$(SECOND_HALF)); first=$$?; \
	wait $$second; failed=$$((first | $$?)); cat "$$output"; rm -f "$$output"; exit $$failed

test-faults: ## Run the long ones: all kills, guards, a minute of soak, the whole API by chance
	@deploy/local/bootstrap.sh machine
	$(PYTHON) -m pytest -m "long or (faults and not short)"

coverage: ## Run what `make test` runs and tell which lines and branches it leaves out
	@deploy/local/bootstrap.sh machine
	$(TESTS) --cov --cov-report=term-missing:skip-covered

test-unit: ## Run the tests that need no server
	@deploy/local/bootstrap.sh environment
	$(PYTHON) -m pytest tests/unit

MINUTES ?= 10
SEED ?= 1

soak: ## People and faults at random, and a verdict: make soak MINUTES=10 SEED=1
	@deploy/local/bootstrap.sh machine
	$(PYTHON) -m tests.faults.soak --minutes $(MINUTES) --seed $(SEED)

bench: .venv-bench/complete ## Measure side by side with peers; writes docs/performance.md; a quarter of an hour
	@deploy/local/bootstrap.sh machine
	$(PYTHON) -m tests.benchmarks

bench-quick: .venv-bench/complete ## The same with fewer and shorter rounds; under two minutes
	@deploy/local/bootstrap.sh machine
	$(PYTHON) -m tests.benchmarks --quick

PEER := tests/benchmarks/peer

# What is measured against is no dependency of the project: it has an environment of its own.
.venv-bench/complete: $(PEER)/requirements.lock
	@deploy/local/bootstrap.sh environment
	$(PYTHON) -m venv --clear .venv-bench
	.venv-bench/bin/python -m pip install --quiet --require-hashes -r $(PEER)/requirements.lock
	@touch $@

screenshots: ## Take the README's pictures of a running `make run`
	@deploy/local/bootstrap.sh machine
	$(PYTHON) -m tests.screenshots http://localhost:$${GATEWAY_PORT:-8080}

check: ## Format, lint, types, import contracts, spelling, secrets, the web app; edits nothing
	@deploy/local/bootstrap.sh environment
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy .
	.venv/bin/lint-imports
	.venv/bin/typos
	$(PYTHON) -m deploy.web check
	@# The hook moves line numbers in the baseline (status 3); a check edits nothing, so it gets a copy.
	cp .secrets.baseline .venv/secrets.baseline
	.venv/bin/detect-secrets-hook --baseline .venv/secrets.baseline $$(git ls-files) || [ $$? -eq 3 ]

audit: ## Look the locked dependencies up in a database of known vulnerabilities; needs the internet
	@deploy/local/bootstrap.sh environment
	.venv/bin/pip-audit --requirement requirements.lock --require-hashes --disable-pip \
		--vulnerability-service osv

secrets: ## Accept all strings that now look like secrets as none; look at the difference
	.venv/bin/detect-secrets scan --exclude-files '^(.*requirements\.lock|\.secrets\.baseline)$$' \
		>.secrets.baseline

format: ## Put all Python files into the house's form
	@deploy/local/bootstrap.sh environment
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

lock: ## Pin all dependencies anew, with hashes, for all supported Pythons
	@deploy/local/bootstrap.sh environment
	@# The environment may have been made by pip alone.
	$(PYTHON) -m pip install --quiet uv
	@# It does not read pip's settings, which is right here: a folder of wheels for this machine
	@# alone would leave out the hashes of all others.
	$(PYTHON) -m uv pip compile pyproject.toml --universal --generate-hashes --python-version 3.11 \
		--group dev --no-emit-index-url --no-emit-find-links --upgrade \
		--custom-compile-command "make lock" -q -o requirements.lock

bench-lock: ## Pin anew what `make bench` measures against
	@deploy/local/bootstrap.sh environment
	$(PYTHON) -m pip install --quiet uv
	cd $(PEER) && ../../../$(PYTHON) -m uv pip compile requirements.in --universal \
		--generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --upgrade \
		--custom-compile-command "make bench-lock" -q -o requirements.lock
