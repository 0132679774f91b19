"""What a run prints: kept up to a cap, and cut into log pieces for the submitter who watches."""

import codecs
import threading
from collections import deque
from typing import Any

KEEP_BYTES = 2**20
"""How much of each stream is kept: the protocol's 1 MiB."""
TOLERATE_BYTES = 16 * 2**20
"""A program that prints more than it may keep is cut; one that prints this much is printing for ever."""
PIECE_CHARACTERS = 16 * 1024
"""At most 64 KiB of UTF-8, the protocol's size of a piece."""


class Capture:
    """The first KEEP_BYTES of one stream."""

    def __init__(self, keep: int = KEEP_BYTES, tolerate: int = TOLERATE_BYTES) -> None:
        self._keep = keep
        self._tolerate = tolerate
        self._kept = bytearray()
        self._seen = 0

    def add(self, data: bytes) -> bytes:
        """Take what was printed; returns the part that is kept."""
        self._seen += len(data)
        kept = data[: max(0, self._keep - len(self._kept))]
        self._kept += kept
        return kept

    @property
    def truncated(self) -> bool:
        """Whether something was cut off."""
        return self._seen > self._keep

    @property
    def flooded(self) -> bool:
        """Whether so much came that the program has to be ended."""
        return self._seen > self._tolerate

    def text(self) -> str:
        """Return what was kept; bytes that are not UTF-8 are replaced."""
        return self._kept.decode("utf-8", "replace")


class LogBook:
    """The log pieces of one attempt that the coordinator has not acknowledged. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pieces: deque[dict[str, Any]] = deque()
        self._next = 0
        self._decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in ("stdout", "stderr")}

    def add(self, stream: str, data: bytes, now: float, *, final: bool = False) -> bool:
        """Note what was printed on `stream`; returns whether there is a new piece."""
        text = self._decoders[stream].decode(data, final)
        with self._lock:
            for start in range(0, len(text), PIECE_CHARACTERS):
                piece = text[start : start + PIECE_CHARACTERS]
                self._pieces.append({"seq": self._next, "time": now, "stream": stream, "text": piece})
                self._next += 1
        return bool(text)

    def pending(self, limit: int) -> list[dict[str, Any]]:
        """Return the oldest unacknowledged pieces, up to `limit` characters (but at least one piece)."""
        with self._lock:
            return _up_to(limit, self._pieces)

    def last(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest unacknowledged pieces, up to `limit` characters: the end says how it ended."""
        with self._lock:
            return _up_to(limit, reversed(self._pieces))[::-1]

    def acknowledge(self, seq: int) -> None:
        """Forget the pieces up to and with `seq`: the coordinator has them."""
        with self._lock:
            while self._pieces and self._pieces[0]["seq"] <= seq:
                self._pieces.popleft()


def _up_to(limit: int, pieces: Any) -> list[dict[str, Any]]:
    chosen: list[dict[str, Any]] = []
    room = limit
    for piece in pieces:
        room -= len(piece["text"])
        if chosen and room < 0:
            break
        chosen.append(piece)
    return chosen
