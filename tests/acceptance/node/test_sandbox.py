"""What code can and cannot do on a node: bad and hostile programs, in the real sandbox."""

import errno
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

FOREVER = 2.0
"""Seconds given to programs that never end by themselves."""


def test_the_result_is_what_was_printed(grid):
    report = grid.run("print(1)")
    assert (report["outcome"], report["result"], report["exit_code"]) == ("completed", "1", 0)
    assert report["error"] is None
    assert report["usage"]["max_memory_mb"] > 1


def test_parameters_reach_the_code_as_json(grid):
    code = "import json, os\nprint(json.loads(os.environ['IDLEGRID_PARAMETERS'])['n'] * 2)"
    assert grid.run(code, parameters={"n": 21, "s": "ü"})["result"] == "42"


def test_an_exception_is_reported_with_its_source_line(grid):
    report = grid.run("def f():\n    return 1 / 0\n\nprint('before')\nf()")
    assert (report["outcome"], report["reason"], report["exit_code"]) == ("failed", "user_error", 1)
    assert report["error"].startswith("Traceback (most recent call last):")
    assert "return 1 / 0" in report["error"]
    assert report["error"].endswith("ZeroDivisionError: division by zero")
    assert "<sandbox>" not in report["error"]
    assert report["result"] == "before"


def test_a_syntax_error_is_reported(grid):
    assert "SyntaxError" in grid.run("x = (")["error"]


def test_an_exit_status_is_reported(grid):
    report = grid.run("import sys; sys.exit(3)")
    assert (report["outcome"], report["error"], report["exit_code"]) == ("failed", "exit status 3", 3)


def test_exit_is_there_as_in_any_interpreter(grid):
    assert grid.run("exit('no data')")["error"] == "no data"


def test_a_crash_is_reported_with_its_signal(grid):
    report = grid.run("import ctypes; ctypes.string_at(0)")
    assert (report["outcome"], report["exit_code"]) == ("failed", -11)
    assert report["error"] == "killed by signal 11"


def test_exit_handlers_and_threads_finish_before_the_result(grid):
    code = (
        "import atexit, threading, time\natexit.register(print, 'third')\n"
        "threading.Thread(target=lambda: (time.sleep(0.1), print('second'))).start()\nprint('first')"
    )
    assert grid.run(code)["result"] == "first\nsecond\nthird"


def test_code_longer_than_a_pipe_arrives_whole(grid):
    assert grid.run("x = '" + "y" * 900_000 + "'\nprint(len(x))")["result"] == "900000"


def test_a_program_that_never_ends_is_timed_out(grid):
    report = grid.run("while True: pass", timeout=FOREVER)
    assert (report["outcome"], report["reason"]) == ("timed_out", "timeout")
    assert report["error"] == "timeout: ran longer than 2 s"


def test_a_program_that_ignores_sigterm_is_timed_out(grid):
    code = "import signal, time\nfor n in (1, 2, 3, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: time.sleep(1)"
    assert grid.run(code, timeout=FOREVER)["outcome"] == "timed_out"


def test_a_program_that_closes_its_output_and_sleeps_is_timed_out(grid):
    assert grid.run("import os, time\nos.close(1); os.close(2); time.sleep(99)", timeout=FOREVER)["outcome"] == (
        "timed_out"
    )


def test_a_program_that_prints_for_ever_is_ended_and_its_first_output_kept(grid):
    report = grid.run("while True: print('x' * 1000)")
    assert (report["outcome"], report["reason"], report["truncated"]) == ("failed", "output_limit", True)
    assert len(report["result"]) >= 2**20 - 1
    assert report["error"].startswith("output limit")


def test_more_output_than_is_kept_is_cut_and_says_so(grid):
    report = grid.run("print('x' * 2_000_000)")
    assert (report["outcome"], report["truncated"], len(report["result"])) == ("completed", True, 2**20)


def test_a_program_that_allocates_without_end_is_ended(grid):
    report = grid.run("kept = []\nwhile True: kept.append(bytearray(2**23))", memory=200)
    assert (report["outcome"], report["reason"]) == ("failed", "memory_limit")
    assert report["error"] == "memory limit: used more than 200 MB"


def test_memory_hidden_in_files_counts(grid):
    code = (
        "n = 0\nimport time\nkept = [bytearray(2**27)]\nwhile True:\n"
        "    open(f'/dev/shm/{n}', 'wb').write(bytes(2**20)); n += n < 50\n    time.sleep(0.001)"
    )
    assert grid.run(code, memory=160, timeout=20)["reason"] == "memory_limit"


def test_memory_shared_by_forks_counts_once(grid):
    code = (
        "import os, time\nkept = bytearray(100 * 2**20)\n"
        "children = [pid for _ in range(5) if (pid := os.fork()) or (time.sleep(0.5), os._exit(0))]\n"
        "[os.waitpid(pid, 0) for pid in children]\nprint('done')"
    )
    assert grid.run(code, memory=300)["result"] == "done"


def test_a_program_that_forks_without_end_is_held_and_ended(grid):
    code = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    report = grid.run(code, timeout=FOREVER)
    assert (report["outcome"], report["reason"]) == ("failed", "process_limit")
    assert grid.run("print('alive')")["result"] == "alive"


def test_bytes_that_are_not_utf8_are_replaced(grid):
    report = grid.run(r"import sys; sys.stdout.buffer.write(b'a\xff\xfeb\n')")
    assert (report["outcome"], report["result"]) == ("completed", "a��b")


def test_code_cannot_start_a_session_of_its_own(grid):
    assert (
        "PermissionError"
        in grid.run("import os\nif os.fork(): os._exit(os.waitstatus_to_exitcode(os.wait()[1]))\nos.setsid()")["error"]
    )


