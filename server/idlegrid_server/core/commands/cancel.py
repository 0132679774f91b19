"""Cancelling runs by the submitter's wish."""

from collections.abc import Sequence
from dataclasses import dataclass

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.errors import Conflict, NotFound
from idlegrid_server.core.lifecycle import Event
from idlegrid_server.core.model import Outcome, Output, Run


@dataclass(slots=True)
class CancelRuns:
    """End the runs now; their nodes are told to kill them."""

    ids: Sequence[int]

    def needs(self) -> Needs:
        """The runs."""
        return Needs(ids=set(self.ids))

    def apply(self, batch: Batch) -> None:
        """Cancel all. Raises NotFound, or Conflict when one has ended; then none is cancelled."""
        for run_id in self.ids:
            run = batch.by_id.get(run_id)
            if run is None:
                raise NotFound(f"Run {run_id} not found")
            if run.state.is_final:
                raise Conflict(f"Run {run_id} has already ended ({run.state}): there is nothing to cancel")
        for run_id in self.ids:
            self._cancel(batch, batch.by_id[run_id])

    def _cancel(self, batch: Batch, run: Run) -> None:
        run.reason = "cancelled"
        batch.move(run, Event.CANCEL, "asked for", Outcome.CANCELLED)
        batch.outputs[run.uuid] = Output(None, "cancelled")
        batch.notify(run)

    def answer(self, batch: Batch) -> list[Run]:
        """The cancelled runs."""
        return [batch.by_id[run_id] for run_id in self.ids]
