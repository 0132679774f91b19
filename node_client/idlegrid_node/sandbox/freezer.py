"""Whether a job is to stand still, what its supervisor was told, and whether it does. Pure; the caller brings time.

A supervisor answers each order, in their order: an older one's answer says nothing about a newer one.
"""

import math

ACK_SECONDS = 0.3
"""How long a supervisor may take to say that everything stands; then everything is stopped from outside."""
THAW_ACK_SECONDS = 30.0
"""A slow thaw harms nobody. A slow freeze is the owner's time."""


class Freezer:
    """`freeze` and `thaw` may be called by any thread, the rest by the one that follows the job.

    `stands` says that the job stands still; `ack_by` is the time at which an answer is overdue; `cause` is why the job
    ends if it cannot be had to stand.
    """

    def __init__(self) -> None:
        self.cause = "evicted"
        self.stands = False
        self.ack_by = math.inf
        self._wanted = self._told = False
        self._unanswered = 0

    def freeze(self, cause: str) -> None:
        """It is to stand still from now on; should that not be had, it ends with `cause`."""
        self.cause, self._wanted = cause, True

    def thaw(self) -> None:
        """It is to go on."""
        self._wanted = False

    @property
    def told_to_stop(self) -> bool:
        """Whether the last order was to stop."""
        return self._told

    def next_order(self, now: float) -> bool | None:
        """Return what the supervisor is to be told now: True to stop, False to go on, None for nothing."""
        wanted = self._wanted
        if wanted == self._told:
            return None
        self._told = wanted
        self._unanswered += 1
        self.ack_by = now + (ACK_SECONDS if wanted else THAW_ACK_SECONDS)
        return wanted

    def answered(self) -> bool:
        """Take the supervisor's answer to an order; returns whether it was the last one's."""
        self._unanswered = max(0, self._unanswered - 1)
        return not self._unanswered

    def settle(self, *, still: bool) -> bool:
        """Note that the job stands, or goes on, and await no answer; returns whether that is new."""
        self.ack_by = math.inf
        changed, self.stands = still != self.stands, still
        return changed

    def await_nothing(self) -> None:
        """No answer is waited for any more."""
        self.ack_by = math.inf
