"""The node dies by SIGKILL while its sandboxes are busy, or is told to end."""

import signal

import pytest

from . import witness
from .conftest import VARIANTS, skip_unless_possible
from .site import GONE_SECONDS, SCRATCH_FOLDERS, scratch_folders, site
from .verdicts import PROGRAMS, packed

BUSY = packed((PROGRAMS / "16_many_sessions.py").read_text())


@pytest.fixture(params=VARIANTS, ids=lambda variant: f"{variant[0]}-level{variant[1]}")
def fresh(request):
    """A node of this test's own, to be killed."""
    user, level = request.param
    skip_unless_possible(user, level)
    with site(user, level) as place:
        yield place


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_of_its_sandboxes_is_left(number, fresh):
    submitted = [fresh.submit_code(BUSY, timeout=60.0) for _ in range(3)]
    for attempt, mark in submitted:
        fresh.grid.wait(lambda mark=mark: len(witness.marked(mark)) > 5, f"{attempt['run']} is busy")
    fresh.node.send(number)
    fresh.node.wait()
    fresh.grid.wait(
        lambda: not any(witness.marked(mark) for _, mark in submitted) and not fresh.strays(),
        "everything that the node had started is gone",
        GONE_SECONDS,
    )
    fresh.grid.wait(
        lambda: not scratch_folders(fresh.witness.guests), f"no folder {SCRATCH_FOLDERS} is left", GONE_SECONDS
    )
