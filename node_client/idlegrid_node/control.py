"""The line between the owner's verbs and the running node: a Unix domain socket in its data folder.

One line of JSON asks, one line answers, and the connection ends. The socket's mode lets in the node's own user (and
root) alone. Whoever holds the folder's lock may remove a socket that a killed node left.
"""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from idlegrid.errors import IdlegridError
from idlegrid_node.errors import NodeError

log = structlog.get_logger()
NAME = "control.sock"
LONGEST_PATH = 100
"""In bytes: unix(7) allows 108 with its NUL, macOS 104."""
ASK_SECONDS = 10.0
SERVE_SECONDS = 2.0
"""How long one who connects and says nothing keeps others waiting."""
MOST_BYTES = 64 * 1024

Json = dict[str, Any]


class Control:
    """Answers in a thread of its own; `answer` gets each question, and may raise IdlegridError."""

    def __init__(self, folder: Path, answer: Callable[[Json], Json]) -> None:
        self._folder, self._answer = folder, answer
        self._socket: socket.socket | None = None
        self._closed = threading.Event()

    def start(self) -> None:
        """Begin to answer; where no socket can be made the node runs without one, and says so."""
        try:
            self._socket = _listening(self._folder)
        except OSError as error:
            log.warning("no_control", action="control", reason=str(error))
            return
        threading.Thread(target=self._live, args=(self._socket,), name="control", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._closed.set()
        if self._socket is not None:
            with suppress(OSError):
                (self._folder / NAME).unlink(missing_ok=True)
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes `accept`, which `close` does not
            self._socket.close()

    def _live(self, listening: socket.socket) -> None:
        while not self._closed.is_set():
            try:
                line, _ = listening.accept()
            except OSError:
                self._closed.wait(1.0)  # no more descriptors: that may pass
                continue
            with line:
                self._serve(line)

    def _serve(self, line: socket.socket) -> None:
        try:
            line.settimeout(SERVE_SECONDS)
            line.sendall(_encoded(self._answered(_line(line))))
        except OSError:
            log.info("control_cut_off", action="control")

    def _answered(self, raw: bytes) -> Json:
        try:
            question = json.loads(raw)
            if not isinstance(question, dict):
                return {"error": "the question is no object"}
            return self._answer(question)
        except ValueError:
            return {"error": "the question is no JSON"}
        except IdlegridError as error:
            return {"error": str(error)}
        except Exception as error:
            # The outermost edge: whatever a question sets off, the next one is answered.
            log.exception("control_broken", action="control")
            return {"error": f"the node could not answer: {error!r}"}


def ask(folder: Path, verb: str, **more: Any) -> Json | None:
    """Return what the node that works in the folder answers, or None when none runs there.

    Raises `NodeError` when it may not be asked, does not answer, or says no.
    """
    try:
        with _reachable(folder) as path, socket.socket(socket.AF_UNIX) as line:
            line.settimeout(ASK_SECONDS)
            line.connect(path)
            line.sendall(_encoded({"verb": verb, **more}))
            raw = _line(line)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return None
    except PermissionError as error:
        raise NodeError(f"the node in {folder} belongs to another user: ask as that user, or as root") from error
    except OSError as error:
        raise NodeError(f"the node in {folder} does not answer: {error}") from error
    return _understood(folder, raw)


def _understood(folder: Path, raw: bytes) -> Json:
    try:
        answer = json.loads(raw)
    except ValueError as error:
        raise NodeError(f"the node in {folder} ended before it answered") from error
    if "error" in answer:
        raise NodeError(str(answer["error"]))
    return dict(answer)


def _listening(folder: Path) -> socket.socket:
    (folder / NAME).unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    try:
        with suppress(OSError):
            os.fchmod(made.fileno(), 0o600)  # on Linux the mode that `bind` gives the file; other systems refuse
        with _reachable(folder) as path:
            made.bind(path)
        (folder / NAME).chmod(0o600)
        made.listen(8)
    except OSError:
        made.close()
        raise
    return made


@contextmanager
def _reachable(folder: Path) -> Iterator[str]:
    """Yield a path of the socket that is short enough: a long one goes by way of the open folder."""
    whole = str(folder / NAME)
    if len(os.fsencode(whole)) <= LONGEST_PATH:
        yield whole
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{opened}/{NAME}"
    finally:
        os.close(opened)


def _line(line: socket.socket) -> bytes:
    """Read to the line's end, or to the end of what comes."""
    read = b""
    while not read.endswith(b"\n") and len(read) < MOST_BYTES:
        piece = line.recv(4096)
        if not piece:
            break
        read += piece
    return read


def _encoded(message: Json) -> bytes:
    return json.dumps(message).encode() + b"\n"
