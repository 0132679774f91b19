"""A question put to a child process, for libraries that hang with what they ask: only the child hangs along.

Each line on its stdin asks, each line on its stdout answers; one that begins with `!` says why it cannot, and
one with `-` that there is nothing to ask.
"""

import selectors
import subprocess
import sys
import threading
import time

from idlegrid_node.probes.reading import AbsentError

PATIENCE_S = 0.25
"""How long one question waits: less than the panel does."""
HANGS_S = 5.0
"""A child that has not answered for this long is replaced; an interpreter may take as long to start."""
RETRY_S = 30.0
"""How soon a child that failed is started again: a start costs 0.1 s of CPU, and a fault may stay for good."""


class Child:
    """Runs the module `name` as a child from the first question on. Safe to use from several threads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._asked_at: float | None = None
        self._failed = ""
        self._retry_at = 0.0

    def ask(self) -> str:
        """Return the answer as of now. Raises OSError with the reason if there is none in PATIENCE_S, AbsentError."""
        with self._lock:
            deadline = time.monotonic() + PATIENCE_S
            process = self._process or self._start()
            if self._asked_at is not None:
                self._take(process, deadline)  # an answer of an earlier look is out of date
            self._put(process)
            answer = self._take(process, deadline)
        if answer.startswith("-"):
            raise AbsentError(answer[1:])
        return answer

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _start(self) -> "subprocess.Popen[bytes]":
        if time.monotonic() < self._retry_at:
            raise OSError(self._failed)
        # In a process group of its own: Ctrl-C is for the node, whose end closes the child's stdin.
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
        return self._process

    def _put(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None  # noqa: S101 - for mypy
        try:
            process.stdin.write(b"?\n")
        except OSError as error:
            raise self._fault("its process has ended") from error
        self._asked_at = time.monotonic()

    def _take(self, process: "subprocess.Popen[bytes]", deadline: float) -> str:
        assert process.stdout is not None  # noqa: S101 - for mypy
        if not _readable(process.stdout, deadline - time.monotonic()):
            if self._asked_at is not None and time.monotonic() - self._asked_at > HANGS_S:
                raise self._fault("does not answer")
            raise OSError("does not answer")
        line = process.stdout.readline().decode(errors="replace").strip()
        self._asked_at = None
        if not line or line.startswith("!"):
            raise self._fault(line[1:] or "its process has ended")
        return line

    def _fault(self, reason: str) -> OSError:
        self._end()
        self._failed, self._retry_at = reason, time.monotonic() + RETRY_S
        return OSError(reason)

    def _end(self) -> None:
        process, self._process, self._asked_at = self._process, None, None
        if process is not None:
            process.kill()
            process.communicate()


def _readable(pipe: object, timeout: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)  # type: ignore[arg-type] # a pipe has a fileno
        return bool(selector.select(max(0.0, timeout)))
