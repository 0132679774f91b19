"""A stand-in coordinator and real nodes for tests of the node alone; what they are made of is in `standin.py`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..standin import Launch, StandIn, launching, standing_in


@pytest.fixture
def coordinator() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def launch(coordinator: StandIn, tmp_path: Path) -> Iterator[Launch]:
    with launching(coordinator, tmp_path) as launch:
        yield launch


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """A coordinator with one node of two slots that is always idle, for a whole module."""
    with standing_in() as stand_in, launching(stand_in, tmp_path_factory.mktemp("grid")) as launch:
        launch("--profile", "always", "--slots", "2")
        stand_in.wait_for_status("idle")
        yield stand_in
