"""Bad and hostile code through the whole grid: its submitter is told what became of it, and the node stays fit."""

import contextlib
import socket
from pathlib import Path

import psutil
import pytest

SECONDS = 2.0
"""The timeout of programs that never end by themselves."""

MIB = 2**20

CLOSED = "import os, time\nprint('last words', flush=True)\nos.close(1); os.close(2)\ntime.sleep(99)"
DEAF = (
    "import signal, time\nfor n in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(n, "
    "signal.SIG_IGN)\nprint('deaf', flush=True)\nwhile True: time.sleep(1)"
)
DAEMON = (
    "import os, signal, time\nheard, told = os.pipe()\nif os.fork() == 0:\n    signal.signal(15, signal.SIG_IGN)\n"
    "    try: os.setsid()\n    except OSError: pass\n    os.execv('/bin/sleep', ['sleep', '7654.5'])\n"
    "os.close(told)\nos.read(heard, 1)\nprint('parent is done')"
)
FORKS = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"


@pytest.fixture(scope="module")
def up(shared):
    """A grid with one node."""
    return shared("--nodes", "1")


@pytest.fixture
def grid(up, eventually):
    """The grid's caller; after the test its node must hold nothing, and complete a run."""
    caller = up.caller()
    node = caller.nodes()[0]["id"]
    yield caller
    assert caller.ended(caller.submit("print(1)"))["result"] == "1"
    eventually(lambda: caller.nodes()[0]["current_task_count"] == 0, "the node holds nothing")
    assert [(n["id"], n["status"]) for n in caller.nodes()] == [(node, "active")]


def words_of(processes):
    """All words of the processes' command lines; one that has ended meanwhile has none."""
    words = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            words += process.cmdline()
    return words


def run(grid, code, timeout=60.0, memory=512):
    """All that is recorded about a run of the code, and what `GET /status` says of it."""
    number = grid.submit(code, timeout=timeout, resources={"cpu": 1.0, "memory": memory})
    status = grid.ended(number)
    recorded = grid.whole(number)
    assert len(grid.ends_of(recorded)) == 1
    return recorded, status


@pytest.mark.parametrize(
    "code",
    ["while True: pass", "import time; time.sleep(1e6)", DEAF, CLOSED],
    ids=["spins", "sleeps", "ignores every signal", "closes its output and sleeps"],
)
def test_code_that_never_ends_is_ended_at_its_timeout(code, grid):
    recorded, status = run(grid, code, timeout=SECONDS)
    assert (status["status"], status["reason"]) == ("failed", "timeout")
    assert status["error"] == "timeout: ran longer than 2 s"
    assert (recorded["status"], recorded["reason"], recorded["attempts"]) == ("failed", "timeout", 1)


def test_code_that_forks_without_end_is_ended_for_that(grid):
    recorded, status = run(grid, FORKS)
    assert (status["status"], status["reason"]) == ("failed", "process_limit")
    assert status["error"] == "process limit: started more than 64 processes and threads"
    assert (recorded["reason"], recorded["attempts"]) == ("process_limit", 1)


def test_what_code_printed_before_its_timeout_is_kept(grid):
    _, status = run(grid, CLOSED, timeout=3 * SECONDS)
    assert status["result"] == "last words"


def test_code_that_prints_for_ever_is_ended_and_the_first_mebibyte_kept(grid):
    recorded, status = run(grid, "while True: print('x' * 1000)")
    assert (status["status"], status["reason"]) == ("failed", "output_limit")
    assert status["error"].startswith("output limit: ")
    assert recorded["truncated"] is True
    assert MIB - 1 <= len(status["result"]) <= MIB


def test_code_that_prints_too_much_and_ends_completes_with_its_output_cut(grid):
    recorded, status = run(grid, "print('x' * 3_000_000)")
    assert (status["status"], len(status["result"])) == ("completed", MIB)
    assert recorded["truncated"] is True


