"""A run's log as it grows: kept piece by piece, read by stream, searched."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from idlegrid.display import visible

SHOWN = 60_000
"""Characters of a log that are sent to a browser, the newest: it is drawn anew each second."""

LONGEST_LINE = 1_000
"""Characters of a line that was found; of a longer one the part around the match."""

MOST_FOUND = 500
"""Lines that were found and are shown, the newest."""

CAP_BYTES = 1 << 20
"""The most of a log that is kept, and so the most that is downloaded (docs/protocol.md)."""


@dataclass(frozen=True, slots=True)
class Log:
    """What is known of a log: `pieces` of stream and text made visible, up to the id `last`.

    `begun_late` says that there may be pieces before the first one, `finished` that nothing will come any more.
    """

    run_id: int
    pieces: tuple[tuple[str, str], ...] = ()
    last: int = -1
    begun_late: bool = False
    finished: bool = False

    def text(self, stream: str = "all") -> str:
        """What was written to `stream` (`all`, `stdout`, `stderr`), in the order of arrival."""
        return "".join(text for written, text in self.pieces if stream in ("all", written))


@dataclass(frozen=True, slots=True)
class Found:
    """The lines that match: the newest `MOST_FOUND` of them as one `text`, their `number`, and the `lines` in all."""

    text: str
    number: int
    lines: int


def joined(log: Log, page: Mapping[str, Any], asked_for: int) -> Log:
    """The log with a page of `GET /api/runs/{id}/logs` added, of which at most `asked_for` pieces were asked for.

    The first page is the newest pieces; what is known already is left out.
    """
    items = [item for item in page.get("items") or () if item["id"] > log.last]
    whole = len(page.get("items") or ()) < asked_for
    return replace(
        log,
        pieces=log.pieces + tuple((str(item.get("stream")), visible(item.get("text") or "")) for item in items),
        last=max([log.last, *(item["id"] for item in items)]),
        begun_late=log.begun_late or (log.last < 0 and not whole),
        finished=bool(page.get("finished")) and (whole or log.last < 0),
    )


def search(text: str, words: str) -> Found:
    """The lines that have these words in them, in any case."""
    lines = text.splitlines()
    wanted = words.casefold()
    matching = [line for line in lines if wanted in line.casefold()]
    return Found("\n".join(_excerpt(line, wanted) for line in matching[-MOST_FOUND:]), len(matching), len(lines))


def cut(pieces: list[str]) -> bytes:
    """The pieces as UTF-8, at most `CAP_BYTES` of them; a character is not cut in two."""
    return "".join(pieces).encode(errors="replace")[:CAP_BYTES].decode(errors="ignore").encode()


def _excerpt(line: str, wanted: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    begin = max(0, line.casefold().find(wanted) - LONGEST_LINE // 2)
    end = begin + LONGEST_LINE
    return ("…" if begin else "") + line[begin:end] + ("…" if end < len(line) else "")
