"""The housekeeping thread: a short look every tick, each duty by itself, so that one that fails holds up no other."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from idlegrid_server.core.commands import ExpireLeases, LoseNodes, ReleaseRuns, RequeueRuns
from idlegrid_server.core.errors import GridError, RecordUnavailable
from idlegrid_server.core.limits import Times
from idlegrid_server.core.matching import QueueOrder, biases
from idlegrid_server.core.model import RunState
from idlegrid_server.core.ports import Clock, Queue
from idlegrid_server.core.queries import Reader
from idlegrid_server.core.writer import Writer
from idlegrid_server.housekeeping.firing import Firer
from idlegrid_server.housekeeping.grace import Grace
from idlegrid_server.housekeeping.leading import Alone, Leadership

log = structlog.get_logger(__name__)

CHUNK: Final = 500
"""Runs handled in one command, so that requests get their turn in between."""
QUEUE_LOOK: Final = 5.0
"""Seconds between two looks at what the queue may have lost."""

FORGET_EVERY: Final = 3_600.0
"""Seconds between two clean-ups of what need not be kept."""
DROP_EVERY: Final = 60.0
"""Seconds between two looks for what ended runs leave that nobody can use any more: checkpoints, which are large."""
BEAT_LATE: Final = 120.0
"""Seconds without a beat after which the log says so; one is due every 30."""


def _nothing() -> None:
    """A duty that a coordinator does not have."""


class Keeper:
    """Expires leases, ends delays, pays debts to the queue, and fills a queue that lost its data."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        queue: Queue,
        clock: Clock,
        times: Times,
        *,
        firer: Firer,
        order: QueueOrder = QueueOrder.FIFO,
        remember: Callable[[str], None],
        forget: Callable[[], None],
        drop_ended: Callable[[], None] = _nothing,
        wake_all: Callable[[], None],
        leadership: Leadership | None = None,
        wake_couriers: Callable[[], None] = _nothing,
        watch_health: Callable[[], None] = _nothing,
        fold_weeks: Callable[[], None] = _nothing,
        sample: Callable[[], None] = _nothing,
    ) -> None:
        """`remember` keeps the queue's identity in the record, `forget` sets off the forgetting of what is old,
        `drop_ended` of what ended runs leave that nobody can use any more, `wake_all` lets every waiting node look
        again, `leadership` says whether this coordinator does what one is enough for (always, without it),
        `wake_couriers` and `watch_health` are what webhooks need, `fold_weeks` keeps what is known of nodes' hours,
        `sample` notes how the grid stands."""
        self._writer, self._reader, self._queue = writer, reader, queue
        self._clock, self._times = clock, times
        self._firer, self._order, self._weighed = firer, order, False
        self._remember, self._forget_old, self._drop_ended, self._wake_all = remember, forget, drop_ended, wake_all
        self._wake_couriers, self._watch_health, self._fold_weeks = wake_couriers, watch_health, fold_weeks
        self._sample = sample
        self._grace = Grace(clock, times.start_grace)
        self._leadership: Leadership = leadership or Alone()
        self._leads = False
        self._was_suspended = False
        self._was_late = False
        self._put_off: dict[str, str] = {}
        self._next_queue_look = self._next_forgetting = self._next_drop = 0.0
        self._stopped, self._nudged = threading.Event(), threading.Event()
        self._woken, self._followed, self._addressed = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, tick: float) -> None:
        """Look every `tick` seconds from now on, in a thread."""
        self._thread = threading.Thread(target=self._work, args=(tick,), name="housekeeping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the look under way."""
        self._stopped.set()
        self._nudged.set()
        if self._thread is not None:
            self._thread.join()
        self._do((self._leadership.release,))

    def wake(self) -> None:
        """Tasks are due: fire them now. From any thread."""
        self._woken.set()
        self._nudged.set()

    def nudge(self) -> None:
        """Something was written that other runs may depend on: look at them now. From any thread."""
        self._followed.set()
        self._nudged.set()

    def addressed(self) -> None:
        """Something is on its way to endpoints: have it delivered now. From any thread."""
        self._addressed.set()
        self._nudged.set()

    def _work(self, tick: float) -> None:
        next_look = 0.0
        while not self._stopped.is_set():
            self._nudged.wait(max(0.0, next_look - self._clock.monotonic()))
            nudged = self._nudged.is_set()
            self._nudged.clear()
            if nudged:
                self._do(self._asked())
            if self._clock.monotonic() >= next_look:
                next_look = self._clock.monotonic() + tick
                self.look()

    def _asked(self) -> list[Callable[[], None]]:
        """The duties that somebody has asked for."""
        asked: list[Callable[[], None]] = []
        if self._woken.is_set() or self._followed.is_set():
            self._followed.clear()
            asked += self._quick
        if self._addressed.is_set():
            self._addressed.clear()
            asked.append(self._wake_couriers)
        return asked

    @property
    def _quick(self) -> Sequence[Callable[[], None]]:
        """Duties for which somebody may be waiting."""
        return (self._release, self._fire, self._firer.follow)

    def look(self) -> None:
        """Every duty once; those that one coordinator is enough for, if it leads."""
        self._do((self._lead,))
        if self._leads:
            self._do((self._expire, *self._quick, self._lose_nodes, self._forget, self._tend_queue))
            self._do((self._watch_health, self._fold_weeks, self._sample))
        else:
            self._do(self._quick)
        self._do((self._watch_queue, self._wake_couriers))

    def _lead(self) -> None:
        # Asked with every look, also of those who do not lead: a gap between two looks is taken for a jump.
        self._grace.holds()
        led, self._leads = self._leads, False
        try:
            self._leads = self._leadership.holds()
        except RecordUnavailable:
            # Nobody's heartbeat can be written either: nodes must first have had time to be heard again.
            self._grace.again()
            raise
        if self._leads != led:
            log.info("keeps house" if self._leads else "keeps house no more", action="lead", leads=self._leads)

    def _do(self, duties: Sequence[Callable[[], None]]) -> None:
        for duty in duties:
            try:
                duty()
                self._put_off.pop(duty.__name__, None)
            except GridError as error:
                self._put_it_off(duty.__name__, str(error))
            except Exception:
                log.exception("housekeeping failed", action="housekeeping", duty=duty.__name__)

    def _put_it_off(self, duty: str, reason: str) -> None:
        """Said once for each outage, not with every look."""
        if self._put_off.get(duty) != reason:
            log.warning("housekeeping put off", action="housekeeping", duty=duty, reason=reason)
            self._put_off[duty] = reason

    def _expire(self) -> None:
        """No lease ends soon after a start or a jump of the clock: nodes must first have had time to report."""
        if self._grace.holds():
            return
        uuids = self._reader.expired(self._clock.now(), CHUNK)
        if uuids:
            log.info("leases expired", action="expire", runs=uuids)
            try:
                self._writer.do(ExpireLeases(uuids))
            except RecordUnavailable:
                # Nobody's heartbeat can be written either: nodes must first have had time to be heard again.
                self._grace.again()
                raise

    def _release(self) -> None:
        uuids = self._reader.due(self._clock.now(), CHUNK)
        if uuids:
            self._writer.do(ReleaseRuns(uuids))

    def _fire(self) -> None:
        if self._woken.is_set():
            self._woken.clear()
            self._firer.fire_due()
        else:
            self._firer.fire_late()

    def _lose_nodes(self) -> None:
        if self._grace.holds():
            return
        before = self._clock.now() - self._times.node_lost
        nodes = self._reader.silent_nodes(before)
        if nodes:
            log.warning("nodes lost", action="lose_nodes", nodes=nodes)
            self._writer.do(LoseNodes(nodes, before))

    def _forget(self) -> None:
        if self._clock.monotonic() >= self._next_drop:
            self._next_drop = self._clock.monotonic() + DROP_EVERY
            self._drop_ended()
        if self._clock.monotonic() >= self._next_forgetting:
            self._next_forgetting = self._clock.monotonic() + FORGET_EVERY
            self._forget_old()
            self._firer.cancel_orphans()

    def _tend_queue(self) -> None:
        """What the queue may have lost: all of its data, debts, stuck entries, wakes."""
        self._rebuild_if_lost()
        if self._clock.monotonic() < self._next_queue_look:
            return
        self._next_queue_look = self._clock.monotonic() + QUEUE_LOOK
        self._requeue(self._reader.owed(self._clock.now() - self._times.outbox, CHUNK), front=False)
        self._requeue(self._queue.stuck(), front=True)
        self._firer.place_wakes()
        self._weigh()
        self._watch_beat()

    def _watch_queue(self) -> None:
        """What the nodes that wait at this coordinator must be told: that an outage or `rq suspend` is over."""
        self._notice_resumption()
        if self._writer.turned_away():
            self._wake_all()

    def _weigh(self) -> None:
        """Who used much lately is served later, where the order is fair; where it was, nobody is any more."""
        if self._order is QueueOrder.FAIR:
            self._queue.favour(biases(self._reader.recent_usage(self._clock.now())))
        elif not self._weighed:
            self._queue.favour({})
        self._weighed = True

    def _watch_beat(self) -> None:
        """The schedule waker and the control worker are alive as long as a beat comes through both."""
        self._queue.schedule_beat()
        age = self._queue.beat_age()
        late = age is not None and age > BEAT_LATE
        if late and not self._was_late:
            log.warning("the waker or the control worker does not answer", action="beat_late", seconds=age)
        self._was_late = late

    def _requeue(self, uuids: list[str], *, front: bool) -> None:
        if uuids:
            log.info("queue entries written again", action="requeue", runs=len(uuids))
            self._writer.do(RequeueRuns(uuids, front))

    def _rebuild_if_lost(self) -> None:
        identity = self._queue.identity()
        if identity and identity == self._reader.queue_identity():
            return
        log.warning("the queue is filled from the record", action="rebuild")
        self._queue.forget()
        self._refill(RunState.RUNNING)
        self._refill(RunState.PENDING)
        self._queue.mark()
        self._remember(self._queue.identity())
        self._wake_all()

    def _refill(self, state: RunState) -> None:
        after = 0
        while chunk := self._reader.runs_in(state.value, after, CHUNK):
            after = chunk[-1][0]
            self._writer.do(RequeueRuns([uuid for _, uuid in chunk]))

    def _notice_resumption(self) -> None:
        suspended = self._queue.suspended()
        if self._was_suspended and not suspended:
            self._wake_all()
        self._was_suspended = suspended
