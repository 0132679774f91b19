"""Cancelling runs by the submitter's wish."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.errors import Conflict, NotFound
from idlegrid_server.core.lifecycle import Event
from idlegrid_server.core.model import Outcome, Output, Run


def _cancel(batch: Batch, run: Run) -> None:
    run.reason = "cancelled"
    batch.move(run, Event.CANCEL, "asked for", Outcome.CANCELLED)
    batch.outputs[run.uuid] = Output(None, "cancelled")
    batch.notify(run)


@dataclass(slots=True)
class CancelRun:
    """End one run now; its node is told to kill it."""

    run_id: int

    def needs(self) -> Needs:
        """The run."""
        return Needs(ids={self.run_id})

    def apply(self, batch: Batch) -> None:
        """Cancel it. Raises NotFound, or Conflict when it has ended."""
        run = batch.by_id.get(self.run_id)
        if run is None:
            raise NotFound(f"Run {self.run_id} not found")
        if run.state.is_final:
            raise Conflict(f"Run {self.run_id} has already ended ({run.state}): there is nothing to cancel")
        _cancel(batch, run)

    def answer(self, batch: Batch) -> Run:
        """The cancelled run."""
        return batch.by_id[self.run_id]


@dataclass(slots=True)
class CancelUnfinished:
    """End those of the runs that have not ended; answers these."""

    ids: Sequence[int]
    _cancelled: list[Run] = field(default_factory=list, init=False)

    def needs(self) -> Needs:
        """The runs."""
        return Needs(ids=set(self.ids))

    def apply(self, batch: Batch) -> None:
        """Cancel them, in the order given."""
        found = (batch.by_id.get(run_id) for run_id in dict.fromkeys(self.ids))
        self._cancelled = [run for run in found if run is not None and not run.state.is_final]
        for run in self._cancelled:
            _cancel(batch, run)

    def answer(self, batch: Batch) -> list[Run]:
        """The cancelled runs."""
        return self._cancelled
