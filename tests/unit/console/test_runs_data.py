from datetime import UTC, datetime

import pytest

from idlegrid import RunInfo
from idlegrid_console.data import runs
from idlegrid_console.texts import RUN_STATUS


@pytest.fixture
def frame_of(answers):
    return lambda *given: runs.table([RunInfo.from_wire(one) for one in given])


def test_every_status_has_a_word():
    assert all(runs.status_name({"status": status}) for status in RUN_STATUS)


def test_an_unknown_status_or_reason_is_shown_as_it_is():
    assert runs.status_name({"status": "dreaming"}) == "dreaming"
    assert runs.why("failed", "new\x1breason", None) == r"new\x1breason"


def test_a_waiting_run_says_in_the_coordinators_words_what_it_waits_for(answers, frame_of):
    frame = frame_of(answers.run_answer(1, "pending"))
    assert frame["why"][0] == "No node offers 64 cores; the largest offers 8."
    assert frame["node"][0] == ""


def test_a_run_that_has_run_no_longer_tells_what_it_waited_for():
    assert runs.why("completed", None, "old news") == ""


def test_a_table_of_no_runs_still_has_its_columns(frame_of):
    assert list(frame_of().columns) == list(runs.COLUMNS)


def test_a_row_shows_the_result_or_else_the_error(answers, frame_of):
    frame = frame_of(answers.run_answer(1), answers.run_answer(2, "failed"))
    assert list(frame["result"]) == ["out of 1", "ZeroDivisionError"]


def test_columns_that_say_nothing_are_not_shown(answers, frame_of):
    dull = frame_of(answers.run_answer(1, submitter=""))
    assert {"why", "name", "submitter"}.isdisjoint(runs.worth_showing(dull))
    assert "name" in runs.worth_showing(frame_of(answers.run_answer(1, task_name="nightly")))


def test_chosen_runs_are_found_on_their_page_only(answers, frame_of):
    frame = frame_of(answers.run_answer(7), answers.run_answer(5))
    assert runs.positions(frame, {5, 6}) == [1]
    assert runs.positions(frame, ()) == []


def test_times_have_their_age(answers):
    now = datetime(2025, 3, 4, 10, 3, 20, tzinfo=UTC)
    told = dict(runs.times(answers.run_answer(1, "running"), now, None))
    assert told == {"Submitted": "2 min ago (10:01:00)", "Started": "2 min ago (10:01:00)", "Ended": "–"}


def test_a_long_story_is_cut_to_its_newest_lines():
    run = {"events": [{"timestamp": second, "event": "checkpoint", "detail": str(second)} for second in range(1440)]}
    assert list(runs.events(run)["detail"])[::199] == ["1240", "1439"]
    assert runs.story_left_out(run) == 1240
    assert runs.story_left_out({}) == 0


def test_facts_stand_even_when_little_is_known():
    assert ("Node", "–") in runs.facts({"id": 1, "status": "pending"})


def test_facts_say_what_was_asked_for_and_used(answers):
    facts = dict(runs.facts(answers.run_answer(1)))
    assert facts["Asked for"] == "1 core, 512 MB"
    assert (facts["CPU time"], facts["Peak memory"], facts["Peak processes"]) == ("0.02 s", "11 MB of 512 MB", "2")
    assert facts["Sandbox"] == "3 isolated (at least 3)"
    assert facts["Run time"] == "2 s of 5 min"


def test_attempts_and_story_are_tables_even_when_empty(answers):
    whole = answers.run_answer(1)
    assert list(runs.attempts(whole)["number"]) == [1]
    assert list(runs.events(whole)["event"]) == ["submitted"]
    assert runs.attempts({}).empty
    assert runs.events({}).empty


def test_facts_name_the_limit_that_ended_a_run(answers):
    facts = dict(runs.facts(answers.run_answer(1, "failed", reason="memory_limit")))
    assert facts["Ended by"] == "memory limit"
    assert runs.why("failed", "memory_limit", None) == "needed more memory than it asked for"
    assert dict(runs.facts(answers.run_answer(1, "failed", reason="user_error")))["Ended by"] == "–"


def test_a_checkpoint_is_one_line(answers):
    kept = {"attempt": 2, "size": 1_200_000, "created_at": "2025-03-04T10:00:00Z"}
    now = datetime(2025, 3, 4, 10, 3, 20, tzinfo=UTC)
    assert runs.checkpoint(answers.run_answer(1, checkpoint=kept), now) == "Checkpoint of attempt 2, 1.2 MB, 3 min ago"
    assert runs.checkpoint(answers.run_answer(1), now) == runs.checkpoint({}, now) == ""


def test_the_story_and_the_reasons_of_evictions_are_in_words(answers):
    story = [{"event": "checkpoint", "detail": "1.2 MB of attempt 1"}, {"event": "resumed", "detail": ""}]
    shown = runs.events(answers.run_answer(1, events=story))
    assert list(shown["event"]) == ["sent a checkpoint", "goes on from its checkpoint"]
    assert runs.why("running", "memory_held", None) == "what was frozen held memory for too long"


def test_a_run_that_has_not_started_says_what_sandbox_it_asks_for(answers):
    asks = answers.run_answer(1, "pending", min_sandbox=4, sandbox=None)
    assert dict(runs.facts(asks))["Sandbox"] == "at least 4"
    assert dict(runs.facts(asks | {"min_sandbox": None}))["Sandbox"] == "at least 3"


def test_an_attempt_tells_the_level_it_ran_under(answers):
    assert list(runs.attempts(answers.run_answer(1))["sandbox"]) == ["3 isolated"]
