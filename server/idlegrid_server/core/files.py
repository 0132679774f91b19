"""Files that runs leave or tasks bring: which names are good, who may add one, how large all of them may be. Pure."""

import mimetypes
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from idlegrid_server.core.errors import NotFound, StaleReport, TooLarge
from idlegrid_server.core.limits import FILE_CHUNK, MAX_FILES, MAX_FILES_BYTES, MAX_TASK_FILES_BYTES
from idlegrid_server.core.model import Run

MAX_NAME: Final = 255
"""Characters of a file's name, its folders included."""
MAX_PARTS: Final = 16
"""Folders a name may lead through, the file itself included."""
UNKNOWN_TYPE: Final = "application/octet-stream"
COMPRESSED: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
"""Media types of what is packed, whatever is inside."""

_types: Final = mimetypes.MimeTypes()
"""Python's own table: what the machine at hand knows must not decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that an attempt sends; `size` in bytes, `sha256` as hex."""

    run_uuid: str
    lease_id: str
    name: str
    size: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as the record has it. `id` finds its bytes."""

    id: str
    run_id: int
    lease_id: str
    name: str
    size: int
    sha256: str
    media_type: str
    created_at: float

    @property
    def chunks(self) -> int:
        """How many rows hold its bytes."""
        return chunks_of(self.size)


@dataclass(frozen=True, slots=True)
class TaskFile:
    """A file of a task, laid in the working folder of its runs. `id` finds its bytes; `sha256` is hex."""

    id: str
    task_id: int
    name: str
    size: int
    sha256: str
    media_type: str
    created_at: float

    @property
    def chunks(self) -> int:
        """How many rows hold its bytes."""
        return chunks_of(self.size)


def chunks_of(size: int) -> int:
    """How many rows of the record hold so many bytes."""
    return -(-size // FILE_CHUNK)


def is_good_name(name: str) -> bool:
    """Whether a name is a relative path that stays where it begins, and that any system could show."""
    parts = name.split("/")
    return (
        len(name) <= MAX_NAME
        and len(parts) <= MAX_PARTS
        and not {"", ".", ".."} & set(parts)
        and not any(letter == "\\" or unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
    )


def media_type(name: str) -> str:
    """What kind of file it is, judged by its name alone."""
    ending = "".join(PurePosixPath(name).suffixes)
    kind, packed = _types.guess_type(f"x{ending}")
    return COMPRESSED.get(packed, UNKNOWN_TYPE) if packed else kind or UNKNOWN_TYPE


def check_newest(run: Run, lease_id: str) -> None:
    """Whether what an attempt leaves is taken still. Raises StaleReport when it has ended or is not the newest."""
    if run.lease_id != lease_id:
        raise StaleReport(f"Task {run.id}: this lease is gone, a newer attempt has the run")
    if run.state.is_final or run.digest:
        raise StaleReport(f"Task {run.id}: this attempt has ended, what it leaves is not taken any more")


def check_upload(run: Run | None, upload: Upload, kept: Sequence[StoredFile]) -> Run:
    """The run, when the attempt may add this file to those it has.

    Raises NotFound for an unknown run, StaleReport for a lease that is not the newest or has reported, TooLarge.
    """
    if run is None:
        raise NotFound(f"Run {upload.run_uuid} is unknown: drop its files")
    check_newest(run, upload.lease_id)
    others = [file for file in kept if file.lease_id == upload.lease_id and file.name != upload.name]
    if len(others) >= MAX_FILES:
        raise TooLarge(f"An attempt may leave at most {MAX_FILES} files")
    if sum(file.size for file in others) + upload.size > MAX_FILES_BYTES:
        raise TooLarge(f"All files of an attempt together may have at most {MAX_FILES_BYTES >> 20} MiB")
    return run


def outdated(upload: Upload, kept: Sequence[StoredFile]) -> list[StoredFile]:
    """What gives way to the new file: its namesake, and all that older attempts have left."""
    return [file for file in kept if file.lease_id != upload.lease_id or file.name == upload.name]


def check_task_file(name: str, size: int, kept: Sequence[TaskFile]) -> None:
    """Whether a task that has these files may have this one, too. Raises TooLarge."""
    others = [file for file in kept if file.name != name]
    if len(others) >= MAX_FILES:
        raise TooLarge(f"A task may have at most {MAX_FILES} files")
    if sum(file.size for file in others) + size > MAX_TASK_FILES_BYTES:
        raise TooLarge(f"All files of a task together may have at most {MAX_TASK_FILES_BYTES >> 20} MiB")
