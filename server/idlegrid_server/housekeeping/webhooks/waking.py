"""Telling the process that delivers, through the queue, that something is due; the record says what."""

from collections.abc import Callable

from idlegrid_server.core.ports import Queue
from idlegrid_server.housekeeping.webhooks.courier import Deliveries


class CourierWaker:
    """Wakes a courier for as long as something is due that none has taken up."""

    def __init__(self, deliveries: Deliveries, queue: Queue, now: Callable[[], float]) -> None:
        self._deliveries, self._queue, self._now = deliveries, queue, now

    def wake_couriers(self) -> None:
        """Wake one if something is due. Raises RecordUnavailable, QueueUnavailable."""
        if self._deliveries.due_endpoints(self._now(), 1):
            self._queue.schedule_delivery()
