from dataclasses import replace

import pytest

from idlegrid_node.outcome import judge, last_line, result_text
from idlegrid_node.sandbox.ending import Ending
from idlegrid_node.wire import Lease

TRACE = b"Traceback (most recent call last):\n  x\nE: no"
LEASE = Lease("run", "lease", "code", timeout=2.0, memory_mb=512, cpu=0.5)
FAILED = 1 << 8
"""A wait status: exit 1."""


def ended(cause: str = "", status: int | None = 0, err: bytes = b"", complaint: str = "") -> Ending:
    ending = Ending(cause=cause, status=status, complaint=complaint)
    ending.err.add(err)
    return ending


def traced(last: str) -> bytes:
    return f'Traceback (most recent call last):\n  File "main.py", line 1, in <module>\n{last}\n'.encode()


@pytest.mark.parametrize(
    ("cause", "outcome", "reason", "error"),
    [
        ("timeout", "timed_out", "timeout", "timeout: ran longer than 2 s"),
        ("cpu_limit", "failed", "cpu_limit", "CPU limit: used more than 2 s of CPU time (0.5 cores for 2 s)"),
        ("memory_limit", "failed", "memory_limit", "memory limit: used more than 512 MB"),
        ("process_limit", "failed", "process_limit", "process limit: started more than 64 processes and threads"),
        ("output_limit", "failed", "output_limit", "output limit: printed far more than the 1 MB that is kept"),
        ("disk_limit", "failed", "disk_limit", "disk limit: wrote more than 256 MB"),
        (
            "host_memory_floor",
            "crashed",
            "host_memory_floor",
            "host memory floor: the machine itself ran short of memory",
        ),
        ("cancelled", "cancelled", "cancelled", "cancelled: it was stopped while it ran"),
        ("shutdown", "returned", "shutdown", "returned: the node is shutting down"),
        ("evicted:max_frozen", "evicted", "max_frozen", "the owner of the machine came back"),
        ("sandbox_failed", "crashed", "sandbox_failed", "the sandbox failed: it ended by itself"),
    ],
)
def test_what_the_node_ended_is_told_in_a_sentence(cause, outcome, reason, error):
    verdict = judge(ended(cause, None), LEASE)
    assert (verdict.outcome, verdict.reason, verdict.error, verdict.exit_code) == (outcome, reason, error, None)


def test_a_sandbox_that_failed_is_told_by_its_complaint_else_by_its_last_words():
    assert judge(ended("sandbox_failed", None, b"noise", "no such file"), LEASE).error == (
        "the sandbox failed: no such file"
    )
    assert judge(ended("sandbox_failed", None, b"noise\n"), LEASE).error == "the sandbox failed: noise"


def test_an_end_in_peace_is_completed():
    verdict = judge(ended(err=b"warned"), LEASE)
    assert (verdict.outcome, verdict.reason, verdict.error, verdict.exit_code) == ("completed", "", None, 0)


@pytest.mark.parametrize(
    ("status", "err", "error", "exit_code"),
    [
        (256, b"warned\n" + TRACE + b"\n", TRACE.decode(), 1),
        (256, b"just words\n", "just words", 1),
        (768, b"", "exit status 3", 3),
        (11, b"noise", "killed by signal 11", -11),
    ],
)  # fmt: skip
def test_an_own_failure_is_told_by_its_traceback_or_its_status(status, err, error, exit_code):
    verdict = judge(ended("", status, err), LEASE)
    assert (verdict.outcome, verdict.reason) == ("failed", "user_error")
    assert (verdict.error, verdict.exit_code) == (error, exit_code)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("OSError: [Errno 28] No space left on device", "disk_limit"),
        ("OSError: [Errno 28] No space left on device: 'out/big'", "disk_limit"),
        ("OSError: [Errno 27] File too large", "disk_limit"),
        ("OSError: [Errno 122] Disk quota exceeded", "disk_limit"),
        ("BlockingIOError: [Errno 11] Resource temporarily unavailable", "process_limit"),
        ("RuntimeError: can't start new thread", "process_limit"),
        ("MemoryError", "memory_limit"),
        ("MemoryError: Unable to allocate 8.00 GiB for an array", "memory_limit"),
        ("OSError: [Errno 12] Cannot allocate memory", "memory_limit"),
        ("OSError: [Errno 2] No such file or directory: '[Errno 280]'", "user_error"),
        ("ValueError: MemoryError", "user_error"),
        ("KeyError: 28", "user_error"),
    ],
)
def test_a_limit_that_refused_is_told_by_the_tracebacks_last_line(last, reason):
    verdict = judge(ended("", FAILED, traced(last)), LEASE)
    assert (verdict.outcome, verdict.reason, verdict.exit_code) == ("failed", reason, 1)
    assert verdict.error == traced(last).decode().strip()


def test_only_the_last_line_of_the_last_traceback_counts():
    survived = traced("OSError: [Errno 28] No space left on device")
    assert judge(ended("", FAILED, survived + traced("ValueError: no")), LEASE).reason == "user_error"


def test_words_that_look_like_a_limit_but_are_no_traceback_count_for_nothing():
    assert judge(ended("", FAILED, b"OSError: [Errno 28] No space left on device\n"), LEASE).reason == "user_error"


def test_a_limit_that_the_code_survived_is_no_failure():
    survived = traced("OSError: [Errno 28] No space left on device")
    assert judge(ended("", 0, survived), LEASE).outcome == "completed"


def test_the_result_loses_only_its_last_newline():
    assert [result_text(text) for text in ("1\n", "1\n\n", "1", "")] == ["1", "1\n", "1", ""]


def test_the_last_line_of_an_error_names_it():
    assert last_line("Traceback\n  x\nValueError: no\n") == "ValueError: no"
    assert last_line(None) == ""


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("sh: 1: Cannot fork", "process_limit"),
        ("bash: fork: retry: Resource temporarily unavailable", "process_limit"),
        ("cp: error writing 'b': No space left on device", "disk_limit"),
        ("dd: writing to 'x': File too large", "disk_limit"),
        ("python3: Cannot allocate memory", "memory_limit"),
        ("sh: 1: nothing: not found", "user_error"),
    ],
)
def test_a_shells_last_words_name_the_limit_that_refused(last, reason):
    ending = ended(status=2 << 8, err=f"before\n{last}\n".encode())
    assert judge(ending, replace(LEASE, task_type="shell")).reason == reason
    assert judge(ending, LEASE).reason == "user_error"
