"""How much of the time somebody waits for a resource: the kernel's pressure stall information (PSI).

It is of the whole machine, our own runs included: with the lowest priority they wait for a CPU whenever the
owner uses one. Pressure on memory is the sharper sign.
"""

import errno
import time
from pathlib import Path

from idlegrid_node.probes.reading import AbsentError, Reading

FOLDER = Path("/proc/pressure")
OFF = {errno.ENOENT, errno.EOPNOTSUPP}
"""There is no file without CONFIG_PSI, and with `psi=0` none that can be read."""


class PressureProbe:
    """Answers with the percent of the last 10 s in which some process waited for `resource`: cpu or memory."""

    def __init__(self, resource: str, folder: Path = FOLDER) -> None:
        self._resource = resource
        self._file = folder / resource

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError where the kernel does not tell, OSError, ValueError for other words."""
        try:
            text = self._file.read_text()
        except OSError as error:
            if error.errno in OFF:
                raise AbsentError("the kernel tells no pressure") from error
            raise
        return Reading(some_avg10(text), f"pressure on {self._resource}", time.monotonic())


def some_avg10(text: str) -> float:
    """Return `avg10` of the line `some`, in percent. Raises ValueError without one. Pure."""
    for line in text.splitlines():
        kind, *values = line.split()
        if kind == "some":
            return float(dict(value.split("=", 1) for value in values)["avg10"])
    raise ValueError("no line begins with some")
