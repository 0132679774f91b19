"""The coordinator's verbs about many runs, and about runs by their UUID. Dialects reach them as `coordinator.runs`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from idlegrid_server.core.access import in_reach
from idlegrid_server.core.commands import CancelUnfinished
from idlegrid_server.core.definitions import Task
from idlegrid_server.core.errors import NotFound, OutOfReach
from idlegrid_server.core.model import RunState
from idlegrid_server.core.queries import Reader, RunFilter, RunView, Unfinished
from idlegrid_server.core.writer import Writer

CHUNK: Final = 250
"""Runs cancelled in one command, so that others get their turn in between."""
FINISHED: Final = [state.value for state in RunState if state.is_final]
UNFINISHED: Final = [state.value for state in RunState if not state.is_final]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of a wish to cancel: UUIDs of the runs that it ended, and what of its words found nothing to end."""

    uuids: Sequence[str]
    not_found: Sequence[str]


class RunDesk:
    """Finds and cancels runs. Every method raises RecordUnavailable.

    `within` is the submitter whose runs alone are in the caller's reach; None is no bound.
    """

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    async def find(self, uuid: str, within: str | None) -> int:
        """The id of a run. Raises NotFound; OutOfReach, in the same words, for a run of somebody else."""
        words, found = f"Execution {uuid} not found", await asyncio.to_thread(self._reader.run_ids, [uuid])
        if uuid not in found:
            raise NotFound(words)
        run_id, submitter = found[uuid]
        if not in_reach(submitter, within):
            raise OutOfReach(words)
        return run_id

    async def task(self, name: str) -> Task:
        """A task by its name. Raises NotFound."""
        tasks = await asyncio.to_thread(self._reader.tasks_named, [name])
        if name not in tasks:
            raise NotFound(f"Task {name} not found")
        return tasks[name]

    async def latest(self, task_name: str, most: int, within: str | None) -> list[RunView]:
        """A task's unfinished runs and its latest finished ones, `most` in all, newest first. Raises NotFound."""
        task = await self.task(task_name)
        wanted = RunFilter(states=UNFINISHED, task_id=task.id, submitter=within, size=most)
        return await asyncio.to_thread(self._latest, wanted)

    def _latest(self, wanted: RunFilter) -> list[RunView]:
        found, _ = self._reader.runs(wanted)
        if (room := wanted.size - len(found)) > 0:
            found += self._reader.runs(replace(wanted, states=FINISHED, size=room))[0]
        # A run that ended between the two looks is in both.
        return sorted({view.run.id: view for view in found}.values(), key=lambda view: -view.run.id)

    async def cancel(self, uuids: Sequence[str], within: str | None) -> Cancelled:
        """End those of the runs that have not ended."""
        ids = await self._ids(uuids, within)
        numbers = sorted(ids.values())
        chunks = [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]
        ended = {run.uuid for chunk in chunks for run in await self._writer.ask(CancelUnfinished(chunk))}
        asked = dict.fromkeys(uuids)
        return Cancelled([uuid for uuid in asked if uuid in ended], [uuid for uuid in asked if uuid not in ended])

    async def cancel_of(self, names: Sequence[str], within: str | None) -> Cancelled:
        """End all unfinished runs of these tasks; what is not found are tasks."""
        tasks = await asyncio.to_thread(self._reader.tasks_named, names)
        missing = [name for name in dict.fromkeys(names) if name not in tasks]
        ids = sorted(task.id for task in tasks.values())
        unfinished = partial(self._reader.unfinished, task_ids=ids, submitter=within)
        return Cancelled(await cancel_all(self._writer, unfinished) if ids else [], missing)

    async def cancel_all(self, within: str | None) -> int:
        """End all unfinished runs; answers how many it were."""
        return len(await cancel_all(self._writer, partial(self._reader.unfinished, submitter=within)))

    async def _ids(self, uuids: Sequence[str], within: str | None) -> dict[str, int]:
        found = await asyncio.to_thread(self._reader.run_ids, uuids)
        return {uuid: run_id for uuid, (run_id, submitter) in found.items() if in_reach(submitter, within)}


async def cancel_all(writer: Writer, unfinished: Callable[[int, int], list[Unfinished]]) -> list[str]:
    """End the runs that `unfinished(after, limit)` finds, as they are by then; answers the UUIDs of those it ended.

    It goes by id, so runs that are made meanwhile may be among them, but it always comes to an end.
    """
    ended, after = list[str](), 0
    while found := await asyncio.to_thread(unfinished, after, CHUNK):
        ended += [run.uuid for run in await writer.ask(CancelUnfinished([one.id for one in found]))]
        after = found[-1].id
    return ended
