# Run `make app` to use Thimble, `make share` to let others, `make test` to check it, `make bench` to time it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: app share test quick bench lock clean

app: .venv/app
	$(BIN)/streamlit run streamlit_app.py

# The same for others on your network: the door lets them to shared pages and, with a key, to the API.
share: .venv/app
	$(BIN)/streamlit run streamlit_app.py --server.address=0.0.0.0

test: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto

quick: .venv/dev
	$(BIN)/python -m pytest -n auto -m "not slow and not browser"

bench: .venv/dev
	$(BIN)/python -m benchmarks

# Writes the exact versions now installed for the running part of Thimble.
lock: .venv/app
	$(BIN)/pip freeze --exclude pip --exclude setuptools --exclude wheel > requirements.lock

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/app: requirements.txt requirements.lock | .venv/bin/python
	$(BIN)/pip install --quiet -r requirements.txt
	touch $@

.venv/dev: .venv/app requirements-dev.txt
	$(BIN)/pip install --quiet -r requirements-dev.txt
	touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
