# Everything a newcomer types. Each command makes .venv from the lock file first, once.
#
#   make run          the whole product on this machine, playing its journey; ONCE=1 ends after it with status 0 or 1
#   make test         every test but the long ones
#   make check        lint, types, the repository's own rules, make test
#   make test-long    the long tier; its result is docs/long-latest.md
#   make chaos        faults under load, three seeds, about half an hour; its result is docs/chaos-latest.md
#   make bench        figures beside bare ceilings, some minutes; its results go to bench/results
#   make new-adapter NAME=examplebank
#   make docs         write the pages that are made from code
#   make lock         pin the dependencies anew
#   make clean        remove what the commands made: .venv and var
#
# With DATABASE_URL and REDIS_URL set, the same commands use those servers instead of embedded ones. Tests empty them.

PYTHON_RUN := .venv/bin/python
EMBEDDED := $(if $(and $(DATABASE_URL),$(REDIS_URL)),,--embedded)
# Tests in parallel, each process with servers of its own; servers that were given are shared, so there it is one.
PARALLEL := $(if $(EMBEDDED),-n logical --maxprocesses 4 --dist worksteal,)
UV := $(or $(wildcard .venv/bin/uv),uv)
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" pyproject.toml

.DEFAULT_GOAL := check
.NOTPARALLEL:
.PHONY: run test test-long chaos bench check lint types docs new-adapter named lock clean environment

environment:
	@config/bootstrap.sh

run: environment
	@$(PYTHON_RUN) -m threadneedle up $(EMBEDDED) --demo $(if $(ONCE),--once)

test: environment
	@$(PYTHON_RUN) -m pytest -m "not long" $(PARALLEL)

test-long: environment
	@$(PYTHON_RUN) -m pytest -m long -p tests.support.long_page --page docs/long-latest.md

chaos: environment
	@$(PYTHON_RUN) -m bench.chaos --seeds 3 --seconds 480 --out docs/chaos-latest.md

bench: environment
	@$(PYTHON_RUN) -m bench.speed

check: lint types test

lint: environment
	@$(PYTHON_RUN) -m ruff check --quiet .
	@$(PYTHON_RUN) -m ruff format --quiet --check .

types: environment
	@$(PYTHON_RUN) -m mypy

new-adapter: named environment
	@$(PYTHON_RUN) -m adapters.scaffold "$$NAME"

# Said before anything is built; the rest of the rule is adapters/scaffold.py's.
named:
	@printf '%s\n' "$$NAME" | LC_ALL=C grep -Eqx '[a-z][a-z0-9_]{1,39}' || { echo "threadneedle: say the protocol's name," \
		"2 to 40 of a-z, 0-9 and _ that begin with a letter: make new-adapter NAME=examplebank" >&2; exit 2; }

docs: environment
	@$(PYTHON_RUN) -m threadneedle.states
	@$(PYTHON_RUN) -m adapters.catalogue

lock:
	@command -v $(UV) >/dev/null || { echo "threadneedle: make lock needs uv. To mend it: pip install uv" >&2; exit 1; }
	@$(COMPILE) $(UPGRADE) --output-file requirements/production.txt
	@$(COMPILE) $(UPGRADE) --extra embedded --group dev --constraint requirements/production.txt \
		--output-file requirements/development.txt

clean:
	rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache .hypothesis
