"""What a probe answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """A value, or None for "cannot tell"; `why` names the signal that decided, or what is in the way.

    `at` is the monotonic time at which it was true, in seconds.
    """

    value: float | None
    why: str
    at: float
