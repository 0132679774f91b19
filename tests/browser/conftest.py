import importlib.util
import sys
from pathlib import Path

import pytest

from idlegrid import Client

SCRIPT = Path(__file__).parents[2] / "scripts" / "screenshots.py"


@pytest.fixture(scope="session")
def camera():
    """The script that takes the screenshots: grids and browsers are started in the same way here."""
    spec = importlib.util.spec_from_file_location("screenshots", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def grid(camera):
    """A whole grid with one node: the URLs of its coordinator and of its console."""
    with camera.grid(nodes=1) as urls:
        yield urls


@pytest.fixture(scope="module")
def client(grid):
    with Client(grid[0]) as made:
        yield made


@pytest.fixture(scope="module")
def chromium(camera):
    with camera.chromium() as browser:
        yield browser


@pytest.fixture
def visit(chromium, grid):
    """`visit("nodes")`: the browser, with that page of the console standing."""

    def visited(page=""):
        chromium.get(f"{grid[1]}/{page}")
        chromium.execute_script("window.marker = 'same page'")
        return chromium

    return visited
