# What one does with Tiphys on one machine. `make help` lists it.
# Needs Python 3.11+, git and the package registries; everything else is fetched or built.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3.14 || command -v python3)
PY := .venv/bin/python
LOCAL := $(PY) -m tiphys.local
CODE := gitops adapters repo_server app_controller api_server tiphys tests benchmarks
PROTOS := $(wildcard protos/tiphys/*/v1/*.proto)

.DEFAULT_GOAL := help
.PHONY: help venv tools dashboard up down status clean lint check test bench lock protos

help: ## Show this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

venv: ## Make .venv as requirements.lock says
	@$(PYTHON) tiphys/local/bootstrap.py

up: venv ## Start everything: four clusters, Git, cache, the three services, the sample
	@$(LOCAL) up

down: venv ## Stop what `up` started, and keep its state
	@$(LOCAL) down

status: venv ## Show what runs, and how one gets in
	@$(LOCAL) status

clean: venv ## Stop everything and remove its state
	@$(LOCAL) clean

tools: venv ## Build the control planes and renderers (once per machine)
	@$(LOCAL) tools

dashboard: venv ## Build the dashboard
	@$(LOCAL) dashboard

lint: venv
	@.venv/bin/ruff format --check --quiet $(wildcard $(CODE))
	@.venv/bin/ruff check --quiet $(wildcard $(CODE))
	@.venv/bin/mypy
	@.venv/bin/lint-imports

check: lint ## Format, lint, types, import contracts, unit tests and laws
	@$(PY) -m pytest -q -n 2 $(wildcard tests/unit tests/laws tests/golden tests/architecture)

test: lint ## Everything: check, dashboard, integration, and end to end through the running trio
	@$(LOCAL) tools
	@$(LOCAL) test-dashboard
	@$(LOCAL) dashboard
	@$(PY) -m pytest -q -n 2 --dist loadfile $(wildcard tests/unit tests/laws tests/integration)
	@$(PY) -m pytest -q tests/e2e

bench: venv ## Measure with 200 applications, and print the table
	@$(PY) -m benchmarks

lock: ## Lock the dependencies again
	@$(PYTHON) tiphys/local/bootstrap.py lock

protos: venv ## Generate the RPC code again
	@$(PY) -m grpc_tools.protoc -Iprotos --python_out=adapters/_pb --pyi_out=adapters/_pb --grpc_python_out=adapters/_pb $(PROTOS)
	@for file in adapters/_pb/tiphys/*/v1/*_grpc.py; do sed -e 's/^from tiphys\./from adapters._pb.tiphys./' "$$file" > "$$file.new" && mv "$$file.new" "$$file"; done
	@find adapters/_pb -type d -exec sh -c 'test -e "$$1/__init__.py" || : > "$$1/__init__.py"' _ {} \;
