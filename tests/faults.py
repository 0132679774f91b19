"""A record and a queue that are the real ones until they are told to fail."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.errors import QueueUnavailable, RecordUnavailable
from idlegrid_server.core.matching import Offer
from idlegrid_server.core.ports import Transaction
from idlegrid_server.core.queue_ops import QueueOp
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.record.store import SqlRecord

Fault = Literal["", "before", "half", "after"]
"""When something dies: before it did anything, halfway, or after all but the answer."""


class _Watched:
    """A transaction that knows whether it writes more than the clearing of debts."""

    def __init__(self, inner: Transaction) -> None:
        self._inner, self.matters = inner, False

    def load(self, needs: Needs) -> Batch:
        return self._inner.load(needs)

    def save(self, batch: Batch) -> None:
        self.matters = bool(batch.new_runs or batch.changed_runs or batch.changed_nodes or batch.owed)
        self._inner.save(batch)

    def settle(self, run_uuids: Iterable[str]) -> None:
        self._inner.settle(run_uuids)


class FaultyRecord:
    """The real record; its next transaction of weight can be made to fail, or all of them."""

    def __init__(self, inner: SqlRecord) -> None:
        self._inner = inner
        self.fault: Fault = ""
        self.dead = False

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self._fail_if(self.dead)
        with self._inner.transaction() as inner:
            watched = _Watched(inner)
            yield watched
            self._fail_if(self.dead or (watched.matters and self.fault == "before"))
        self._fail_if(watched.matters and self.fault == "after")

    def fail_next(self, when: Fault) -> None:
        self.fault = when

    def _fail_if(self, so: bool) -> None:
        if so:
            self.fault = ""
            raise RecordUnavailable("The record died")


class FaultyQueue(MemoryQueue):
    """The queue in memory; its next call can be made to fail, and an older state can come back."""

    _fault_of_apply: Fault = ""
    _fault_of_pop = False

    def fail_next_write(self, when: Fault) -> None:
        self._fault_of_apply = when

    def fail_next_pop(self) -> None:
        self._fault_of_pop = True

    def fail_no_more(self) -> None:
        self._fault_of_apply, self._fault_of_pop = "", False

    def apply(self, ops: Iterable[QueueOp]) -> None:
        fault, self._fault_of_apply = self._fault_of_apply, ""
        ops = list(ops)
        done = {"": len(ops), "before": 0, "half": len(ops) // 2, "after": len(ops)}[fault]
        super().apply(ops[:done])
        if fault:
            raise QueueUnavailable("The queue died")

    def pop(self, offers: Sequence[Offer]) -> list[list[str]]:
        fault, self._fault_of_pop = self._fault_of_pop, False
        popped = super().pop(offers)
        if fault:
            raise QueueUnavailable("The queue died")
        return popped

    def reconnect(self) -> None:
        """Answer again, in the same life: what was lost on the way nobody will notice by the queue's identity."""
        self._away = False

    def snapshot(self) -> object:
        return copy.deepcopy(self._data)

    def restore(self, data: object) -> None:
        """As after a restart from an old backup: stale entries, and another life."""
        self._data = copy.deepcopy(data)  # type: ignore[assignment]
        self.mend()
