"""Checkpoints as they come out of a sandbox, and go into one, whatever is in them and whatever the disk does."""

import io
import mmap
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idlegrid_node.sandbox.checkpoint import Checkpoints, files_of
from idlegrid_node.sandbox.keeper import MAX_CHECKPOINT_BYTES, MAX_CHECKPOINT_FILES

DISK_FULL = """
import resource, signal, sys
from pathlib import Path
from idlegrid_node.sandbox.checkpoint import Checkpoints
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
folder = Path(sys.argv[1])
checkpoints = Checkpoints(folder, lambda path, size: print("taken"), print)
for size in (10, 200_000, 10):
    checkpoints.begin()
    checkpoints.add(b"file %d 1\\na" % size + bytes(size))
    print(checkpoints.whole(last=False))
print(sorted(path.name for path in folder.iterdir()))
"""


class Taken(Checkpoints):
    """Receives, and notes what is taken and what is said."""

    def __init__(self, folder: Path) -> None:
        self.archives: list[Path] = []
        self.said: list[str] = []
        super().__init__(folder, lambda path, size: self.note(path, size), self.said.append)
        self.folder = folder

    def note(self, path: Path, size: int) -> None:
        assert path.stat().st_size == size
        self.archives.append(path)

    def give(self, *files: tuple[bytes, bytes], last: bool = False) -> bool:
        self.begin()
        for name, content in files:
            self.add(b"file %d %d\n" % (len(content), len(name)) + name + content)
        return self.whole(last=last)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []


@pytest.fixture
def checkpoints(tmp_path) -> Taken:
    return Taken(tmp_path / "lease")


def laid(archive: Path) -> dict[str, bytes]:
    return {file.name.removeprefix(".idlegrid/checkpoint/"): bytes(file.content) for file in files_of(archive)}


def test_what_comes_is_an_archive_that_any_tar_reads(checkpoints):
    files = {"a": b"", "sub/größe": b"x" * 1000, "deep/" * 12 + "n" * 150: bytes(range(256)) * 10}
    assert checkpoints.give(*((name.encode(), content) for name, content in files.items()))
    with tarfile.open(checkpoints.archives[0], "r:") as archive:
        assert {member.name: archive.extractfile(member).read() for member in archive} == files
    assert laid(checkpoints.archives[0]) == files
    assert checkpoints.left() == ["1.tar"]


@given(
    st.dictionaries(st.text("abü/ .", min_size=1, max_size=300), st.binary(max_size=2000), max_size=5),
    st.integers(1, 3000),
)
def test_however_it_is_cut_it_arrives_or_is_refused(tmp_path_factory, files, size):
    checkpoints = Taken(tmp_path_factory.mktemp("lease"))
    named = {name.encode(): content for name, content in files.items()}
    whole = b"".join(b"file %d %d\n%b%b" % (len(content), len(name), name, content) for name, content in named.items())
    checkpoints.begin()
    for start in range(0, len(whole), size):
        checkpoints.add(whole[start : start + size])
    if checkpoints.whole(last=False):
        assert laid(checkpoints.archives[0]) == files
    else:
        assert (len(checkpoints.said), checkpoints.left()) == (1, [])


@pytest.mark.parametrize("name", [b"a\nb", b"\xff", b"\\", b"../x", b"/x", b"a//b", b"x" * 256, b"\x1b[2J"])
def test_a_name_that_cannot_be_kept_loses_the_checkpoint_not_the_one_before(checkpoints, name):
    assert checkpoints.give((b"good", b"1"))
    assert not checkpoints.give((b"good", b"2"), (name, b"x"), (b"later", b"x"))
    assert "a name that cannot be kept" in checkpoints.said[0]
    assert (len(checkpoints.archives), checkpoints.left()) == (1, ["1.tar"])


def test_a_name_comes_once(checkpoints):
    assert not checkpoints.give((b"a", b"1"), (b"a", b"2"))


def test_the_bounds_hold_here_too(checkpoints):
    assert not checkpoints.give(*((b"%d" % number, b"") for number in range(MAX_CHECKPOINT_FILES + 1)))
    checkpoints.begin()
    checkpoints.add(b"file %d 1\nx" % (MAX_CHECKPOINT_BYTES + 1))
    assert not checkpoints.whole(last=False)
    assert [sentence for sentence in checkpoints.said if "1,000 files and 100 MB" in sentence] == checkpoints.said
    assert checkpoints.left() == []


