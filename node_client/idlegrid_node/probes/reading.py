"""What a probe answers."""

from dataclasses import dataclass


class AbsentError(Exception):
    """There is nothing to ask on this machine: no such device, service or server. That is not a fault."""


@dataclass(frozen=True)
class Reading:
    """A value, or None for "cannot tell"; `why` names the signal that decided, or what is in the way.

    `at` is the monotonic time at which it was true, in seconds. `absent` tells a None of a machine that has
    no such thing, which means nothing, from that of a thing that does not answer, which makes it unknown.
    """

    value: float | None
    why: str
    at: float
    absent: bool = False

    @property
    def broken(self) -> bool:
        """Whether there is something to ask which does not answer."""
        return self.value is None and not self.absent

    def aged(self, now: float) -> float | None:
        """Return a span of idle time as of the monotonic time `now`: an answer used again has grown older."""
        return None if self.value is None else self.value + (now - self.at)