def test_code_that_allocates_without_end_is_ended(grid):
    _, status = run(grid, "kept = []\nwhile True: kept.append(bytearray(2**23))", memory=200)
    assert (status["status"], status["reason"]) == ("failed", "memory_limit")
    assert status["error"] == "memory limit: used more than 200 MB"


def test_what_code_leaves_running_ends_with_it(grid, up, eventually):
    _, status = run(grid, DAEMON)
    assert (status["status"], status["result"]) == ("completed", "parent is done")
    eventually(lambda: "7654.5" not in words_of(up.below()), "nothing of it runs any more")


def test_bytes_that_are_not_utf8_are_replaced_and_a_nul_is_shown_as_its_picture(grid):
    _, status = run(grid, r"import sys; sys.stdout.buffer.write(b'a\xff\xfe\x00b\xc3\n')")
    assert (status["status"], status["result"]) == ("completed", "a\ufffd\ufffd\u2400b\ufffd")


def test_half_a_character_in_its_source_is_refused(grid):
    status, answer = grid.ask("/submit", {"code": "print('\ud800')"})
    assert status == 400
    assert answer["detail"].startswith("The body is not valid JSON")


@pytest.mark.parametrize(
    ("code", "error", "exit_code"),
    [
        ("import sys; sys.exit(3)", "exit status 3", 3),
        ("raise SystemExit('no data')", "no data", 1),
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9", -9),
        ("import os; os.abort()", "killed by signal 6", -6),
    ],
)
def test_an_exit_status_is_told(code, error, exit_code, grid):
    _, status = run(grid, code)
    assert (status["status"], status["reason"]) == ("failed", "user_error")
    assert (status["error"], status["exit_code"]) == (error, exit_code)


def test_an_exception_is_told_with_its_traceback(grid):
    recorded, status = run(grid, "print('before')\n1 / 0")
    assert (status["status"], status["exit_code"], status["result"]) == ("failed", 1, "before")
    assert status["error"].startswith("Traceback (most recent call last):")
    assert status["error"].endswith("ZeroDivisionError: division by zero")
    assert recorded["error_message"] == status["error"]


def test_code_that_is_no_python_is_told_so(grid):
    assert "SyntaxError" in run(grid, "print(")[1]["error"]


def test_the_owners_home_is_not_to_be_seen(grid, up):
    secret = up.data / "secret"
    secret.write_text("hunter2")
    places = [str(Path.home()), "/home", "/root", str(up.data), str(secret), __file__, "/etc/shadow"]
    _, status = run(grid, f"import os\nprint([place for place in {places!r} if os.path.exists(place)])")
    assert status["result"] == "[]"
    _, status = run(grid, f"open({str(secret)!r})")
    assert status["error"].endswith(f"FileNotFoundError: [Errno 2] No such file or directory: {str(secret)!r}")


def test_the_network_is_not_to_be_reached(grid):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.setblocking(False)
        places = [listener.getsockname(), ("127.0.0.1", int(grid.url.rpartition(":")[2])), ("192.0.2.1", 80)]
        code = (
            f"import socket\nfor place in {places!r}:\n"
            "    try: socket.create_connection(place, 2); print('reached', place)\n"
            "    except OSError as error: print(error.errno in (101, 111))"
        )
        _, status = run(grid, code)
        assert status["result"].splitlines() == ["True"] * 3
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_many_bad_ones_at_once_leave_the_others_alone(grid):
    def submit(code, timeout):
        return grid.submit(code, timeout=timeout, resources={"cpu": 0.5, "memory": 128})

    endless = "while True: print('x' * 999)"
    bad = [submit(*each) for each in ((endless, 60.0), (FORKS, 60.0), (DEAF, SECONDS), ("bytearray(10**9)", 60.0))]
    good = {submit(f"print({number})", 60.0): str(number) for number in range(6)}
    assert {number: grid.ended(number)["result"] for number in good} == good
    reasons = [grid.ended(number)["reason"] for number in bad]
    assert reasons[:3] == ["output_limit", "process_limit", "timeout"]
    assert reasons[3] in ("memory_limit", "user_error")
