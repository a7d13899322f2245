# `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPEECH ?= assets/speech/demo_en.flac
AVATAR ?= ada
SCENE ?= medical_office
STAMP := $(VENV)/.synced
STAMP_DEV := $(VENV)/.synced-dev
export PYTHONDONTWRITEBYTECODE ?= 1

.PHONY: help setup setup-dev demo test lint check bench livekit-demo livekit-server avatars backgrounds train-visemes docs bless clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml setup.py uv.lock tools/setup.sh
	@PYTHON=$(PYTHON) tools/setup.sh base
	@touch $@

$(STAMP_DEV): pyproject.toml setup.py uv.lock tools/setup.sh
	@PYTHON=$(PYTHON) tools/setup.sh dev
	@touch $@ $(STAMP)

setup: $(STAMP) ## Python environment and system libraries for rendering

setup-dev: $(STAMP_DEV) ## The same with everything the tests need

demo: $(STAMP) ## Turn the bundled speech into out/demo.mp4
	@mkdir -p out
	@$(BIN)/avatar-engine render $(SPEECH) -o out/demo.mp4 --avatar $(AVATAR) --scene $(SCENE)

lint: $(STAMP_DEV) ## Format, lint, types and layer contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/python -m tools.unit_pages --check
	@$(BIN)/python tools/link.py
	@$(BIN)/mypy
	@cd .link && ../$(BIN)/lint-imports --config ../pyproject.toml --no-cache

test: $(STAMP_DEV) lint livekit-server ## Every check and every test
	@$(BIN)/python -m pytest -m "not gpu and not bench and not livekit and not browser" -n 2 --dist loadfile $(PYTEST_ARGS)
	@$(BIN)/python -m pytest -m "(livekit or browser) and not gpu and not bench" $(PYTEST_ARGS)

livekit-server: $(STAMP_DEV) ## Build the pinned LiveKit server the tests talk to
	@$(BIN)/python -m tools.livekit_server

bench: $(STAMP_DEV) ## Figures: speed, latency, memory, lips
	@$(BIN)/python -m pytest -m bench tests/bench -s -q --timeout 3600 $(PYTEST_ARGS)

livekit-demo: $(STAMP_DEV) livekit-server ## A talking avatar in a browser, all on this machine
	@$(BIN)/python examples/livekit_demo/run.py

avatars: $(STAMP_DEV) ## Rebuild the bundled avatars and compare
	@for id in assets/avatars/*/person.yaml; do $(BIN)/python -m avatar_engine.maker build $$id --check || exit 1; done
	@$(BIN)/python -m tools.gltf_validator assets/avatars/*/*.glb

backgrounds: $(STAMP_DEV) ## Rebuild the bundled backgrounds and compare
	@$(BIN)/python -m tools.backgrounds --check

train-visemes: $(STAMP_DEV) ## Train the viseme model again (hours; REAL= folder of aligned real speech)
	@$(BIN)/python -m tools.visemes --real $(REAL) $(TRAIN_ARGS)

docs: $(STAMP_DEV) ## Bring the generated parts of the documentation up to date
	@$(BIN)/python -m tools.tick_table

bless: $(STAMP_DEV) ## Accept the pictures that the renderer draws now as the golden ones
	@$(BIN)/python -m tests.golden.bless

clean: ## Remove what was built (not the environment)
	@rm -rf out build dist .link .cache
