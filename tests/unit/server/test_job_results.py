"""What the jobs API makes of an output, whatever it holds."""

import json

import pytest

from idlegrid_server.core.model import Run, RunState
from idlegrid_server.core.queries import Execution, RunView
from idlegrid_server.http.dialects.jobs.translate import EXCERPT, execution


def shown(state, result=None, error=None, reason=""):
    """Result and error of a run in that state."""
    run = Run(1, "u", "ann", "python", "q", 1, 1.0, 512, "", 3, 60.0, 0, state, 10.0, reason)
    words = execution(Execution(RunView(run, result, error), "{}"))
    json.dumps(words, allow_nan=False).encode()
    return words["result"], words["error"]


@pytest.mark.parametrize("text", ['{"a": 1}', ' {"a": 1}\r\n', '{"a": 0, "a": 1}'])
def test_an_object_is_shown_as_one(text):
    assert shown(RunState.COMPLETED, text) == ({"a": 1}, None)
    assert shown(RunState.COMPLETED, "{}") == ({}, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "null",
        "[{}]",
        '"a"',
        "{'a': 1}",
        '{"a": 1} {}',
        '{"a": NaN}',
        '{"a": 1e400}',
        '{"a": "\\ud800"}',
        f'{{"a": {"9" * 5_000}}}',
        '{"a":' * 1_000 + "1" + "}" * 1_000,
    ],
)
def test_what_is_no_object_that_an_answer_can_hold_stays_text(text):
    assert shown(RunState.COMPLETED, text) == ({"output": text}, None)


def test_a_failure_says_why_as_well_as_anybody_knows():
    assert shown(RunState.FAILED, "half", "It broke") == ({"error_message": "It broke"}, "It broke")
    assert shown(RunState.FAILED, reason="node_lost") == ({"error_message": "node_lost"}, "node_lost")
    assert shown(RunState.TIMED_OUT) == ({"error_message": "timeout"}, "timeout")
    long = "e" * (EXCERPT + 1)
    cut = "e" * EXCERPT
    assert shown(RunState.FAILED, None, long) == ({"error_message": cut, "truncated": True}, cut)


@pytest.mark.parametrize("state", [RunState.WAITING, RunState.PENDING, RunState.RUNNING])
def test_what_goes_on_has_neither_result_nor_error(state):
    assert shown(state, '{"a": 1}', "earlier") == (None, None)