def test_an_archive_that_its_names_make_too_large_is_refused_here_and_not_later(checkpoints):
    content = bytes(104_000)
    assert not checkpoints.give(*((b"%03d" % number + "ü".encode() * 250, content) for number in range(1000)))
    assert "1,000 files and 100 MB" in checkpoints.said[0]
    assert checkpoints.left() == []


def test_one_that_breaks_off_is_lost(checkpoints):
    checkpoints.begin()
    checkpoints.add(b"file 10 1\nxhalf")
    assert not checkpoints.whole(last=False)
    checkpoints.begin()
    checkpoints.add(b"file 10 1\nxhalf")
    checkpoints.unfit("bytes")
    checkpoints.begin()
    checkpoints.cut_off()
    assert (checkpoints.archives, checkpoints.left(), len(checkpoints.said)) == ([], [], 2)


@pytest.mark.parametrize("nonsense", [b"end 0\n", b"piece 1\nx", b"file -1 1\n", b"stopped\n"])
def test_nonsense_is_refused(checkpoints, nonsense):
    checkpoints.begin()
    with pytest.raises(ValueError):
        checkpoints.add(nonsense)
    checkpoints.cut_off()
    assert checkpoints.left() == []


def test_of_code_that_has_ended_an_empty_folder_is_no_checkpoint(checkpoints):
    assert not checkpoints.give(last=True)
    assert checkpoints.said == []
    assert checkpoints.give()
    assert laid(checkpoints.archives[0]) == {}


def test_a_full_disk_loses_the_checkpoint_and_the_next_one_is_tried(tmp_path):
    command = [sys.executable, "-c", DISK_FULL, str(tmp_path / "lease")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = "idlegrid: the checkpoint was not taken: the node's disk does not take it"
    assert done.stdout.split("\n") == ["taken", "True", said, "", "False", "taken", "True", "['1.tar', '3.tar']", ""]


def test_a_folder_that_cannot_be_made_loses_the_checkpoint(tmp_path):
    (tmp_path / "file").touch()
    checkpoints = Taken(tmp_path / "file" / "lease")
    assert not checkpoints.give((b"a", b"1"))
    assert "disk" in checkpoints.said[0]


def hostile(path: Path, *members: tarfile.TarInfo, mode: str = "w") -> Path:
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return path


def member(name: str, size: int = 0, **more: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    for key, value in more.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize(
    "bad",
    [
        member("a", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("a", type=tarfile.LNKTYPE, linkname="b"),
        member("a", type=tarfile.DIRTYPE),
        member("a", type=tarfile.FIFOTYPE),
        member("a", type=tarfile.CHRTYPE),
        member("../a"),
        member("a\nb"),
        member("a/../b"),
        member("sparse", pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": "100"}),
    ],
    ids=lambda info: f"{info.type!r} {info.name!r}",
)
def test_an_archive_that_no_node_of_ours_would_make_is_refused(tmp_path, bad):
    with pytest.raises(ValueError):
        files_of(hostile(tmp_path / "a.tar", member("good"), bad))


def test_an_archive_with_too_much_in_it_is_refused(tmp_path):
    many = hostile(tmp_path / "many.tar", *(member(str(number)) for number in range(MAX_CHECKPOINT_FILES + 1)))
    cut = tmp_path / "cut.tar"
    cut.write_bytes(member("a", MAX_CHECKPOINT_BYTES).tobuf() + bytes(1024))
    large = tmp_path / "large.tar"
    large.write_bytes(member("a", MAX_CHECKPOINT_BYTES + 1).tobuf() + bytes(1024))
    packed = hostile(tmp_path / "packed.tar", member("a", 1000), mode="w:gz")
    for path in (many, cut, large, packed):
        with pytest.raises(ValueError):
            files_of(path)


def test_what_is_no_archive_is_refused(tmp_path):
    for content in (b"", b"x", bytes(10_000), b"x" * 10_000):
        (tmp_path / "a.tar").write_bytes(content)
        if content == bytes(10_000):
            assert files_of(tmp_path / "a.tar") == []
        else:
            with pytest.raises(ValueError):
                files_of(tmp_path / "a.tar")


def test_the_files_stay_on_the_disk_and_outlive_their_archive(checkpoints):
    checkpoints.give((b"a", b"x" * 100_000))
    (file,) = files_of(checkpoints.archives[0])
    checkpoints.archives[0].unlink()
    assert isinstance(file.content, memoryview)
    assert isinstance(file.content.obj, mmap.mmap)
    assert bytes(file.content) == b"x" * 100_000
