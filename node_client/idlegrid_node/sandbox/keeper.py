"""Runs inside, between `collect.py` and `inside.py`: takes checkpoints while the code runs, and hands it our answers.

The code asks by writing a name of NAME_BYTES letters and digits to the FIFO `asked` (the client's `guest.py` does), and
is answered by an empty file of that name with `.taken` or `.refused` beside it. It is not trusted: a name decides
nothing but where its own answer lies, and how often a checkpoint is taken is decided here.
"""

import _thread
import os
import time

from idlegrid_node.sandbox.child import CHECKPOINT, LIBRARY
from idlegrid_node.sandbox.collect import Everything, Unfit, open_at

TYPE_CHECKING = False  # as in collect.py
if TYPE_CHECKING:
    from collections.abc import Callable

    from idlegrid_node.sandbox.collect import Write

ASKED, LEAVE = "asked", "leave"
"""The FIFO for what the code asks; and the file that tells it to leave."""
NAME_BYTES = 16
MAX_CHECKPOINT_FILES = 1_000
MAX_CHECKPOINT_BYTES = 100 * 2**20
LEAST_SECONDS = 60.0
"""Between two checkpoints that the code asks for, by the protocol; none once it was told to leave."""
PIECE = 2**16
"""So little that an order's answer never waits long for its turn."""


def write_all(fd: int, data: bytes) -> None:
    """Write `data`, however often it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class Report:
    """The pipe to the node, for several threads: what one says is whole. `seize` silences all others for good."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.turn = _thread.allocate_lock()

    def say(self, data: bytes) -> None:
        """Say something in one piece, though perhaps nobody listens any more."""
        with self.turn:
            try:  # noqa: SIM105 - contextlib costs a millisecond of each start
                self.write(data)
            except BrokenPipeError:
                pass

    def seize(self) -> None:
        """From now on only this thread says anything, by `write`."""
        self.turn.acquire()

    def write(self, data: bytes) -> None:
        """Say something, with the turn in hand. Raises BrokenPipeError."""
        write_all(self.fd, data)


class Keeper:
    """Makes the folders that the code finds, before there is any code, and takes checkpoints out of one of them.

    What it opened then is what it works with: the code may put anything in its place. `going` is held while the code
    stands still: so does what is being sent. `told` says that the code was told to leave.
    """

    def __init__(self, report: Report) -> None:
        os.mkdir(LIBRARY)
        os.mkdir(f"{LIBRARY}/{CHECKPOINT}")
        os.mkfifo(f"{LIBRARY}/{ASKED}")
        self.report = report
        self.place = os.open(LIBRARY, os.O_RDONLY | os.O_DIRECTORY)
        self.asked = os.open(ASKED, os.O_RDWR, dir_fd=self.place)
        self.going = _thread.allocate_lock()
        self.verdict = _thread.allocate_lock()
        self.verdict.acquire()
        self.taken = self.told = self.stands = False
        self.last = -LEAST_SECONDS

    def forget(self) -> None:
        """Close what the code, in whose process this is, must not have."""
        os.close(self.place)
        os.close(self.asked)

    def stand(self, *, still: bool) -> None:
        """Send nothing more, or go on. By one thread."""
        if still != self.stands:
            self.stands = still
            if still:
                self.going.acquire()
            else:
                self.going.release()

    def tell_to_leave(self) -> None:
        """Let the code see that it has to leave, where it looks for that."""
        self.told = True
        self.put(LEAVE)

    def decide(self, *, taken: bool) -> None:
        """The node has what was sent, or did not take it."""
        self.taken = taken
        if self.verdict.locked():
            self.verdict.release()

    def serve(self, shut: "Callable[[], None]") -> None:
        """Answer the code until the end, in a thread of its own. `shut` is called before it opens the code's files."""
        confined = False
        while True:
            name = os.read(self.asked, NAME_BYTES)
            now = time.monotonic()
            answer = ".refused"
            if self.told or now - self.last >= LEAST_SECONDS:
                self.last = now
                if not confined:
                    shut()
                    confined = True
                if self.take():
                    answer = ".taken"
            if len(name) == NAME_BYTES and name.isalnum():
                self.put(name.decode() + answer)

    def take(self) -> bool:
        """Send what lies in the folder now; returns whether the node took it."""
        if not self.offer(self.report.say, self.piece):
            return False
        self.verdict.acquire()
        return self.taken

    def take_last(self) -> None:
        """Send what the code left when it ended. With the report seized; raises BrokenPipeError."""
        self.offer(self.report.write, lambda data: self.report.write(framed(data)))

    def offer(self, say: "Write", piece: "Write") -> bool:
        """Send a checkpoint, or the reason why there is none; returns whether it was sent whole."""
        say(b"checkpoint\n")
        try:
            self.send(piece)
        except Unfit as reason:
            say(b"unfit %s\n" % str(reason).encode())
            return False
        say(b"whole\n")
        return True

    def send(self, piece: "Write") -> None:
        """Send all that is in the folder. Raises `Unfit`."""
        folder = open_at(CHECKPOINT.encode(), os.O_DIRECTORY, self.place)
        if folder < 0:
            raise Unfit("missing")
        try:
            Everything(pieces(piece), MAX_CHECKPOINT_FILES, MAX_CHECKPOINT_BYTES).folder(b"", folder, 1)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Unfit("unreadable") from error
        finally:
            os.close(folder)

    def piece(self, data: bytes) -> None:
        """Send a piece, unless the code stands still: then once it goes on."""
        with self.going:
            pass
        self.report.say(framed(data))

    def put(self, name: str) -> None:
        """Make an empty file for the code to see; where it left no place for it, it does without."""
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(name, flags, 0o600, dir_fd=self.place))
        except OSError:
            pass


def framed(data: bytes) -> bytes:
    """Return a piece with its length before it."""
    return b"piece %d\n" % len(data) + data


def pieces(piece: "Write") -> "Write":
    """Return what takes bytes of any length and hands them on in pieces."""

    def write(data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            piece(data[start : start + PIECE])

    return write
