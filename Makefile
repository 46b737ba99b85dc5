# Each target sets up what it needs, once: a virtual environment in .venv with the pinned packages.

PYTHON ?= python3
READY := .venv/ready
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help repro review test browser lint bench fuzz pythons lock

help:
	@echo "make repro   run the pipeline: photographs to trained models, metrics and pictures"
	@echo "make review  decide about doubtful labels by eye, on a page in the browser"
	@echo "make test    run the checks and the tests: some minutes"
	@echo "make lint    run the checks alone"
	@echo "make bench   measure speed, memory and accuracy over seeds: an hour or so"
	@echo "make fuzz    try all readers of files on hostile input for half an hour"
	@echo "make pythons try every Python from 3.10 on that is on this machine"
	@echo "make lock    pin the newest packages that pyproject.toml allows"

# Where a DVC remote is set, what it holds is fetched rather than trained again.
repro: $(READY)
	@python -m noisylab.repair
	dvc repro $$(test -z "$$(dvc config core.remote 2>/dev/null)" || echo --pull)
	@echo
	@echo "Dev set, by run (dvc metrics show):"
	@dvc metrics show
	@echo
	@echo "Figures of every split are in metrics/, pictures in plots/; 'dvc plots show' makes a page."
	@echo "The story of the run, for any browser: report.html"

review: $(READY)
	@python -m noisylab.review data

# The tests of the pipeline come first, as they take longest.
test: lint browser
	pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# For the tests of pages. Where it cannot be installed so, those tests are skipped.
browser:
	@for name in chromium chromium-browser google-chrome; do \
		if command -v $$name >/dev/null; then exit 0; fi; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Debian's chromium for the browser tests"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes \
			--no-install-recommends -o Dpkg::Use-Pty=0 chromium >/dev/null && exit 0; fi; \
	echo "No Chromium, and apt-get as root did not bring it: the browser tests are skipped"

lint: $(READY)
	ruff check
	ruff format --check
	mypy

bench: $(READY)
	python tests/benchmarks/speed.py
	python tests/benchmarks/scaling.py
	python tests/benchmarks/recipe.py
	python tests/benchmarks/labels.py
	python tests/benchmarks/sweep.py
	python tests/benchmarks/attack.py

fuzz: $(READY)
	pip install --quiet atheris
	python tests/benchmarks/fuzz.py

pythons:
	$(PYTHON) tests/pythons.py

lock: $(READY)
	pip install --quiet uv
	uv pip compile --quiet --universal --python-version 3.10 --extra dev --extra cluster --generate-hashes \
		--no-annotate --no-header --upgrade pyproject.toml --output-file requirements.lock

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and \
		"noisylab needs Python 3.10 or newer, got " + sys.version.split()[0] + "; set PYTHON")'
	@echo "Setting up .venv with the pinned packages: about 6 GB, some minutes, once"
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
