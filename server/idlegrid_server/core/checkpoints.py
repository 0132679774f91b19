"""Checkpoints: what a run's code keeps of itself for its next attempt. Who may send one, who may have it. Pure."""

from dataclasses import dataclass
from typing import Final

from idlegrid_server.core.errors import NotFound, TooLarge
from idlegrid_server.core.files import check_newest, chunks_of
from idlegrid_server.core.limits import MAX_CHECKPOINT_BYTES
from idlegrid_server.core.model import Run

SENT: Final = "checkpoint"
"""The line in a run's story: an attempt has sent one."""
RESUMED: Final = "resumed"
"""The line in a run's story: an attempt was given what an earlier one had sent."""
UNAVAILABLE: Final = "checkpoint_unavailable"
"""The reason of an attempt that was returned because its node could not lay the checkpoint's files."""
MAX_UNAVAILABLE: Final = 3
"""Attempts that come back so before the next one begins without: a damaged checkpoint would stop its run for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointUpload:
    """A checkpoint that an attempt sends; `size` in bytes, `sha256` as hex."""

    run_uuid: str
    lease_id: str
    size: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run's newest checkpoint as the record has it. `id` finds its bytes; `attempt` is the one that sent it."""

    run_id: int
    id: str
    lease_id: str
    attempt: int
    size: int
    sha256: str
    created_at: float

    @property
    def chunks(self) -> int:
        """How many rows hold its bytes."""
        return chunks_of(self.size)


def check_checkpoint(run: Run | None, upload: CheckpointUpload) -> Run:
    """The run, when the attempt may send it a checkpoint.

    Raises NotFound for an unknown run, StaleReport for a lease that is not the newest or has reported, TooLarge.
    """
    if run is None:
        raise NotFound(f"Run {upload.run_uuid} is unknown: drop its checkpoint")
    check_newest(run, upload.lease_id)
    if upload.size > MAX_CHECKPOINT_BYTES:
        raise TooLarge(f"A checkpoint may have at most {MAX_CHECKPOINT_BYTES >> 20} MiB")
    return run


def told_size(size: int) -> str:
    """Bytes as a story tells them: `512 bytes`, `1.2 MB` (powers of 1,000)."""
    if size < 1_000:
        return f"{size} bytes"
    return f"{size / 1e3:.3g} kB" if size < 999_500 else f"{size / 1e6:.3g} MB"
