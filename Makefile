# Targets that need packages first set up a virtual environment, .venv, with the pinned versions:
# requirements.lock to run the pipeline, requirements-dev.lock to work on it as well.

PYTHON ?= python3
READY := .venv/ready
READY_DEV := .venv/ready-dev
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Where this is set, as in some containers, each process compiles all that it imports: twice as slow.
unexport PYTHONDONTWRITEBYTECODE
# uv trusts the certificates that this machine trusts, such as a company's, as pip does.
export UV_SYSTEM_CERTS ?= 1

.PHONY: help repro review test browser lint bench fuzz pythons lock

help:
	@echo "make repro    run the pipeline: images in; models, metrics, pictures and report.html out"
	@echo "make review   check doubtful labels by eye, on a page in the browser"
	@echo "make test     run linters and tests: a few minutes"
	@echo "make lint     run linters only"
	@echo "make bench    run six benchmarks, on speed, accuracy, labels and attack: about an hour"
	@echo "make fuzz     test all file readers on hostile input: half an hour"
	@echo "make pythons  run the quick tests on every installed Python from 3.10 on"
	@echo "make lock     pin the newest packages that pyproject.toml allows"

# --pull: if there is a DVC remote that answers, fetch results from it instead of training again.
repro: $(READY)
	@noisylab repair
	dvc repro $$(test -z "$$(dvc config core.remote 2>/dev/null)" || python -m noisylab.remote)
	@echo
	@echo "Results on dev, one line per run (dvc metrics show). From train_fixed on, labels are corrected:"
	@dvc metrics show
	@echo
	@echo "Results on all splits: metrics/. Pictures: plots/; 'dvc plots show' puts those of dvc.yaml on one page."
	@echo "The whole run on one page: open report.html in a browser."

review: $(READY)
	@noisylab review

# Three processes, since each often waits for a program that it started. No reordering:
# tests/conftest.py puts the longest tests first. A worker that dies ends the tests with the name of
# its test; pytest-xdist may wait for ever for one that takes its place.
test: lint browser
	pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0

# Chromium for the browser tests, which are skipped without it.
browser:
	@for name in chromium chromium-browser google-chrome; do \
		if command -v $$name >/dev/null; then exit 0; fi; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Debian's chromium for the browser tests"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes \
			--no-install-recommends -o Dpkg::Use-Pty=0 chromium >/dev/null && exit 0; fi; \
	echo "No Chromium found, and it could not be installed: the browser tests are skipped"

lint: $(READY_DEV)
	ruff check
	ruff format --check
	mypy

bench: $(READY_DEV)
	python tests/benchmarks/speed.py
	python tests/benchmarks/scaling.py
	python tests/benchmarks/recipe.py
	python tests/benchmarks/labels.py
	python tests/benchmarks/sweep.py
	python tests/benchmarks/attack.py

fuzz: $(READY_DEV)
	pip install --quiet atheris
	python tests/benchmarks/fuzz.py

pythons:
	$(PYTHON) tests/pythons.py

# requirements.lock holds a part of the other lock's packages, in the same versions.
LOCK = uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--no-annotate --no-header --upgrade pyproject.toml
lock: $(READY_DEV)
	$(LOCK) --extra dev --extra cluster --output-file requirements-dev.lock
	$(LOCK) --constraint requirements-dev.lock --output-file requirements.lock

# uv takes a fraction of pip's time. It is the one on PATH, else the pinned one. pip is the fallback:
# it may know an index that uv does not. Bytecode is compiled where Python itself is told not to.
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check
UV := uv pip install --quiet --python .venv $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode)
install = @$(UV) $(1) || $(PIP) $(1)

$(READY): requirements.lock pyproject.toml
	@test -e .git || { echo "DVC needs a git repository: clone noisylab, or run git init here"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and \
		"noisylab needs Python 3.10 or newer, got " + sys.version.split()[0] + \
		"; choose another with make PYTHON=...")'
	@echo "Setting up .venv with the pinned packages, once: about 6 GB"
	@$(PYTHON) -m venv .venv
	@uv --version >/dev/null 2>&1 || sed -n '/^uv==/,/[^\]$$/p' requirements-dev.lock \
		| $(PIP) --require-hashes --requirement /dev/stdin || true
	$(call install,--require-hashes --requirement requirements.lock)
	$(call install,--no-deps --no-build-isolation --editable .)
	@touch $@

$(READY_DEV): requirements-dev.lock $(READY)
	@echo "Adding the packages for development to .venv, once"
	$(call install,--require-hashes --requirement requirements-dev.lock)
	@touch $@
