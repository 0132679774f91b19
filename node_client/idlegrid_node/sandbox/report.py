"""What comes out of a sandbox on its report pipe, taken apart. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE = 4096
MAX_PIECE = 2**18


@dataclass(frozen=True)
class Line:
    """A line, in words."""

    words: tuple[bytes, ...]


@dataclass(frozen=True)
class FileBegins:
    """A file of `size` bytes follows."""

    name: bytes
    size: int


@dataclass(frozen=True)
class FileBytes:
    """A piece of the file that has begun."""

    data: bytes


@dataclass(frozen=True)
class Piece:
    """A piece of a checkpoint; what it is a piece of is taken apart by a parser of its own."""

    data: bytes


Event = Line | FileBegins | FileBytes | Piece


class ReportParser:
    """Turns the bytes of the pipe, in pieces of any size, into events (`inside.py` has the format)."""

    def __init__(self) -> None:
        self._rest = b""
        self._name_left = self._file_left = self._piece_left = 0
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what `data` completes. Raises ValueError for what no supervisor of ours would say."""
        self._rest += data
        while self._rest:
            event = self._next()
            if event is None:
                return
            if not isinstance(event, Line) or event.words:
                yield event

    def _next(self) -> Event | None:
        if self._file_left:
            piece, self._rest = self._rest[: self._file_left], self._rest[self._file_left :]
            self._file_left -= len(piece)
            return FileBytes(piece)
        if self._name_left:
            return self._name()
        if self._piece_left:
            return self._piece()
        line, newline, rest = self._rest.partition(b"\n")
        if not newline:
            if len(line) > MAX_LINE:
                raise ValueError("a line without end")
            return None
        self._rest = rest
        return self._line(tuple(line.split()))

    def _line(self, words: tuple[bytes, ...]) -> Event | None:
        match words:
            case (b"file", size, name_length):
                self._size, self._name_left = int(size), int(name_length)
                if self._size < 0 or not 0 < self._name_left <= MAX_LINE * 16:
                    raise ValueError("a file that cannot be")
                return Line(())
            case (b"piece", size):
                self._piece_left = int(size)
                if not 0 < self._piece_left <= MAX_PIECE:
                    raise ValueError("a piece that cannot be")
                return Line(())
            case _:
                return Line(words)

    def _piece(self) -> Event:
        data, self._rest = self._rest[: self._piece_left], self._rest[self._piece_left :]
        self._piece_left -= len(data)
        return Piece(data)

    def _name(self) -> Event | None:
        if len(self._rest) < self._name_left:
            return None
        name, self._rest = self._rest[: self._name_left], self._rest[self._name_left :]
        self._name_left, self._file_left = 0, self._size
        return FileBegins(name, self._size)
