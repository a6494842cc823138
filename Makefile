# Two commands do everything: `make book` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready

.PHONY: book test fuzz check bench pages record ablation fooled depth shifted mutants clean lock

book: $(READY)
	$(BIN)/jupyter-book build . --all -q -W -n --keep-going
	@$(BIN)/python -m tools.check_book _build/html
	@echo "The book is ready: open $(CURDIR)/_build/html/index.html"

test: $(READY)
	$(BIN)/python -m pytest

fuzz: $(READY)
	$(BIN)/python -m pytest -m fuzz
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest tests/compiler tests/training

check: $(READY)
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n0 tests/tools/test_promises.py

bench: $(READY)
	$(BIN)/python -m benchmarks.algorithms && $(BIN)/python -m benchmarks.habits
	$(BIN)/python -m benchmarks.training && $(BIN)/python -m benchmarks.two_classes
	$(BIN)/python -m benchmarks.account

pages: $(READY)
	$(BIN)/python -m pytest -m browser

record: $(READY)
	$(BIN)/python -m scratchcnn.programs.record book/records/record.json

ablation: $(READY)
	$(BIN)/python -m tools.ablation book/records/ablation.json

fooled: $(READY)
	$(BIN)/python -m tools.fooled book/records/fooled.json

depth: $(READY)
	$(BIN)/python -m tools.depth book/records/depth.json

shifted: $(READY)
	$(BIN)/python -m tools.shifted book/records/shifted.json

mutants: $(READY)
	$(BIN)/python -m tools.mutants book/records/mutants.json
	$(BIN)/python -m pip install --quiet "pip>=25.1" # which knows groups
	$(BIN)/python -m pip install --quiet --group mutants
	$(BIN)/python -m tools.survivors book/records/survivors.json
	$(BIN)/python -m tools.patients book/records/doctor.json

clean:
	rm -rf _build

$(READY): requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

# By name alone: a setting of a tool changes pyproject.toml, but not the lock.
lock:
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	    --group book --group tests --group checks \
	    --custom-compile-command "make lock" pyproject.toml -o requirements.txt
