"""Word to a job that it has to leave, and by when. One-way: nothing takes it back."""

import math
from dataclasses import dataclass


@dataclass
class Notice:
    """`cause` is empty until it is to be given; `by` is the monotonic time at which what is left will be killed.

    `given` says that the job was told, `heard` that its supervisor confirmed it: what ended before ended by itself.
    """

    cause: str = ""
    by: float = math.inf
    given: bool = False
    heard: bool = False

    def give(self, cause: str, by: float) -> None:
        """It has to leave: the first cause stays, the earliest time counts."""
        self.by = min(self.by, by)
        self.cause = self.cause or cause
