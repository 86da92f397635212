# The whole developer interface. Only Python >= 3.11 and make are assumed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

SEEDS  := 1..2000

.PHONY: run test check bench simulate lock clean

run: $(READY)                 ## install what is locked, then run the demo
	$(BIN)/haltline demo

test: $(READY)                ## every test, under ten minutes on two cores
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup

check: $(READY)               ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

simulate: $(READY)            ## the long simulation: make simulate SEEDS=1..2000
	$(BIN)/haltline simulate --seeds $(SEEDS) --jobs $$(nproc 2>/dev/null || echo 1)

bench: $(READY)
	$(BIN)/haltline bench --report bench-report

lock: $(READY)                ## renew the lock file from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --upgrade \
	    --output-file requirements.lock pyproject.toml requirements-build.in

clean:
	rm -rf $(VENV) build dist *.egg-info

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Haltline needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	@echo "installing the locked dependencies into $(VENV), about half a minute"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
