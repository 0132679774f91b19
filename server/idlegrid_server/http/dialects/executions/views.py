"""Putting together what an answer of the execution API needs from several queries: how much of a log it shows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.model import Run
from idlegrid_server.core.queries import LogLine, Reader, RunView, Tail
from idlegrid_server.http.dialects.executions import translate
from idlegrid_server.http.dialects.executions.logs import START, Cursor, Entry, told

MAX_PIECES: Final = 1_000
"""Pieces of a log in one answer, and steps of a story."""
MAX_BYTES: Final = 1 << 20
"""Bytes of a log in one answer, with what an entry costs besides its message."""
ENTRY_BYTES: Final = 80
STEP: Final = 100
"""Pieces read at a time: most that are read in vain, when the first ones fill the answer."""
IN_LIST: Final = 20
"""Entries of each run's log in a list."""
IN_LIST_CHARACTERS: Final = 16 << 10
"""Of the log itself, so that a list stays small, too."""


async def execution(coordinator: Coordinator, execution_id: str, within: str | None, start: Cursor) -> dict[str, Any]:
    """A run with its log after `start`. Raises NotFound."""
    run_id = await coordinator.runs.find(execution_id, within)
    # The run first: of one that has ended all is there that will ever be told.
    view = await coordinator.view(run_id, what="Run")
    return await coordinator.read(_with_log, coordinator.reader, view, start)


async def executions(coordinator: Coordinator, task_name: str, most: int, within: str | None) -> list[dict[str, Any]]:
    """A task's latest runs, each with the end of its log. Raises NotFound."""
    views = await coordinator.runs.latest(task_name, most, within)
    return await coordinator.read(_with_tails, coordinator.reader, views)


def _with_log(reader: Reader, view: RunView, start: Cursor) -> dict[str, Any]:
    # The story before the log: what an attempt wrote is there before its end is.
    story = reader.story(view.run.id, start.event, MAX_PIECES)
    pieces, is_cut = _pieces(reader, view.run.id, start)
    is_over = view.run.state.is_final
    logs, end = told(story, pieces, start, view.run.timeout, is_cut=is_cut, is_over=is_over)
    more = is_cut or len(story) == MAX_PIECES
    return {**translate.execution(view, logs), "logsAfter": str(end), "logsMore": more}


def _pieces(reader: Reader, run_id: int, start: Cursor) -> tuple[list[LogLine], bool]:
    """As much of a log as fits into an answer, and whether there is more."""
    found, room, after = list[LogLine](), MAX_BYTES, start.before
    # Always a piece that is new, so that an unfinished line comes together with what goes on with it.
    least = 2 if start.offset else 1
    while len(found) < MAX_PIECES:
        step = reader.logs(run_id, after, STEP)
        for piece in step:
            room -= _cost(piece)
            if len(found) >= least and room < 0:
                return found, True
            found.append(piece)
        if len(step) < STEP:
            return found, False
        after = step[-1].id
    return found, True


def _cost(piece: LogLine) -> int:
    return len(piece.text.encode()) + ENTRY_BYTES * (1 + piece.text.count("\n"))


def _with_tails(reader: Reader, views: Sequence[RunView]) -> list[dict[str, Any]]:
    tails = reader.tails([view.run.id for view in views], IN_LIST)
    return [translate.execution(view, _entries(view.run, tails[view.run.id])) for view in views]


def _entries(run: Run, tail: Tail) -> list[Entry]:
    """The newest entries of a run's log."""
    before = run.attempts - sum(step.event == START for step in tail.story)
    pieces = _last_characters(tail.pieces)
    return told(tail.story, pieces, Cursor(attempt=before), run.timeout)[0][-IN_LIST:]


def _last_characters(pieces: Sequence[LogLine]) -> list[LogLine]:
    kept, room = list[LogLine](), IN_LIST_CHARACTERS
    for piece in reversed(pieces):
        if room <= 0:
            break
        kept.append(replace(piece, text=piece.text[-room:]))
        room -= len(piece.text)
    return kept[::-1]
