"""What a run's story and its log say, told as one list of entries, oldest first. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from operator import itemgetter
from typing import Any, Final

from idlegrid_server.core.queries import LogLine, StoryPiece
from idlegrid_server.core.words import iso
from idlegrid_server.http.dialects.tasks.translate import LEVELS as STREAM_LEVELS
from idlegrid_server.http.text import json_object

Entry = dict[str, Any]
Part = LogLine | StoryPiece
LEVELS: Final = ("info", "warn", "error", "debug")
"""The document's."""
START: Final = "lease"
STARTED: Final = "开始执行任务 (超时限制: {:.0f}ms)"
"""The document's."""
STEPS: Final[Mapping[str, tuple[str, str]]] = {
    "frozen": ("warn", "机主正在使用, 任务已暂停"),
    "thawed": ("info", "任务已继续执行"),
    "checkpoint": ("info", "已保存检查点"),
    "resumed": ("info", "从检查点继续执行"),
    "evict": ("warn", "机主已返回, 任务重新排队"),
    "return": ("warn", "节点已交回任务, 任务重新排队"),
    "lose": ("warn", "节点已丢失, 任务重新排队"),
    "retry": ("warn", "任务执行未成功, 等待重试"),
    "cancel": ("warn", "任务已取消"),
    "fail": ("error", "任务执行失败"),
    "time_out": ("error", "任务执行超时"),
    "abandon": ("error", "任务多次丢失, 不再重试"),
}
"""Events of a run's story that are told beside its starts: level and words."""
WITHIN: Final = frozenset({"frozen", "thawed", "checkpoint", "resumed"})
"""Events in the midst of an attempt; every other one stands between two."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a run's story and its log were told: `offset` characters into the piece, or all of it when that is 0."""

    event: int = 0
    attempt: int = 0
    """How many starts were told."""
    piece: int = 0
    offset: int = 0

    @property
    def before(self) -> int:
        """The last piece that was told whole."""
        return self.piece - 1 if self.offset else self.piece

    def __str__(self) -> str:
        return f"{self.event}.{self.attempt}.{self.piece}.{self.offset}"


def cursor(text: str) -> Cursor:
    """The cursor that was written so; the beginning for no text."""
    return Cursor(*map(int, text.split("."))) if text else Cursor()


def told(
    story: Sequence[StoryPiece],
    pieces: Sequence[LogLine],
    start: Cursor,
    timeout: float,
    *,
    is_cut: bool = False,
    is_over: bool = True,
) -> tuple[list[Entry], Cursor]:
    """The entries of what comes after `start`, and how far they go.

    `is_cut` says that there are more pieces than these, `is_over` that the run has ended: else the line that the log
    ends in may go on, and waits for its end as long as nothing follows.
    """
    parts = _in_order(story, _rest(pieces, start), start.attempt)
    if is_cut:
        # What followed the pieces that are left for the next answer comes with them.
        while parts and isinstance(parts[-1], StoryPiece):
            parts.pop()
    end = _reached(parts, start)
    last = parts[-1] if parts else None
    if isinstance(last, LogLine) and (is_cut or not is_over):
        base = start.offset if last.id == start.piece else 0
        told_of = _told_of(last, is_resumed=base > 0, is_cut=is_cut)
        parts[-1:] = [replace(last, text=last.text[:told_of])] if told_of else []
        end = end if told_of == len(last.text) else replace(end, offset=base + told_of)
    return list(_entries(parts, timeout)), end


def _told_of(last: LogLine, *, is_resumed: bool, is_cut: bool) -> int:
    """Characters of the last piece that are told before its line has ended: up to the end of the line before.

    What fills its piece waits for nothing; what waited already does so until something follows.
    """
    whole = last.text.rfind("\n") + 1
    return whole if whole or (is_resumed and not is_cut) else len(last.text)


def _rest(pieces: Sequence[LogLine], start: Cursor) -> list[LogLine]:
    """The pieces without what was told of the first."""
    if start.offset and pieces and pieces[0].id == start.piece:
        return [replace(pieces[0], text=pieces[0].text[start.offset :]), *pieces[1:]]
    return list(pieces)


def _in_order(story: Sequence[StoryPiece], pieces: Sequence[LogLine], attempt: int) -> list[Part]:
    """Attempt by attempt: its start, what it wrote, its end. Clocks of nodes differ, so times order only its midst."""
    lines = (((piece.attempt, 1, piece.at), piece) for piece in pieces)
    return [part for _, part in merge(_placed(story, attempt), lines, key=itemgetter(0))]


def _placed(story: Sequence[StoryPiece], attempt: int) -> Iterator[tuple[tuple[int, int, float], Part]]:
    for piece in story:
        attempt += piece.event == START
        phase = 0 if piece.event == START else 1 if piece.event in WITHIN else 2
        yield (attempt, phase, piece.at), piece


def _reached(parts: Sequence[Part], start: Cursor) -> Cursor:
    steps = [part for part in parts if isinstance(part, StoryPiece)]
    lines = [part for part in parts if isinstance(part, LogLine)]
    starts = sum(step.event == START for step in steps)
    end = replace(start, event=steps[-1].id if steps else start.event, attempt=start.attempt + starts)
    return replace(end, piece=lines[-1].id, offset=0) if lines else end


def _entries(parts: Sequence[Part], timeout: float) -> Iterator[Entry]:
    lines = _Lines()
    for part in parts:
        if isinstance(part, LogLine):
            yield from lines.taken(part)
        else:
            if part.event not in WITHIN:
                yield from lines.ended()
            yield from _step(part, timeout)
    yield from lines.ended()


class _Lines:
    """Puts lines together: a stream's next piece goes on where its last one ended."""

    def __init__(self) -> None:
        self._open: dict[str, list[LogLine]] = {}

    def taken(self, piece: LogLine) -> Iterator[Entry]:
        """The lines that end in this piece."""
        *whole, rest = piece.text.split("\n")
        for text in whole:
            begun = self._open.pop(piece.stream, [])
            yield _line(piece, "".join(part.text for part in begun) + text)
        if rest:
            self._open.setdefault(piece.stream, []).append(replace(piece, text=rest))

    def ended(self) -> Iterator[Entry]:
        """What was written last, without a line's end."""
        for begun in self._open.values():
            yield _line(begun[-1], "".join(part.text for part in begun))
        self._open.clear()


def _step(step: StoryPiece, timeout: float) -> Iterator[Entry]:
    if step.event == START:
        yield {"timestamp": iso(step.at), "level": "info", "message": STARTED.format(timeout * 1000)}
    elif step.event in STEPS:
        level, message = STEPS[step.event]
        data = {"event": step.event, "detail": step.detail}
        yield {"timestamp": iso(step.at), "level": level, "message": message, "data": data}


def _line(piece: LogLine, text: str) -> Entry:
    text = text.removesuffix("\r")
    usual = {"level": STREAM_LEVELS.get(piece.stream, "info"), "message": text}
    return {"timestamp": iso(piece.at), **usual, **_taken_apart(text)}


def _taken_apart(text: str) -> Entry:
    """What a line says that is a JSON object with a message; nothing of any other line."""
    said = json_object(text) if text.startswith("{") else None
    if said is None or not isinstance(said.get("message"), str):
        return {}
    entry: Entry = {"message": said.pop("message")}
    if said.get("level") in LEVELS:
        entry["level"] = said.pop("level")
    data = said.pop("data") if isinstance(said.get("data"), dict) else {}
    rest = {**said, **data}
    return {**entry, "data": rest} if rest else entry
