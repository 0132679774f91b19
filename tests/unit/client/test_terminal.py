"""What the command sends to a terminal, and what to a pipe: the real command on a real pseudo-terminal."""

import contextlib
import os
import subprocess
import sys

import pytest

pty = pytest.importorskip("pty", reason="pseudo-terminals are of Unix")

EVIL = "\x1b]0;owned\x07\x9b31m\u202egnp.exe\rdone"
SAFE = r"\x1b]0;owned\x07\x9b31m\u202egnp.exe\x0ddone"


@pytest.fixture
def run(grid, wrap):
    """A run that ended well, and wrote nothing good to both streams."""
    streams = ("stdout", "stderr")
    items = [{"id": n, "stream": stream, "text": f"{stream} {EVIL}\n"} for n, stream in enumerate(streams)]
    grid.on("GET /api/runs/7/logs", (200, wrap({"items": items, "last": 1, "finished": True})))
    grid.on("GET /status/7", (200, {"task_id": 7, "status": "completed", "result": EVIL}))
    grid.on("POST /submit", (200, {"task_id": 7}))


def on_terminal(*words):
    """All that a command prints to a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv(*words), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        printed = b""
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while piece := os.read(ours, 65536):
                printed += piece
        os.close(ours)
        process.wait(60)
    return printed.replace(b"\r\n", b"\n")


def argv(*words):
    return [sys.executable, "-m", "idlegrid", *words]


def harmless(printed):
    """Whether nothing of it drives a terminal."""
    return not set(printed.decode()) & set(EVIL) - set(map(chr, range(32, 127)))


def test_a_terminal_is_shown_the_result_escaped(grid, run):
    assert on_terminal("status", "7", "--url", grid.url) == f"completed\n{SAFE}\n".encode()


def test_a_terminal_is_shown_both_streams_escaped(grid, run, tmp_path):
    script = tmp_path / "job.py"
    script.write_text("x")
    printed = on_terminal("submit", str(script), "--wait", "--url", grid.url)
    assert printed == f"7\nstdout {SAFE}\nstderr {SAFE}\n".encode()


def test_a_pipe_gets_the_bytes_as_they_are(grid, run, tmp_path):
    script = tmp_path / "job.py"
    script.write_text("x")
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        argv("submit", str(script), "--wait", "--url", grid.url), capture_output=True, env=environment, check=True
    )
    assert done.stdout == f"stdout {EVIL}\n".encode()
    assert done.stderr == f"7\nstderr {EVIL}\n".encode()


def test_error_texts_are_escaped_wherever_they_go(grid, wrap, tmp_path):
    script = tmp_path / "job.py"
    script.write_text("x")
    grid.on("POST /submit", (200, {"task_id": 7}))
    grid.on("GET /api/runs/7/logs", (200, wrap({"items": [], "last": -1, "finished": True})))
    grid.on("GET /status/7", (200, {"task_id": 7, "status": "failed", "error": f"Error: {EVIL}", "exit_code": 1}))
    done = subprocess.run(argv("submit", str(script), "--wait", "--url", grid.url), capture_output=True, check=False)
    assert done.stderr == f"7\nError: {SAFE}\n".encode()


def test_what_the_coordinator_refuses_with_is_escaped(grid):
    grid.on("GET /status/7", (404, {"detail": f"no {EVIL}"}))
    done = subprocess.run(argv("status", "7", "--url", grid.url), capture_output=True, check=False)
    assert done.stderr == f"idlegrid: no {SAFE} (HTTP 404)\n".encode()
    assert harmless(done.stderr)
