import importlib.util
import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import idlegrid_console


def _load(name):
    """A helper module of this folder: the test folders are no packages."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"console_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def answers():
    """`run_answer` and `node_answer`: what the coordinator says of a run and of a node."""
    return _load("standin")


@pytest.fixture(scope="session")
def operations():
    """What the coordinator says of queues, its health and log, keys and webhooks."""
    return _load("answers_operations")


@pytest.fixture(scope="session")
def grid_answers():
    """What a coordinator says of the grid as a whole: `overview_answer`, `history_answer`, and others."""
    return _load("answers_grid")


@pytest.fixture
def coordinator(answers, grid_answers, monkeypatch):
    """A stand-in coordinator that the console under test is told to use."""
    standin = answers.StandIn()
    grid_answers.furnish(standin)
    monkeypatch.setenv("IDLEGRID_URL", standin.url)
    monkeypatch.delenv("IDLEGRID_API_KEY", raising=False)
    yield standin
    st.cache_data.clear()
    st.cache_resource.clear()  # closes the clients
    standin.stop()


@pytest.fixture
def open_page(coordinator):
    """`open_page("runs", run="3")`: the page as a visitor finds it, drawn once."""

    def opened(name, **address):
        app = AppTest.from_file(Path(idlegrid_console.__file__).with_name("app.py"), default_timeout=30)
        app.run()
        for key, value in address.items():
            app.query_params[key] = value
        return app if name == "overview" else app.switch_page(f"views/{name}.py").run()

    return opened
