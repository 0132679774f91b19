"""The records that the model is checked on."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from idlegrid_server.record.engine import open_engine

from ..parts import open_record

SHARES = {"sqlite": 1, "postgresql": 10}
"""By what the number of examples is divided: PostgreSQL takes longer, and most of the model is about neither."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def share(database: str) -> int:
    return SHARES[database]


@pytest.fixture
def record(database: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    memory = Path("/dev/shm")  # the same SQLite; its fsync is free there
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        if database == "sqlite":
            engine = open_record(Path(folder))
        else:
            engine = open_engine(request.getfixturevalue("postgres_server").make_database("model"))
        yield engine
        engine.dispose()
