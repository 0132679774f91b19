"""Checkpoints between coordinators: what one takes the other one gives."""

import hashlib
import io

import pytest

from idlegrid_server.core.checkpoints import CheckpointUpload, told_size
from idlegrid_server.core.commands import Report
from idlegrid_server.core.coordinator import Room
from idlegrid_server.core.errors import StaleReport
from idlegrid_server.core.model import Outcome

from ...parts import submission
from .polling import HERE, LONG


def test_what_was_sent_to_one_is_there_at_the_other_for_the_next_attempt(two_grids):
    data = b"state" * 500_000

    async def story(one, two):
        for grid, node in ((one, "n1"), (two, "n2")):
            await grid.beat(node, HERE, [])
        (run,) = await one.submit([submission()])
        (lease,) = (await one.fetch("n1", Room(1), LONG)).leases
        digest = hashlib.sha256(data).hexdigest()
        wish = CheckpointUpload(run_uuid=run.uuid, lease_id=lease.lease_id, size=len(data), sha256=digest)
        await one.checkpoints.check(wish)
        await one.checkpoints.keep(wish, io.BytesIO(data))
        await one.report("n1", [Report(run_uuid=run.uuid, lease_id=lease.lease_id, outcome=Outcome.EVICTED)])
        (again,) = (await two.fetch("n2", Room(1), LONG)).leases
        kept = await two.checkpoints.of_attempt(run.uuid, again.lease_id)
        assert (again.number, again.checkpoint, kept.sha256) == (2, kept, digest)
        assert b"".join([await two.checkpoints.chunk(kept.id, seq) for seq in range(kept.chunks)]) == data
        with pytest.raises(StaleReport):
            await one.checkpoints.of_attempt(run.uuid, lease.lease_id)

    two_grids(story)


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (20_480, "20.5 kB"), (999_500, "1 MB"), (101 << 20, "106 MB")],
)
def test_a_size_is_told_as_people_say_it(size, words):
    assert told_size(size) == words
