# Everything from a bare checkout with python3 (3.11 or newer) and make; `make help` lists it.
PYTHON ?= python3
comma := ,
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed$(if $(GPU),-gpu)
EXTRAS := dev$(if $(GPU),$(comma)gpu)
DEMO := runs/demo
TOYS := runs/toys

.PHONY: help setup lab demo attacked toys count-ring count-grid train test quick test-slow lint clean

help:  ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(STAMP)  ## the environment only: .venv with the pinned versions; GPU=1 adds CUDA

$(STAMP): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than Python 3.11; try: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $(STAMP)

lab: $(STAMP)  ## opens the page to play with the agents in a browser, on this machine alone
	$(BIN)/python dcgan.py --mode lab

demo: $(STAMP)  ## trains on the real digits that scikit-learn ships, then draws: five minutes in all
	@if [ -f $(DEMO)/checkpoint.keras ]; then again=--resume; fi; \
	$(BIN)/python dcgan.py --mode train --preset quick --dataset digits --path $(DEMO) $$again
	$(BIN)/python dcgan.py --mode generate --nice --path $(DEMO)

attacked: $(STAMP)  ## makes digits with no generator, by attacking a discriminator: five minutes in all
	@if [ -f $(DEMO)-attacked/checkpoint.keras ]; then again=--resume; fi; \
	$(BIN)/python dcgan.py --mode train --game attacked --preset quick --dataset digits --path $(DEMO)-attacked $$again
	$(BIN)/python dcgan.py --mode generate --game attacked --path $(DEMO)-attacked

toys: $(STAMP)  ## eight Gaussians on a ring, twenty-five on a grid: trains, draws and counts the modes
	@for toy in ring grid; do \
		$(BIN)/python dcgan.py --mode train --game gan --dataset $$toy --preset quick --path $(TOYS)-$$toy --overwrite \
			|| exit 1; \
	done
	@$(MAKE) --no-print-directory --jobs 2 count-ring count-grid

count-ring count-grid: count-%: $(STAMP)  # 2,500 samples, as in PacGAN's table
	@$(BIN)/python dcgan.py --mode evaluate --game gan --dataset $* --path $(TOYS)-$* --samples 2500

train: $(STAMP)  ## trains the trio on MNIST (on digits where MNIST cannot be had)
	$(BIN)/python dcgan.py --mode train

test: $(STAMP)  ## lint, types and the quick tests, side by side
	@$(MAKE) --no-print-directory --jobs 2 lint quick

quick: $(STAMP)  # the quick tests alone
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal

test-slow: $(STAMP)  ## the tests that take minutes or need MNIST
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)  ## ruff (format and lint) and mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:  ## removes the environment and the caches, never a run
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
