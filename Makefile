# Everything there is to do here; each target installs what it needs into .venv first. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CONFIG ?= config

.DEFAULT_GOAL := help
.PHONY: help demo run test check mutate fuzz bench wheel lock rig-tools quietly rig-asterisk clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(STAMP)  ## run six calls through the switch on loopback, before your eyes
	@$(BIN)/payphone demo

run: $(STAMP)  ## run the switch with config/ (CONFIG=dir for another)
	@$(BIN)/payphone run --config $(CONFIG)

# Three processes share the tests, file by file: rigs and tests of whole processes, which are begun with, spend their time waiting. `check`
# runs beside them; what it says is shown where it finds something.
TESTS := $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder
CHECKED := $(VENV)/check.log
SELF := $(MAKE) --no-print-directory

test: rig-tools  ## everything `check` runs, and every test, rigs included
	@$(SELF) check >$(CHECKED) 2>&1 & checks=$$!; \
	$(TESTS); tests=$$?; \
	wait $$checks || { cat $(CHECKED); exit 1; }; \
	exit $$tests

check: $(STAMP)  ## ruff, mypy --strict, import-linter, codespell, the sample config and its call tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell
	$(BIN)/payphone check --config config
	$(BIN)/payphone test --config config
	$(BIN)/payphone fmt --check --config config

mutate: rig-tools  ## change each named limit in turn, and say which of them no test misses (LIMITS=switch/sip; an hour for all)
	$(BIN)/python tools/mutate_limits.py $(LIMITS)

FUZZ_SECONDS ?= 300
FUZZ_SEED ?= 1

fuzz: $(STAMP)  ## throw a million mutated SIP messages at a simulated switch (FUZZ_SECONDS=300 at most, FUZZ_SEED=1 to begin with)
	@$(BIN)/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED)

bench: rig-tools  ## measure; one JSON line each
	$(BIN)/python bench/run.py

# What rigs and tests need beside .venv: SIPp (Debian's sip-tester), baresip, Kamailio, espeak-ng, Chromium, and the programs of PostgreSQL. Root
# installs them; anybody else is told the one command. Rigs and tests start their own: Debian's packages would start a Kamailio on port 5060 and a PostgreSQL
# on 5432 as well, and are asked not to (101 of policy-rc.d: forbidden).
PG_CREATE := /etc/postgresql-common/createcluster.d/payphone.conf
POLICY := /usr/sbin/policy-rc.d
PATH_OF_ALL := $(PATH):/usr/sbin
PEERS := sipp:sip-tester baresip:baresip-core kamailio:kamailio espeak-ng:espeak-ng chromium:chromium

rig-tools: $(STAMP)  ## install what rigs and tests need (SIPp, baresip, Kamailio, espeak-ng, Chromium, PostgreSQL), or say the one command that does
	@lacking=$$(for peer in $(PEERS); do PATH="$(PATH_OF_ALL)" command -v $${peer%:*} >/dev/null || printf '%s ' $${peer#*:}; done); \
	[ -z "$$lacking" ] || { [ "$$(id -u)" = 0 ] && apt-get update -qq && $(SELF) quietly INSTALL="$$lacking"; } || \
	  { echo "Rigs need programs that are missing. Run: sudo apt-get update && sudo apt-get install -y $$lacking" \
	    "(Debian's kamailio starts a service, which rigs do not need: sudo systemctl disable --now kamailio)" >&2; exit 1; }
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq postgresql-common && mkdir -p $(dir $(PG_CREATE)) && \
	    echo 'create_main_cluster = false' >$(PG_CREATE) && apt-get install -y -qq postgresql && rm $(PG_CREATE); } || \
	  { rm -f $(PG_CREATE); echo "PostgreSQL is missing, and tests need its programs (they start a server of their own)." \
	    "Run: sudo apt-get update && sudo apt-get install -y postgresql" >&2; exit 1; }

ASTERISK ?= .cache/asterisk

rig-asterisk:  ## unpack Debian's Asterisk, for the rigs with it (ASTERISK=.cache/asterisk); no root needed
	@sip-test-rigs/support/unpack_asterisk.sh $(ASTERISK)

# A policy-rc.d that is there already is somebody's, and stays as it is.
quietly:
	@[ -e $(POLICY) ] || { printf '#!/bin/sh\nexit 101\n' >$(POLICY); chmod +x $(POLICY); made=1; }; \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(INSTALL); done=$$?; \
	[ -z "$$made" ] || rm $(POLICY); exit $$done

wheel: $(STAMP)  ## build dist/payphone-*.whl, which needs nothing of this folder
	@$(BIN)/pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w dist .
	@ls dist/*.whl

# What is installed is pinned with hashes: requirements.lock for a switch and its reports, requirements-dev.lock for all there is.
# `make lock` adds what pyproject.toml newly asks for; `make lock UPGRADE=--upgrade` takes the newest versions of everything.
COMPILE = $(BIN)/uv pip compile pyproject.toml -q $(UPGRADE) --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --custom-compile-command 'make lock' --group build

lock:  ## write requirements.lock and requirements-dev.lock anew, after a change of pyproject.toml
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check uv
	$(COMPILE) --extra report -o requirements.lock
	$(COMPILE) --all-extras -c requirements.lock -o requirements-dev.lock

$(STAMP): pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=...)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq python3-venv; } || \
	  { echo "Python's venv is missing. Run: sudo apt-get update && sudo apt-get install -y python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): a minute or two, once."
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/pip check >$(VENV)/check.txt || { cat $(VENV)/check.txt; echo "The lock files lag behind pyproject.toml: run make lock" >&2; exit 1; }
	@touch $@

clean:  ## remove .venv and what tools left behind
	rm -rf $(VENV) .cache dist .mypy_cache .ruff_cache .pytest_cache .hypothesis var
