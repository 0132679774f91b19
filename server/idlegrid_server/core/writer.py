"""Group commit: one thread writes what has gathered as one transaction and one trip to the queue.

A command waits for its own answer only. Commands that raise are answered alone; when the transaction itself fails,
each command of it is tried again by itself. Once the record has a batch on disk its commands have succeeded, whether
or not the queue answers: the outbox remembers what the queue is owed.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.commands import Command, LeaseRuns
from idlegrid_server.core.errors import GridError, QueueUnavailable, RecordUnavailable
from idlegrid_server.core.ports import Queue, Record

T = TypeVar("T")
log = logging.getLogger(__name__)
MAX_GROUP: Final = 256
"""Most commands in one transaction."""
CROWD: Final = 4
"""A group of more commands than this came from several callers: one node's report brings two."""
GIVE_WAY_SECONDS: Final = 0.05
"""Between a lost race and the next try: whoever won a deadlock has to wake up before its rows are asked for again."""
GATHER_SECONDS: Final = 0.003
"""How long more commands are waited for when the last group was a crowd: each then costs a fraction of a
transaction. A lone caller never waits."""
SETTLE_AFTER: Final = 0.2
"""Seconds of quiet after which the outbox is cleared by a transaction of its own."""


@dataclass(slots=True)
class _Entry:
    command: Command[Any]
    future: "Future[Any] | asyncio.Future[Any]"
    error: Exception | None = None


class Writer:
    """The coordinator's only way to change the record."""

    def __init__(
        self, record: Record, queue: Queue, on_written: Callable[[Batch], None], on_queued: Callable[[Batch], None]
    ) -> None:
        """`on_written` is called when a batch is on disk, `on_queued` when the queue has what it brings.

        Both in the writer's thread; they must be quick and not raise.
        """
        self._record, self._queue = record, queue
        self._on_written, self._on_queued = on_written, on_queued
        self._gathered: SimpleQueue[_Entry | None] = SimpleQueue()
        self._settled: set[str] = set()
        self._crowded = False
        self._turned_away = False
        self._dry = True
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what has gathered, then end."""
        self._gathered.put(None)
        self._thread.join()

    def do(self, command: Command[T]) -> T:
        """Carry out a command from a thread, and wait. Raises what the command raises, or RecordUnavailable."""
        future: Future[T] = Future()
        self._gathered.put(_Entry(command, future))
        return future.result()

    async def ask(self, command: Command[T]) -> T:
        """Carry out a command from the event loop. Raises what the command raises, or RecordUnavailable."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._gathered.put(_Entry(command, future))
        return await future

    def turned_away(self) -> bool:
        """Whether, since the last call, nodes were given nothing only because the queue did not answer."""
        if not self._turned_away:
            return False
        self._turned_away = False
        return True

    def _work(self) -> None:
        while True:
            entries, last = self._take()
            if entries or self._settled:
                self._carry_out(entries)
            if last:
                return

    def _carry_out(self, entries: list[_Entry]) -> None:
        """The outermost edge: a fault that nobody foresaw is the answer of those it met, and the writer goes on."""
        try:
            for turn in self._turns(entries):
                self._pop(turn)
                self._write(turn)
        except Exception as error:
            log.exception("the writer met a fault")
            _fail([entry for entry in entries if not entry.future.done()], error)

    def _turns(self, entries: list[_Entry]) -> list[list[_Entry]]:
        """What is written together. Who leases comes last while the queue is dry: a result that somebody waits for
        is not kept waiting by a look into an empty queue."""
        if not self._dry:
            return [entries]
        turns = [[entry for entry in entries if isinstance(entry.command, LeaseRuns) is last] for last in (False, True)]
        return [turn for turn in turns if turn] or [[]]

    def _take(self) -> tuple[list[_Entry], bool]:
        """What has gathered, waiting for the first; whether it is the last."""
        try:
            first = self._gathered.get(timeout=SETTLE_AFTER if self._settled else None)
        except Empty:
            return [], False
        if self._crowded:
            time.sleep(GATHER_SECONDS)
        entries: list[_Entry] = []
        entry = first
        while entry is not None:
            entries.append(entry)
            if len(entries) == MAX_GROUP or self._gathered.empty():
                break
            entry = self._gathered.get_nowait()
        self._crowded = len(entries) > CROWD
        return entries, entry is None

    def _write(self, entries: list[_Entry], *, again: bool = False) -> None:
        """Write a group. When its transaction fails for another reason than an absent record, each one alone, once:
        one of them may be at fault, or another coordinator was first.
        """
        try:
            batch = self._commit(entries)
        except Exception as error:  # noqa: BLE001  the writer must outlive every fault of one batch
            if again or isinstance(error, RecordUnavailable):
                _fail(entries, error)
                return
            time.sleep(GIVE_WAY_SECONDS)
            for entry in entries:
                entry.error = None
                self._write([entry], again=True)
            return
        try:
            # First, so that whoever goes on with his answer finds that everybody here knows of it.
            self._on_written(batch)
        finally:
            _answer(entries, batch)
        self._hand_over(batch)

    def _pop(self, entries: list[_Entry]) -> None:
        leasing = [entry.command for entry in entries if isinstance(entry.command, LeaseRuns)]
        if not leasing:
            return
        try:
            popped = self._queue.pop([command.offer for command in leasing])
        except QueueUnavailable:
            popped = [[] for _ in leasing]
            self._turned_away = True
        self._dry = not any(popped)
        for command, uuids in zip(leasing, popped, strict=True):
            command.popped = uuids

    def _commit(self, entries: list[_Entry]) -> Batch:
        settled = self._settled
        with self._record.transaction() as transaction:
            batch = transaction.load(_all_needs(entries))
            for entry in entries:
                try:
                    entry.command.apply(batch)
                except GridError as error:
                    entry.error = error
            transaction.save(batch)
            transaction.settle(settled - batch.owed)
        self._settled = set()
        return batch

    def _hand_over(self, batch: Batch) -> None:
        """Send the batch's ops; what the queue could not take stays owed."""
        if not batch.ops:
            return
        try:
            self._queue.apply(batch.ops)
        except QueueUnavailable:
            return
        except Exception:
            log.exception("the queue failed in a way of its own")
            return
        self._settled |= batch.owed
        if batch.woken:
            self._on_queued(batch)


def _all_needs(entries: Iterable[_Entry]) -> Needs:
    needs = Needs()
    for entry in entries:
        needs.add(entry.command.needs())
    return needs


def _fail(entries: list[_Entry], error: Exception) -> None:
    for entry in entries:
        entry.error = error
    _answer(entries, None)


def _answer(entries: list[_Entry], batch: Batch | None) -> None:
    """Wake those who wait: threads at once, all of an event loop with one call."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any, Exception | None]]] = {}
    for entry in entries:
        answer = None if entry.error or batch is None else entry.command.answer(batch)
        if isinstance(entry.future, Future):
            _resolve(entry.future, answer, entry.error)
        else:
            loops.setdefault(entry.future.get_loop(), []).append((entry.future, answer, entry.error))
    for loop, answers in loops.items():
        loop.call_soon_threadsafe(_resolve_all, answers)


def _resolve(future: "Future[Any] | asyncio.Future[Any]", answer: Any, error: Exception | None) -> None:
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(answer)


def _resolve_all(answers: list[tuple["asyncio.Future[Any]", Any, Exception | None]]) -> None:
    for future, answer, error in answers:
        if not future.done():
            _resolve(future, answer, error)
