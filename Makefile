# make demo | test | lint | bench | fuzz | faults | races | soak | evidence | reproduce-mini | clean. Each makes the virtual environment first if there is none.
# With wheels downloaded before (make wheelhouse, EXTRAS=dev for tests), `make WHEELS=wheelhouse/full ...` works without a network.

PYTHON ?= python3
VENV   ?= .venv
WHEELS ?=
PIP    := $(VENV)/bin/python -m pip --disable-pip-version-check install -q -c constraints.txt \
          $(if $(WHEELS),--no-index --find-links $(WHEELS))
DEMO   := demo
# Where this is set, every command would compile all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint bench fuzz faults races soak evidence reproduce-mini wheelhouse offline-check clean
.DEFAULT_GOAL := demo

# What is needed to run; byte-compiling everything at once would take longer than all that the demo imports.
$(VENV)/installed: setup.cfg pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --no-compile -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) --no-compile -e '.[dev]'
	touch $@

demo: $(VENV)/installed
	mkdir -p $(DEMO)
	cd $(DEMO) && $(abspath $(VENV))/bin/kerasdr train demo
	cd $(DEMO) && $(abspath $(VENV))/bin/kerasdr data phantom images --people 12 --seed 99
	cd $(DEMO) && $(abspath $(VENV))/bin/kerasdr predict images/train --out grades.csv
	@echo; head -n 5 $(DEMO)/grades.csv; echo
	@cd $(DEMO) && $(abspath $(VENV))/bin/kerasdr runs | grep '^\*'
	@echo "Grad-CAM pictures: $(DEMO)/grades_gradcam/"

test: $(VENV)/installed-dev
	$(VENV)/bin/python -m pytest -n 2 --cov --cov-report=term:skip-covered $(ARGS)

lint: $(VENV)/installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -q tests/test_structure.py

bench: $(VENV)/installed
	$(VENV)/bin/python tests/benchmarks/bench.py $(ARGS)

# Two thousand broken and hostile files, one row each; another seed breaks others.
fuzz: $(VENV)/installed
	$(VENV)/bin/python tests/fuzz --files 2000 --seed 1 $(ARGS)

# Several jobs on one output, photographs that change while they are read, the same photographs in another order.
races: $(VENV)/installed
	$(VENV)/bin/python tests/races $(ARGS)

# Every operation on files of a small job fails once, in every way; a long night with kills, a full disk, a share that goes away.
faults: $(VENV)/installed
	$(VENV)/bin/python tests/faults $(ARGS)

soak: $(VENV)/installed
	$(VENV)/bin/python tests/soak $(ARGS)

# Simulated studies with a known truth: coverage of intervals and of sets of grades, error rates of tests.
evidence: $(VENV)/installed
	$(VENV)/bin/kerasdr evidence simulations --out evidence $(ARGS)

# Every row of the report's tasks on phantoms, small; given again after an interruption it goes on where it stopped.
reproduce-mini: $(VENV)/installed
	mkdir -p mini
	cd mini && for task in a b c d e; do $(abspath $(VENV))/bin/kerasdr train task-$$task --scale mini || exit 1; done
	cd mini && $(abspath $(VENV))/bin/kerasdr report runs --out report

# Everything to install kerasdr where there is no network, for this system and Python version: all of it, and what grades.
wheelhouse:
	rm -rf wheelhouse build
	$(PYTHON) -m pip --disable-pip-version-check wheel -q -w wheelhouse/lean --no-deps .
	$(PYTHON) -m pip --disable-pip-version-check wheel -q -w wheelhouse/lean -c constraints.txt -r deploy/lean.txt
	$(PYTHON) -m pip --disable-pip-version-check wheel -q -w wheelhouse/full -c constraints.txt \
		'.$(if $(EXTRAS),[$(EXTRAS)])' setuptools wheel
	cp deploy/lean.txt wheelhouse/lean

# Installs from the wheelhouse, lean and full, in namespaces without a network, and grades a phantom there.
offline-check: $(VENV)/installed
	$(VENV)/bin/python tests/offline_check.py wheelhouse

clean:
	rm -rf $(VENV) $(DEMO) mini runs evidence build *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage*
