import pytest

from idlegrid_node.outcome import judge, last_line, result_text
from idlegrid_node.sandbox.execution import Ending
from idlegrid_node.wire import Lease

TRACE = b"Traceback (most recent call last):\n  x\nE: no"
LEASE = Lease("run", "lease", "code", timeout=2.0, memory_mb=512)


def ended(cause: str = "", status: int | None = 0, err: bytes = b"") -> Ending:
    ending = Ending(cause=cause, status=status)
    ending.err.add(err)
    return ending


@pytest.mark.parametrize(
    ("cause", "outcome", "reason", "error"),
    [
        ("timeout", "timed_out", "timeout", "timeout: ran longer than 2 s"),
        ("memory_limit", "failed", "memory_limit", "memory limit: used more than 512 MB"),
        ("output_limit", "failed", "output_limit", "output limit: printed far more than the 1 MB that is kept"),
        ("cancelled", "cancelled", "cancelled", "cancelled: it was stopped while it ran"),
        ("shutdown", "returned", "shutdown", "returned: the node is shutting down"),
        ("evicted:max_frozen", "evicted", "max_frozen", "the owner of the machine came back"),
        ("sandbox_failed", "failed", "sandbox_failed", "the sandbox failed: it ended by itself"),
    ],
)
def test_what_the_node_ended_is_told_in_a_sentence(cause, outcome, reason, error):
    verdict = judge(ended(cause, None), LEASE)
    assert (verdict.outcome, verdict.reason, verdict.error, verdict.exit_code) == (outcome, reason, error, None)


def test_an_end_in_peace_is_completed():
    assert judge(ended(), LEASE).outcome == "completed"


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


def test_the_result_loses_only_its_last_newline():
    assert [result_text(text) for text in ("1\n", "1\n\n", "1", "")] == ["1", "1\n", "1", ""]


def test_the_last_line_of_an_error_names_it():
    assert last_line("Traceback\n  x\nValueError: no\n") == "ValueError: no"
    assert last_line(None) == ""
