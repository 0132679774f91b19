"""What submitted code may use while it runs on a node.

In a sandbox this file by itself is the module `idlegrid`: it imports nothing but the standard library, and of that
what few need only when they need it. How the node hears of a checkpoint is written in its `sandbox/keeper.py`.
"""

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "IDLEGRID_PARAMETERS"
"""Where a node puts a run's parameters, as JSON."""
CHECKPOINT_VARIABLE = "IDLEGRID_CHECKPOINT_DIR"
"""Where a node puts the path of the folder that outlives an attempt."""
CHECKPOINT_SECONDS = 60.0
"""Between two checkpoints (the protocol's); a node refuses what comes sooner."""
LOOK_SECONDS = 0.01
LOOKS = 12_000
"""Two minutes: a node that has not answered by then will not."""
LEVELS = ("debug", "info", "warn", "error")
"""What an entry of a log can be (the execution API's document)."""


def parameters() -> dict[str, Any]:
    """Read the parameters that this run was submitted with; {} when there are none.

    Raises `ValueError` when the variable holds something else than a JSON object.
    """
    value = json.loads(os.environ.get(VARIABLE) or "{}")
    if not isinstance(value, dict):
        raise ValueError(f"${VARIABLE} is not a JSON object")  # noqa: TRY004 - the content is wrong, not a type
    return value


def log(message: str, level: str = "info", **data: Any) -> None:
    """Write an entry to the run's log: a line of JSON on the standard error, which the grid shows as an entry.

    What JSON cannot hold in `data` is written as its text. Raises `ValueError` for a level that is not in `LEVELS`.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is no level of a log: use {', '.join(LEVELS)}")
    entry = {"message": str(message), "level": level}
    # One write, so that lines of several threads do not mix.
    sys.stderr.write(_line({**entry, "data": data} if data else entry) + "\n")
    sys.stderr.flush()


def _line(entry: dict[str, Any]) -> str:
    try:
        return json.dumps(entry, allow_nan=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return json.dumps({**entry, "data": {name: repr(value) for name, value in entry["data"].items()}})


def checkpoint_dir() -> "Path":
    """Return the folder whose regular files the run's next attempt finds again, on whatever node.

    It is `$IDLEGRID_CHECKPOINT_DIR`; where nothing says so, as at your own desk, `./checkpoint`, which is made.
    """
    from pathlib import Path

    folder = Path(os.environ.get(CHECKPOINT_VARIABLE) or "checkpoint").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def should_yield() -> bool:
    """Tell whether the machine's owner is back: save what is needed and end, soon all is killed. At your desk: False.

    Cheap enough for a loop. The first call in the main thread also sees to it that SIGTERM, which then comes as well,
    does not end the process, where nothing else was told to handle it.
    """
    if not _notice.listens:
        _notice.listen()
    return _notice.came or os.path.exists(_beside("leave"))


def checkpoint() -> bool:
    """Have the checkpoint folder kept as it stands now, and wait until it is; until then change nothing in it.

    Returns False when it was not kept: at once where that was done less than CHECKPOINT_SECONDS ago (unless the code
    was told to leave) and outside of a grid; else the run's standard error says why, and the one before still counts.
    """
    if time.monotonic() < _notice.next_at and not should_yield():
        return False
    name = os.urandom(8).hex()
    try:
        _ask(name)
    except OSError:
        return False
    taken = _answer(name)
    if taken:
        _notice.next_at = time.monotonic() + CHECKPOINT_SECONDS
    return taken


class _Notice:
    """Whether SIGTERM came, once anybody listens; and when a checkpoint may be taken again."""

    def __init__(self) -> None:
        self.listens = self.came = False
        self.next_at = 0.0

    def listen(self) -> None:
        """Let SIGTERM be a notice instead of the end, if that is what it would be: only the main thread can."""
        import signal

        if CHECKPOINT_VARIABLE in os.environ and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            try:
                signal.signal(signal.SIGTERM, self._hear)
            except ValueError:
                return
        self.listens = True

    def _hear(self, *_: object) -> None:
        self.came = True


_notice = _Notice()


def _beside(name: str) -> str:
    """Return the path of something that the node keeps beside the checkpoint's folder; nothing is there elsewhere."""
    folder = os.environ.get(CHECKPOINT_VARIABLE)
    return os.path.join(os.path.dirname(folder), name) if folder else ""


def _ask(name: str) -> None:
    """Ask the node to take a checkpoint, and to answer under this name. Raises OSError where there is none."""
    # Not to wait for a reader, should this be no node; Windows, which is never one, does not know it.
    pipe = os.open(_beside("asked"), os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        os.write(pipe, name.encode())
    finally:
        os.close(pipe)


def _answer(name: str) -> bool:
    """Wait for the node's answer to a question. Looks are counted, not seconds: those frozen shall not count."""
    for _ in range(LOOKS):
        for ending in (".taken", ".refused"):
            try:
                os.unlink(_beside(name + ending))
            except OSError:
                continue
            return ending == ".taken"
        time.sleep(LOOK_SECONDS)
    return False
