"""What the core's tests start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ...parts import FakeClock, open_record
from .table import Table


@pytest.fixture
def table() -> Table:
    """The core without a database."""
    return Table()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A real record in a temporary file."""
    engine = open_record(tmp_path)
    yield engine
    engine.dispose()
