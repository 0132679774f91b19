"""Grids for tests that break them; what they are made of is in `grids.py`."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import grids
from .grids import SHORT_TIMES, Apart, Up


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose name leaves room for a unix socket's."""
    with tempfile.TemporaryDirectory(prefix="idlegrid-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path


@pytest.fixture
def apart(folder: Path) -> Iterator[Callable[..., Apart]]:
    """`apart(data=FOLDER, **settings)`: the parts of a grid, for a test that starts and ends them."""
    with contextlib.ExitStack() as stack:

        def make(data: Path | None = None, **settings: str) -> Apart:
            grid = Apart(folder, data or folder / "grid", **settings)
            stack.callback(grid.close)
            return grid

        yield make


@contextlib.contextmanager
def wholes() -> Iterator[Callable[..., Up]]:
    """A function that starts grids under `idlegrid up`; all are ended."""
    with contextlib.ExitStack() as stack:

        def make(*arguments: str, data: Path | None = None, hasty: bool = False, **environment: str) -> Up:
            times = SHORT_TIMES if hasty else {}
            up = Up(stack.enter_context(short_folder()), *arguments, data=data, **times | environment)
            stack.callback(up.close)
            return up.start()

        yield make


@pytest.fixture
def whole() -> Iterator[Callable[..., Up]]:
    """`whole(*arguments, data=FOLDER, hasty=False, **environment)`: a grid under `idlegrid up`, started.

    A hasty one goes by SHORT_TIMES.
    """
    with wholes() as make:
        yield make


@pytest.fixture(scope="module")
def shared() -> Iterator[Callable[..., Up]]:
    """As `whole`, for grids that the tests of a module share."""
    with wholes() as make:
        yield make


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """`eventually(condition, description, seconds)`: waits, with the patience that whole grids need."""
    return grids.eventually
