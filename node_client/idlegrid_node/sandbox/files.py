"""What the code left in `./out`: received under names that we make, its own names only noted."""

import contextlib
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from idlegrid_node.sandbox.collect import MAX_FILE_BYTES, MAX_FILES

MAX_NAME = 255
MAX_PARTS = 16


@dataclass(frozen=True)
class FileOut:
    """A file that a run left: the name it is to have, and where it lies here."""

    name: str
    path: Path


class FilesOut:
    """Receives files into `folder`, which is made with the first. `left_out` counts those that could not be kept."""

    def __init__(self, folder: Path) -> None:
        self.files: list[FileOut] = []
        self.left_out = 0
        self._folder = folder
        self._open: BinaryIO | None = None
        self._bytes = 0

    def begin(self, raw: bytes, size: int) -> None:
        """A file follows. One that may not go is taken in and dropped."""
        self.end()
        self._bytes += size
        name = clean_name(raw)
        known = {file.name for file in self.files}
        if name is None or name in known or len(known) >= MAX_FILES or self._bytes > MAX_FILE_BYTES:
            self.left_out += 1
            return
        path = self._folder / f"{len(known):03}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open = path.open("wb")
        except OSError:  # a full disk loses the files, not the run
            self.left_out += 1
            return
        self.files.append(FileOut(name, path))

    def add(self, data: bytes) -> None:
        """A piece of the file that has begun."""
        if self._open is None:
            return
        try:
            self._open.write(data)
        except OSError:
            self._drop()

    def end(self) -> None:
        """The file that has begun is whole."""
        if self._open is not None:
            try:
                self._open.close()
                self._open = None
            except OSError:
                self._drop()

    def cut_off(self) -> None:
        """No more will come: a file that has begun and is not whole is lost."""
        if self._open is not None:
            self._drop()

    def discard(self) -> None:
        """Remove what was received."""
        self.cut_off()
        self.files.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _drop(self) -> None:
        """The disk is full, or the end never came: this file is lost."""
        if self._open is not None:
            with contextlib.suppress(OSError):  # what is still buffered does not fit either
                self._open.close()
        self._open = None
        self.left_out += 1
        self.files.pop().path.unlink(missing_ok=True)


def clean_name(raw: bytes) -> str | None:
    """Return a file's name as it may be shown and kept, or None for one that cannot be made so.

    What is no text, or steers a terminal, becomes `_`: a name may hold newlines, escapes and bytes of any kind.
    """
    text = "".join("_" if _steers(character) else character for character in raw.decode("utf-8", "replace"))
    parts = text.split("/")
    if not 0 < len(text) <= MAX_NAME or len(parts) > MAX_PARTS or any(part in {"", ".", ".."} for part in parts):
        return None
    return text


def _steers(character: str) -> bool:
    return character in {"\\", "\ufffd"} or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
