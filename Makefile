# `make` alone lists the targets. Everything lives in .venv; nothing is installed outside it.
.DEFAULT_GOAL := help
.PHONY: help install install-dev run dev test lint format bench screenshots docs cluster clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8501
BIN := .venv/bin
# Ray gives each network a core of its own. On a small machine the networks share the cores that there are.
CLUSTER_CORES ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 10); echo $$((cores > 10 ? cores : 10)))
define FREE_PORTS
import socket
probes = [socket.create_server(("", 0)) for _ in range(2)]
print(*(probe.getsockname()[1] for probe in probes))
endef
export FREE_PORTS

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-13s %s\n", $$1, $$2}'

install: .venv/.app  ## create .venv and install what the app needs

install-dev: .venv/.dev  ## the same, with what tests and the linter need

# It downloads official weights beside the server, which never waits for them: offline one short try, and one line.
run: .venv/.app  ## install when needed, then serve the app on PORT (8501)
	$(BIN)/python -m cnn_demo serve --port $(PORT)

dev: .venv/.dev  ## serve the app and reload it when a file changes
	CNN_DEMO_DEBUG=1 $(BIN)/streamlit run app.py --server.port $(PORT) --server.fileWatcherType poll --client.showErrorDetails full

test: .venv/.dev  ## install when needed, then run the whole suite (ARGS="-k photo" narrows it)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/.dev  ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.dev  ## mend style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.dev  ## print the speed figures of the README, each against its named peer
	$(BIN)/python benchmarks/convolution.py
	$(BIN)/python benchmarks/activations.py
	$(BIN)/python benchmarks/classify.py
	$(BIN)/python benchmarks/localize.py
	$(BIN)/python benchmarks/detect.py
	$(BIN)/python benchmarks/segment.py
	$(BIN)/python benchmarks/explain.py
	$(BIN)/python benchmarks/cover.py
	$(BIN)/python benchmarks/channels.py
	$(BIN)/python benchmarks/live_training.py
	$(BIN)/python benchmarks/lens.py
	$(BIN)/python benchmarks/slider.py
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/startup.py

screenshots: .venv/.dev  ## make the README's pictures, still and moving (needs Chromium)
	$(BIN)/python assets/make_screenshots.py
	$(BIN)/python assets/make_moving_picture.py

# Ray's processes have a low priority by default, and with a token no other user of the machine can use them. The cluster
# has ports and a folder of its own, and ends with the process that started it: `ray stop` would end other clusters too.
# Without the second trap, dash does not run the first one after Ctrl-C.
cluster: export RAY_worker_niceness := 0
cluster: export RAY_AUTH_MODE := token
cluster: export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S := 0
cluster: .venv/.scale  ## run the networks on a Ray cluster of this machine, and serve the app on PORT
	$(BIN)/ray get-auth-token --generate >/dev/null
	unset RAY_ADDRESS; folder=$$(mktemp -d /tmp/cnn-demo-XXXXXX); ports=$$($(BIN)/python -c "$$FREE_PORTS"); \
	$(BIN)/ray start --head --block --port=$${ports% *} --ray-client-server-port=$${ports#* } --temp-dir=$$folder \
		--num-cpus=$(CLUSTER_CORES) --disable-usage-stats --include-dashboard=false >$$folder/start.log 2>&1 & ray=$$!; \
	trap 'kill $$ray 2>/dev/null; wait $$ray; rm -rf $$folder' EXIT; trap 'exit 130' INT TERM; \
	until [ -s $$folder/ray_current_cluster ]; do kill -0 $$ray || { cat $$folder/start.log; exit 1; }; sleep 0.5; done; \
	export RAY_ADDRESS=$$(cat $$folder/ray_current_cluster); \
	$(BIN)/python -m cnn_demo cluster && CNN_DEMO_BACKEND=ray $(BIN)/python -m cnn_demo serve --no-fetch --port $(PORT)

docs: .venv-docs/.installed  ## build the documentation site into site/, in an environment of its own
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict --quiet
	@echo "Open site/index.html."

clean:  ## remove .venv and caches
	rm -rf .venv .venv-docs site .pytest_cache .ruff_cache .mypy_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -m venv .venv

# Networks that cannot be converted now are converted by the server, at its first start.
.venv/.app: requirements.txt | .venv/bin/python
	$(BIN)/pip install --quiet -r requirements.txt
	@$(BIN)/python -m cnn_demo prepare --background || true
	@touch $@

.venv/.dev: requirements-dev.txt requirements.txt | .venv/bin/python
	$(BIN)/pip install --quiet -r requirements-dev.txt
	@touch $@ .venv/.app

.venv/.scale: requirements-scale.txt .venv/.app
	$(BIN)/pip install --quiet -r requirements-scale.txt
	@touch $@

.venv-docs/.installed: requirements-docs.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install --quiet -r requirements-docs.txt
	@touch $@
