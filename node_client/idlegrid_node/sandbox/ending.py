"""How a job ended."""

from dataclasses import dataclass, field

from idlegrid_node.output import Capture
from idlegrid_node.sandbox.meter import Usage


@dataclass
class Ending:
    """How a job ended.

    `cause` is empty when the code ended by itself, with `status` as os.wait() gives it. Else the node ended
    it: `timeout`, `sandbox_failed`, a limit's name, or what was given to `stop`. `begun` says whether any code ran.
    """

    cause: str = ""
    status: int | None = None
    begun: bool = False
    out: Capture = field(default_factory=Capture)
    err: Capture = field(default_factory=Capture)
    complaint: str = ""
    used: Usage = field(default_factory=Usage)
    wall_seconds: float = 0.0
    files_left_out: int = 0