def test_a_daemon_left_behind_does_not_keep_the_run_alive(grid):
    code = (
        "import os, time\nif os.fork() == 0:\n    os.setpgid(0, 0)\n    if os.fork() == 0: time.sleep(99)\n"
        "    os._exit(0)\nprint('parent is done')"
    )
    report = grid.run(code)
    assert (report["outcome"], report["result"]) == ("completed", "parent is done")
    assert report["usage"]["wall_seconds"] < 50


def test_the_supervisor_cannot_be_signalled_by_the_code(grid):
    code = "import os\nfor n in (2, 9, 15, 19): os.kill(1, n)\nprint(os.getpid() != 1, os.getppid())"
    assert grid.run(code)["result"] == "True 1"


def test_none_of_the_owners_files_is_visible(grid, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    paths = [str(secret), str(Path.home()), "/home", "/root", "/etc/passwd", "/var", "/run", "/sys", __file__]
    code = f"import os\nprint([path for path in {paths!r} if os.path.exists(path)])\nprint(sorted(os.listdir('/')))"
    seen, root = grid.run(code)["result"].splitlines()
    assert seen == "[]"
    assert set(eval(root)) <= {"bin", "dev", "etc", "lib", "lib64", "proc", "python", "sbin", "tmp", "usr", "work"}


def test_nothing_outside_its_own_folder_can_be_written(grid):
    code = (
        "for path in ('/x', '/usr/x', '/etc/x', '/dev/x', '/proc/sys/kernel/core_pattern', '/python/x'):\n"
        "    try: open(path, 'w').write('x'); print('wrote', path)\n    except OSError: pass\n"
        "open('/work/a', 'w').write('a'); open('/tmp/b', 'w').write('b'); print('done')"
    )
    assert grid.run(code)["result"] == "done"


def test_its_disk_is_bounded(grid):
    code = (
        "try:\n    for n in range(9): open(f'/tmp/{n}', 'wb').write(bytes(40 * 2**20))\n"
        "except OSError as error: print(type(error).__name__)"
    )
    report = grid.run(code, memory=128)
    assert report["result"] == "OSError" or report["reason"] == "memory_limit"


def test_the_environment_is_empty(grid):
    code = (
        "import os\nprint(sorted(os.environ))\n"
        "print(b'hunter2' in open('/proc/self/environ', 'rb').read())\n"
        "try: print(open('/proc/1/environ', 'rb').read())\nexcept OSError as error: print(error.errno)"
    )
    names, leaked, of_the_first_process = grid.run(code)["result"].splitlines()
    assert (leaked, of_the_first_process) == ("False", str(errno.EACCES))
    ours = "IDLEGRID_PARAMETERS|IDLEGRID_CHECKPOINT_DIR"
    allowed = rf"(PATH|PWD|HOME|TMPDIR|LANG|LD_LIBRARY_PATH|{ours}|OMP_|OPENBLAS_|MALLOC_|PYTHON).*"
    assert [name for name in eval(names) if not re.fullmatch(allowed, name)] == []


def test_no_identity_of_the_owners_is_left(grid):
    code = "import os\nprint(os.getuid(), os.geteuid(), os.getgid(), open('/proc/self/status').read())"
    result = grid.run(code)["result"]
    assert result.startswith("65534 65534 65534 ")
    assert re.search(r"CapEff:\s+0+$", result, re.MULTILINE)
    assert re.search(r"NoNewPrivs:\s+1$", result, re.MULTILINE)


def test_there_is_no_network(grid):
    hits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        code = (
            "import socket\n"
            f"for address in (('127.0.0.1', {server.server_port}), ('127.0.0.1', {grid.port}), ('8.8.8.8', 53)):\n"
            "    try: socket.create_connection(address, 1); print('connected', address)\n"
            "    except OSError as error: print(error.errno in (101, 111))"
        )
        result = grid.run(code)["result"]
        server.shutdown()
        thread.join()
    assert result.splitlines() == ["True", "True", "True"]
    assert hits == []


def test_only_the_standard_streams_are_open(grid):
    assert grid.run("import os\nprint(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])")["result"] == "[0, 1, 2]"


def test_no_new_namespace_can_be_made(grid):
    code = "import ctypes\nprint([ctypes.CDLL(None).unshare(flag) for flag in (0x10000000, 0x20000)])"
    assert grid.run(code)["result"] == "[-1, -1]"


def test_two_runs_share_nothing(grid):
    first = grid.run("import os\nopen('left', 'w').write('x'); print(os.listdir('.'))")
    second = grid.run("import os\nprint(sorted(os.listdir('.')), os.listdir('/dev/shm'))")
    assert "left" in first["result"]
    assert second["result"] == "['.idlegrid', 'main.py'] []"


@pytest.mark.skipif(os.geteuid() != 0, reason="only a node started as root has another uid to become")
def test_a_node_started_as_root_runs_code_as_somebody_else(grid):
    attempt = grid.submit("import time; time.sleep(30)")
    grid.wait(lambda: grid.states_of(attempt), "the attempt in a heartbeat")
    owner = next(iter(grid.heartbeats[-1:]))["pid"]
    import psutil

    sandboxes = psutil.Process(owner).children()
    uids = [{process.uids().real for process in [one, *one.children(recursive=True)]} for one in sandboxes]
    grid.order("stop", attempt, "cancelled")
    assert grid.report_of(attempt)["outcome"] == "cancelled"
    assert all(len(of_one) == 1 for of_one in uids)
    assert len(set.union(*uids)) == len(sandboxes), "each sandbox has a user of its own"
    assert min(set.union(*uids)) >= 64000
