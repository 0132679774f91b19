"""Noting how the grid stands every 20 seconds, so that a console can show how it stood."""

from typing import Final, Protocol

from idlegrid_server.core.overview import SAMPLE_EVERY, Sample
from idlegrid_server.core.ports import Clock
from idlegrid_server.core.queries import Reader
from idlegrid_server.core.watch_queries import WatchReader

NEVER: Final = -1.0


class Samples(Protocol):
    """Where samples are kept."""

    def note(self, sample: Sample) -> None:
        """Keep a sample, unless somebody has kept one of that instant. Raises RecordUnavailable."""


class Sampler:
    """Notes a sample when a new stretch of `SAMPLE_EVERY` seconds has begun. Whoever leads does it; of two that both
    lead for a moment one's is kept.
    """

    def __init__(self, samples: Samples, reader: Reader, watch: WatchReader, clock: Clock) -> None:
        self._samples, self._reader, self._watch, self._clock = samples, reader, watch, clock
        self._noted = NEVER

    def sample(self) -> None:
        """Look, if it is time to. Raises RecordUnavailable: then it is tried again with the next look."""
        now = self._clock.now()
        began = now // SAMPLE_EVERY * SAMPLE_EVERY
        if began == self._noted:
            return
        totals = self._reader.totals()
        waiting, running = totals.of("pending", "waiting"), totals.of("running")
        self._samples.note(Sample(began, waiting, running, self._watch.census(now)))
        self._noted = began
