"""What a run's code left under `./out/`: names, sizes, and the bytes when they are asked for.

Names come from foreign code. None is used as a path before `refused` has looked at it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PureWindowsPath
from typing import BinaryIO
from urllib.parse import quote
from uuid import uuid4

from idlegrid.display import size, table
from idlegrid.errors import FileError
from idlegrid.models import FromWire
from idlegrid.session import Session


@dataclass(frozen=True)
class RunFile(FromWire):
    """A file of a run: `size` is in bytes, `sha256` in hexadecimal digits; nothing of it is here until asked for."""

    name: str
    size: int = 0
    media_type: str = "application/octet-stream"
    sha256: str = ""
    created_at: datetime | None = None
    run_id: int = 0
    session: Session | None = field(default=None, repr=False, compare=False)

    def read(self) -> bytes:
        """Fetch it; raises `FileError` for a name that is none or content that is not what was sent."""
        return b"".join(self._checked())

    def save(self, folder: str | Path = ".") -> Path:
        """Write it below `folder` under its own name, in sub-folders if that has any; returns where it is.

        It stands there whole or not at all; a file that was there under that name is replaced. Raises
        `FileError` for a name that would leave the folder, a disk that does not take it, or wrong content.
        """
        _refuse(self.name)
        target = Path(folder, self.name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with _written(target) as file:
                for piece in self._checked():
                    file.write(piece)
        except OSError as error:
            raise FileError(f"{target} cannot be written: {error.strerror}") from error
        return target

    def _checked(self) -> Iterator[bytes]:
        """The content in pieces; the last is followed by an error if they are not what the node sent."""
        _refuse(self.name)
        if self.session is None:
            raise FileError(f"{self.name!r} belongs to no coordinator: ask a run for its files()")
        digest = hashlib.sha256()
        with self.session.stream(f"/api/runs/{self.run_id}/files/{quote(self.name)}") as pieces:
            for piece in pieces:
                digest.update(piece)
                yield piece
        if self.sha256 and digest.hexdigest() != self.sha256:
            raise FileError(f"{self.name!r} of run {self.run_id} arrived damaged: its SHA-256 is not what was sent")


class RunFiles(list[RunFile]):
    """The files of a run, by name; a notebook shows them as a table."""

    def save(self, folder: str | Path = ".") -> list[Path]:
        """`RunFile.save` each of them; those before an error are saved."""
        return [file.save(folder) for file in self]

    def _repr_html_(self) -> str:
        return table(("file", "size", "type"), ((file.name, size(file.size), file.media_type) for file in self))


def listed(items: Iterable[dict[str, object]], run_id: int, session: Session | None) -> RunFiles:
    """Read the items of `GET /api/runs/{id}/files`."""
    return RunFiles(RunFile.from_wire({**item, "run_id": run_id, "session": session}) for item in items)


def refused(name: str) -> str | None:
    """Why a name must not become a path below a folder, on any system; None when it may."""
    parts = name.split("/")
    if "\\" in name or not all(letter >= " " and letter != "\x7f" for letter in name):
        return "it has a backslash or a control character"
    if any(PureWindowsPath(part).drive for part in parts):
        return "it names a drive"
    if not all(parts) or {".", ".."} & set(parts):
        return "it is not a path below a folder"
    return None


def _refuse(name: str) -> None:
    if why := refused(name):
        raise FileError(f"a file named {name!r} is refused: {why}")


@contextmanager
def _written(target: Path) -> Iterator[BinaryIO]:
    """A new file that takes the target's name when the block ends well, and is gone otherwise."""
    unfinished = target.with_name(f".{uuid4().hex}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
