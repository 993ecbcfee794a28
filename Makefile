# The habits of the house. Every target makes what it needs: in a fresh clone, `make demo` is all there is to type.
#
#   make demo ARGS="--seconds 30 --json"    ARGS go to the command behind a target
#   make setup PYTHON=/path/to/python3.12   to choose the interpreter of .venv

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/installed.stamp
COMPILED := $(VENV)/compiled.stamp
KERNELS := contracts/readings.py contracts/findings.py contracts/limits.py $(wildcard detectors/*.py dataflows/scan/*.py)

# A name on PATH proves nothing: a version manager's shim may stand for a Python that isn't there, and Debian's Python
# may come without ensurepip. So each candidate is asked.
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.12 python3.11 python3)
FITS := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))

.PHONY: help setup demo test fuzz fuzz-poison crash crash-short fmt lint types kafka bench-throughput bench-size bench-scale bench-accuracy bench-detectors bench-gateways bench-overload soak bench-console screenshots soak-direct bench-peers bench-latency sbom audit clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) $(COMPILED) ## install everything into .venv and compile the numeric kernels, once
	@echo "ready: try \`make demo\`" >&2

demo: $(COMPILED) ## watch a simulated plant, no broker needed (ARGS="--seconds 30 --json")
	@$(PY) -m andon demo $(ARGS)

test: lint types $(COMPILED) ## all that must hold: lint, types and every test (ARGS="-k limit")
ifdef ARGS
	@$(PY) -m pytest $(ARGS)
else # brokers and real clocks on a busy machine: what fails is tried once more, alone, and the log shows both
	@$(PY) -m pytest -n 3 --dist loadfile || { [ $$? = 1 ] && \
	echo "=== what failed, once more and alone" && $(PY) -m pytest --last-failed; }
endif

fuzz: $(COMPILED) ## millions of odd messages, read as the reference reads them (ARGS="--seed 7"; some ten minutes)
	@$(PY) -m tests.fuzz_decoder $(ARGS)

fuzz-poison: $(COMPILED) ## atheris looks for bytes that break a law, ten minutes (ARGS="--minutes 60 --target commands")
	@$(PY) -m pip install --quiet --no-input --disable-pip-version-check -c constraints.txt -e '.[fuzz]' </dev/null
	@$(PY) -m tests.fuzz_poison $(ARGS)

crash: $(COMPILED) ## 200 faults against a running service: nothing lost, nothing doubled (ARGS="--faults 20"; an hour)
	@$(PY) -m tests.crash $(ARGS)

crash-short: $(COMPILED) ## the twenty faults of them that are part of `make test`
	@$(PY) -m tests.crash --short $(ARGS)

soak-direct: $(COMPILED) ## the direct lane on ten million nasty messages, and what memory it takes (ARGS="--messages 100000")
	@$(PY) -m tests.soak_direct $(ARGS)

fmt: $(INSTALLED) ## let ruff format the code and mend what it can
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

lint: $(INSTALLED) ## ruff, codespell and the rules of who may import whom
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/codespell
	@$(VENV)/bin/lint-imports --no-logo

types: $(INSTALLED) ## mypy --strict
	@$(PY) -m mypy --strict

kafka: $(COMPILED) ## a local Apache Kafka on 127.0.0.1:9092 until Ctrl-C (needs Java 17 and Maven)
	@$(PY) -m deploy.kafka.local $(ARGS)

bench-throughput: $(COMPILED) ## andon against merely reading the topic, on a real Kafka (about four minutes)
	@$(PY) -m benchmarks.throughput $(ARGS)

bench-scale: $(COMPILED) ## what many series and several processes cost, on a real Kafka (half an hour; ARGS="--series 1000 --readings 0")
	@$(PY) -m benchmarks.scale $(ARGS)

bench-overload: $(COMPILED) ## more than it can take, in six ways: memory, lag, answers (ten minutes; ARGS="--only burst")
	@$(PY) -m benchmarks.stress.overload $(ARGS)

soak: $(COMPILED) ## an hour at half of what it can take: does anything grow? (ARGS="--minutes 10 --out soak")
	@$(PY) -m benchmarks.stress.soak $(ARGS)

bench-size: $(COMPILED) ## what a sensor costs in memory, on disk and on the network (about a minute)
	@$(PY) -m benchmarks.size $(ARGS)

bench-peers: $(COMPILED) ## andon beside plain Python, Flink, Bytewax and Quix Streams (ten minutes; fetches Flink and Quix once)
	@$(PY) -m benchmarks.peers $(ARGS)

bench-latency: $(COMPILED) ## from a reading to its alert, at four steady paces (six minutes; ARGS="--plant 900x900")
	@$(PY) -m benchmarks.latency $(ARGS)

bench-gateways: $(INSTALLED) ## gateways against the bare protocol libraries, on loopback (a minute)
	@$(PY) -m benchmarks.gateways $(ARGS)

bench-accuracy: $(COMPILED) ## what is found, what is false, on public recordings (ten minutes; CORPUS=nab|skab|tep|noise)
	@$(PY) -m benchmarks.accuracy $(if $(CORPUS),--corpus $(CORPUS)) $(ARGS)

bench-detectors: $(COMPILED) ## what the learned detectors cost by themselves, a window and a row of an asset (a minute)
	@$(PY) -m benchmarks.detectors $(ARGS)

bench-console: $(COMPILED) ## the operators' page with 1,000 alarms, 500 changes a second, 100 screens (ten minutes)
	@$(PY) -m benchmarks.console $(ARGS)

screenshots: $(COMPILED) ## pictures of the operators' page for the documentation
	@$(PY) -m tests.console.screenshots $(ARGS)

# Tools of a release, in an environment of their own; what is described is a fresh installation without any of them.
RELEASE := build/release
sbom: $(INSTALLED) ## dist/andon.cdx.json: all that an installation is made of (CycloneDX)
	@$(PY) -m venv --clear $(RELEASE)/tools && $(PY) -m venv --clear $(RELEASE)/product && mkdir -p dist
	@$(RELEASE)/tools/bin/python -m pip install --quiet --no-input --disable-pip-version-check -c constraints.txt cyclonedx-bom
	@$(RELEASE)/product/bin/python -m pip install --quiet --no-input --disable-pip-version-check -c constraints.txt .
	@$(RELEASE)/product/bin/python -m pip uninstall --quiet --yes pip setuptools
	@$(RELEASE)/tools/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
	    --of JSON --sv 1.6 -o dist/andon.cdx.json $(RELEASE)/product/bin/python
	@echo "dist/andon.cdx.json" >&2

audit: $(INSTALLED) ## known vulnerabilities of what constraints.txt names (asks a service on the internet; ARGS="-s osv")
	@$(PY) -m venv --clear $(RELEASE)/tools
	@$(RELEASE)/tools/bin/python -m pip install --quiet --no-input --disable-pip-version-check -c constraints.txt pip-audit
	@$(RELEASE)/tools/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r constraints.txt $(ARGS)

clean: ## remove .venv, the local Kafka's data and all caches
	@rm -rf $(VENV) .kafka .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up speaks on stderr: the output of `make demo ARGS=--json` belongs to the program that reads it.
$(INSTALLED): pyproject.toml constraints.txt
	@{ set -e; \
	if ! $(PY) -c '' 2>/dev/null; then \
	    for candidate in $(CANDIDATES); do \
	        if "$$candidate" -c '$(FITS)' >/dev/null 2>&1 </dev/null; then found=$$candidate; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "andon needs Python 3.12 or 3.11 with venv (tried: $(CANDIDATES)). On Debian: apt-get install python3-venv; elsewhere: make setup PYTHON=/path/to/python3.12"; \
	        exit 1; \
	    fi; \
	    echo "setting up: $$("$$found" --version) in $(VENV)"; \
	    rm -rf $(VENV); \
	    "$$found" -m venv $(VENV); \
	fi; \
	echo "installing what constraints.txt names (about a minute, once)"; \
	$(PY) -m pip install --quiet --no-input --disable-pip-version-check -c constraints.txt -e '.[dev,parquet,traces,opcua,mqtt,modbus,s7,ethernetip,dnp3]' </dev/null; \
	touch $@; } >&2

$(COMPILED): $(INSTALLED) $(KERNELS)
	@{ set -e; $(PY) -m andon.warm; touch $@; } >&2
