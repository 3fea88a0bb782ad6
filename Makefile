# What a fresh machine needs: `make demo` and `make test`. Both install into .venv with plain pip.
PYTHON ?= python3
BIN := .venv/bin
DEMO := build/demo

.PHONY: demo demo-train test lint soak benchmarks clean

.venv/.base: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -e .
	touch $@

.venv/.train: .venv/.base
	$(BIN)/pip install --quiet -e '.[train,synth]'
	touch $@

.venv/.test: .venv/.train
	$(BIN)/pip install --quiet -e '.[train,synth,dicom,openvino,test]'
	touch $@

# Radiographs in; masks, overlays, regions of interest and a report out: with the model that ships, without PyTorch.
demo: .venv/.base
	rm -rf $(DEMO)
	$(BIN)/pbrs segment examples/*.png -o $(DEMO) --preview --statistics --report
	@echo
	@echo "Look at   $(DEMO)/preview.png   and at   $(DEMO)/report.html   (synthetic radiographs)"

# The paper in small, on synthetic radiographs: masks in, a trained model out, radiographs segmented with it.
demo-train: .venv/.train
	rm -rf $(DEMO)-train
	$(BIN)/pbrs dataset import-masks examples/masks --images examples -o $(DEMO)-train/dataset --synthetic
	$(BIN)/pbrs dataset split $(DEMO)-train/dataset --parts 60/20/20
	$(BIN)/pbrs train $(DEMO)-train/dataset -o $(DEMO)-train/run --settings examples/demo.yaml
	$(BIN)/pbrs export $(DEMO)-train/run
	$(BIN)/pbrs segment examples/*.png -o $(DEMO)-train/out --model $(DEMO)-train/run
	@echo
	@echo "Look at   $(DEMO)-train/out/overlays/synthetic_00.png   (a brief training on 6 synthetic radiographs: rough)"

# Two at a time, a file's tests together: they share what they trained.
test: .venv/.test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What takes longer: kills at random moments, fuzzing at length, thousands of drawn radiographs.
soak: .venv/.test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist load -m soak

# Needs the peers in a virtual environment of their own: see docs/benchmarks.md.
benchmarks: .venv/.test .venv-peer/.installed
	$(BIN)/python benchmarks/train_step.py --peer .venv-peer/bin/python
	$(BIN)/python benchmarks/synthesis.py --peer .venv-peer/bin/python
	$(BIN)/python benchmarks/inference.py --peer .venv-peer/bin/python

.venv-peer/.installed: benchmarks/peer-requirements.txt
	$(PYTHON) -m venv .venv-peer
	.venv-peer/bin/pip install --quiet -r $<
	touch $@

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
