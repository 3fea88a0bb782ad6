# What a fresh machine needs: `make demo` and `make test`. Both install into .venv with plain pip.
PYTHON ?= python3
BIN := .venv/bin
DEMO := build/demo

.PHONY: demo test lint soak benchmarks clean

.venv/.train: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -e '.[train,synth]'
	touch $@

.venv/.test: .venv/.train
	$(BIN)/pip install --quiet -e '.[train,synth,dicom,test]'
	touch $@

# The paper in small, on synthetic radiographs: masks in, a trained model out, radiographs segmented with it.
demo: .venv/.train
	rm -rf $(DEMO)
	$(BIN)/pbrs dataset import-masks examples/masks --images examples -o $(DEMO)/dataset --synthetic
	$(BIN)/pbrs dataset split $(DEMO)/dataset --parts 60/20/20
	$(BIN)/pbrs train $(DEMO)/dataset -o $(DEMO)/run --settings examples/demo.yaml
	$(BIN)/pbrs export $(DEMO)/run
	$(BIN)/pbrs segment examples/*.png -o $(DEMO)/out --model $(DEMO)/run
	@echo
	@echo "Look at   $(DEMO)/out/overlays/synthetic_00.png   (a brief training on 6 synthetic radiographs: rough)"
	@echo "and at    $(DEMO)/out/report.json"

test: .venv/.test
	$(BIN)/pytest

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What takes longer: kills at random moments, fuzzing at length, thousands of drawn radiographs.
soak: .venv/.test
	$(BIN)/pytest -m soak

# Needs the peers in a virtual environment of their own: see docs/benchmarks.md.
benchmarks: .venv/.test .venv-peer/.installed
	$(BIN)/python benchmarks/train_step.py --peer .venv-peer/bin/python
	$(BIN)/python benchmarks/synthesis.py --peer .venv-peer/bin/python

.venv-peer/.installed: benchmarks/peer-requirements.txt
	$(PYTHON) -m venv .venv-peer
	.venv-peer/bin/pip install --quiet -r $<
	touch $@

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
