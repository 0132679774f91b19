"""What a restored record takes back: whatever was leased when it was saved is nobody's any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.lifecycle import Event
from idlegrid_server.core.model import Outcome, Run, RunState

RESTORED: Final = "restored"
"""The reason, and the line in the story."""


@dataclass(slots=True)
class TakeBackLeases:
    """Take every lease of unfinished runs: a node may have kept, ended or lost them since, and nobody will know."""

    uuids: Sequence[str]

    def needs(self) -> Needs:
        """The runs."""
        return Needs(uuids=set(self.uuids))

    def apply(self, batch: Batch) -> None:
        """What runs goes back to the front of its queue and spends nothing; no report of an old lease counts."""
        for uuid in self.uuids:
            run = batch.runs.get(uuid)
            if run is not None and run.lease_id is not None and not run.state.is_final:
                _take_back(batch, run)

    def answer(self, batch: Batch) -> int:
        """How many runs were asked for."""
        return len(self.uuids)


def _take_back(batch: Batch, run: Run) -> None:
    batch.tell(run, RESTORED)
    if run.state is RunState.RUNNING:
        run.reason = RESTORED
        batch.move(run, Event.RETURN, RESTORED, Outcome.RETURNED)
    batch.touch(run)
    run.lease_id, run.lease_via, run.lease_expires_at = None, "", None
    run.listed, run.frozen, run.digest = False, False, ""
