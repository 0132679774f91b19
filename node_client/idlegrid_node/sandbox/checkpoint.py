"""A run's checkpoint: received from its sandbox as a tar archive, whole or not at all; read for its next attempt."""

import contextlib
import mmap
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from idlegrid_node.sandbox.child import CHECKPOINT, LIBRARY
from idlegrid_node.sandbox.files import clean_name
from idlegrid_node.sandbox.job import FileIn
from idlegrid_node.sandbox.keeper import MAX_CHECKPOINT_BYTES, MAX_CHECKPOINT_FILES
from idlegrid_node.sandbox.report import FileBegins, FileBytes, ReportParser

MAX_ARCHIVE_BYTES = MAX_CHECKPOINT_BYTES + 2**20
"""The protocol's: what long names add to a thousand files may be more, and would be refused later."""
BOUNDS = f"{MAX_CHECKPOINT_FILES:,} files and {MAX_CHECKPOINT_BYTES >> 20} MB in all"
REFUSALS = {
    "files": f"it may have {BOUNDS}",
    "bytes": f"it may have {BOUNDS}",
    "entries": "there are too many folders, or they lie too deep",
    "unreadable": "something in it cannot be read",
    "missing": "its folder is gone",
    "name": "a file has a name that cannot be kept everywhere",
    "disk": "the node's disk does not take it",
}
"""What may be wrong with a checkpoint: the supervisor's words, and two of our own."""
SENTENCE = "idlegrid: the checkpoint was not taken: {}\n"


class Checkpoints:
    """Receives the checkpoints of one job into `folder`, which is made with the first.

    `taken` is called with the archive's path and its size in bytes, by the thread that follows the job; from then on
    the archive is whose function that is. `complain` gets a sentence for each that is not taken.
    """

    def __init__(self, folder: Path, taken: Callable[[Path, int], None], complain: Callable[[str], None]) -> None:
        self._folder = folder
        self._taken = taken
        self._complain = complain
        self._count = 0
        self._draft: _Draft | None = None
        self._parser = ReportParser()
        self._wrong = ""

    def hear(self, words: tuple[bytes, ...], *, last: bool) -> bool:
        """What the supervisor says of it; returns whether one is taken now. `last`: the code has ended.

        Raises ValueError for what no supervisor of ours would say.
        """
        match words:
            case (b"checkpoint",):
                self.begin()
            case (b"unfit", why):
                self.unfit(why.decode())
            case (b"whole",):
                return self.whole(last=last)
            case _:
                raise ValueError(f"{words!r}")
        return False

    def begin(self) -> None:
        """A checkpoint follows; one that is not whole yet will never be."""
        self.cut_off()
        self._count += 1
        self._wrong, self._parser = "", ReportParser()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._draft = _Draft(self._folder / f"{self._count}.part")
        except OSError:  # a full disk loses the checkpoint, not the run
            self._wrong = "disk"

    def add(self, data: bytes) -> None:
        """A piece of it. Raises ValueError for what no supervisor of ours would say."""
        for event in self._parser.feed(data):
            if self._draft is not None:
                self._write(self._draft, event)

    def unfit(self, why: str) -> None:
        """The rest of it will not come."""
        self._give_up(why)
        self._say()

    def whole(self, *, last: bool) -> bool:
        """All of it has come; returns whether it is taken. Of the `last` one that only is where there is any file."""
        draft, self._draft = self._draft, None
        if draft is not None and last and not draft.files:
            draft.drop()
            return False
        if draft is None or not self._finish(draft):
            self._say()
            return False
        return True

    def cut_off(self) -> None:
        """No more will come: one that has begun and is not whole is lost."""
        self._give_up("")

    def _write(self, draft: "_Draft", event: object) -> None:
        try:
            match event:
                case FileBegins(raw, size):
                    self._file(draft, raw, size)
                case FileBytes(data):
                    draft.add(data)
                case _:
                    raise ValueError("a checkpoint that makes no sense")
        except OSError:
            self._give_up("disk")

    def _file(self, draft: "_Draft", raw: bytes, size: int) -> None:
        name = clean_name(raw)
        if name is None or name.encode() != raw or name in draft.names:
            self._give_up("name")
        elif draft.files >= MAX_CHECKPOINT_FILES or draft.bytes + size > MAX_CHECKPOINT_BYTES:
            self._give_up("bytes")
        else:
            draft.begin(name, size)

    def _finish(self, draft: "_Draft") -> bool:
        path = self._folder / f"{self._count}.tar"
        try:
            size = draft.finish(path)
        except (OSError, ValueError):
            draft.drop()
            self._wrong = "disk"
            return False
        if size > MAX_ARCHIVE_BYTES:
            path.unlink(missing_ok=True)
            self._wrong = "bytes"
            return False
        self._taken(path, size)
        return True

    def _give_up(self, why: str) -> None:
        if self._draft is not None:
            self._draft.drop()
            self._draft = None
            self._wrong = why

    def _say(self) -> None:
        self._complain(SENTENCE.format(REFUSALS.get(self._wrong, "it came damaged")))


class _Draft:
    """A tar archive that is being written. All methods but `drop` raise OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("wb")
        self._left = self._padding = 0
        self.names: set[str] = set()
        self.files = self.bytes = 0

    def begin(self, name: str, size: int) -> None:
        """A file follows."""
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o644
        self._file.write(member.tobuf(tarfile.PAX_FORMAT))
        self._left, self._padding = size, -size % tarfile.BLOCKSIZE
        self.names.add(name)
        self.files += 1
        self.bytes += size

    def add(self, data: bytes) -> None:
        """A piece of it."""
        self._file.write(data)
        self._left -= len(data)
        if not self._left:
            self._file.write(bytes(self._padding))

    def finish(self, path: Path) -> int:
        """Make it the archive at `path`; returns its size. Raises ValueError when a file is not whole."""
        if self._left:
            raise ValueError("a file that is not whole")
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))
        self._file.write(bytes(-self._file.tell() % tarfile.RECORDSIZE))
        size = self._file.tell()
        self._file.close()
        self._path.rename(path)
        return size

    def drop(self) -> None:
        """Forget it."""
        with contextlib.suppress(OSError):  # what is still buffered does not fit either
            self._file.close()
        self._path.unlink(missing_ok=True)


def files_of(archive: Path) -> list[FileIn]:
    """Return the files of a checkpoint, to be laid where the code looks for them; they stay on the disk until then.

    The archive may be unlinked meanwhile. Raises ValueError for one that no node of ours would have made, OSError
    when it cannot be read.
    """
    with archive.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        try:
            with tarfile.open(fileobj=file, mode="r:") as members:
                return [_file_in(member, content) for member in _bounded(members)]
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"no archive: {error}") from error


def _bounded(members: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    size = count = 0
    for member in members:
        size, count = size + member.size, count + 1
        if size > MAX_CHECKPOINT_BYTES or count > MAX_CHECKPOINT_FILES:
            raise ValueError(f"more than {BOUNDS}")
        yield member


def _file_in(member: tarfile.TarInfo, content: memoryview) -> FileIn:
    end = member.offset_data + member.size
    if member.type != tarfile.REGTYPE or member.sparse is not None or end > len(content):
        raise ValueError(f"{member.name!r} is no file")
    if clean_name(member.name.encode("utf-8", "replace")) != member.name:
        raise ValueError(f"{member.name!r} is no name for a file")
    return FileIn(f"{LIBRARY}/{CHECKPOINT}/{member.name}", content[member.offset_data : end])
