# Each target does its own set-up in .venv; `python3 -m city_platform` does the same where there is no make.
PYTHON ?= python3

.PHONY: run test test-slow setup ui check

run: ## set up, then take the default city through the whole pipeline
	$(PYTHON) -m city_platform run

test: ## set up, then run the tests
	$(PYTHON) -m city_platform test

test-slow: ## the long tests
	$(PYTHON) -m city_platform test-slow

setup: ## only the environment, in .venv
	$(PYTHON) -m city_platform setup

ui: ## the Dagster UI, on this machine only
	$(PYTHON) -m city_platform ui

check: setup ## lint, formatting, types, YAML and the Dagster code location
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/sqlfmt --check --quiet city_platform
	.venv/bin/mypy
	.venv/bin/city-platform check --city eastmere
	.venv/bin/city-platform check --city chicago
	.venv/bin/city-platform check --city chicago_live
	.venv/bin/city-platform check --city west_yorkshire
	.venv/bin/dagster definitions validate -w workspace.yaml --log-level error
