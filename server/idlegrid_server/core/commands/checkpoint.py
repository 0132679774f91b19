"""What a run's story says of its checkpoints."""

from dataclasses import dataclass

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.checkpoints import SENT, Checkpoint, told_size


@dataclass(slots=True)
class TellCheckpoint:
    """An attempt has sent a checkpoint, which is kept: tell the run's story, and those who watch it."""

    run_uuid: str
    kept: Checkpoint

    def needs(self) -> Needs:
        """The run."""
        return Needs(uuids={self.run_uuid})

    def apply(self, batch: Batch) -> None:
        """Nothing to tell of a run that has ended, or gone, meanwhile: its checkpoint goes with it."""
        run = batch.runs.get(self.run_uuid)
        if run is not None and not run.state.is_final:
            batch.tell(run, SENT, f"{told_size(self.kept.size)} of attempt {self.kept.attempt}")

    def answer(self, batch: Batch) -> None:
        """Nothing."""
