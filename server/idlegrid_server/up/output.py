"""What children print: kept in bounded files, the last line at hand, passed through on request."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

LOG_BYTES = 8 * 2**20
"""Size at which a log is rotated; with the one before it a child takes at most twice as much disk."""


class ChildLog:
    """The log of the child `name` in `folder`: `NAME.log`, with the one before as `NAME.log.1`.

    `echo`, if given, gets every whole line too. A disk that is full loses lines, not the grid.
    """

    def __init__(
        self, folder: Path, name: str, echo: Callable[[str], None] | None = None, limit: int = LOG_BYTES
    ) -> None:
        self.path = folder / f"{name}.log"
        self.last_line = ""
        self._name = name
        self._echo = echo
        self._limit = limit
        self._rest = b""
        self._file = self._rotate()

    def write(self, data: bytes) -> None:
        """Take a piece of output, which may end in the middle of a line."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-self._limit :]
        for line in lines:
            self._note(line.decode(errors="replace").rstrip())
        self._save(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _note(self, line: str) -> None:
        self.last_line = line or self.last_line
        if self._echo is not None:
            self._echo(f"{self._name:<12} | {line}")

    def _save(self, data: bytes) -> None:
        try:
            if self._file.tell() + len(data) > self._limit:
                self._file.close()
                self._file = self._rotate()
            self._file.write(data)
        except (OSError, ValueError):  # ValueError: an earlier rotation failed and left the file closed
            return

    def _rotate(self) -> BinaryIO:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.path.exists():
            os.replace(self.path, self.path.with_suffix(".log.1"))
        return self.path.open("wb", buffering=0)
