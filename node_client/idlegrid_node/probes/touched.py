"""When somebody last touched the machine, by a file that a helper of the owner's touches at each input."""

import time
from pathlib import Path

from idlegrid_node.probes.reading import AbsentError, Reading


class InputFileProbe:
    """Answers with the age of the file `name`, which is "" where the owner has named none."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError without a name, OSError when the file is not there: its helper is missing."""
        if not self._name:
            raise AbsentError("the policy names no input_file")
        return Reading(file_age(Path(self._name), time.time()), "input file", time.monotonic())


def file_age(path: Path, now: float) -> float:
    """Return the seconds since a file was last modified; 0 for a time to come. Raises OSError."""
    return max(0.0, now - path.stat().st_mtime)
