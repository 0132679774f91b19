"""A run in its submitter's hands."""

import pytest

from idlegrid import RunFailed, RunTimeout, Unreachable
from idlegrid import run as run_module

PENDING = (200, {"task_id": 7, "status": "pending", "result": None, "waiting_for": "No node is idle."})
RUNNING = (200, {"task_id": 7, "status": "running", "result": None})
COMPLETED = (200, {"task_id": 7, "status": "completed", "result": "42"})
FAILED = (200, {"task_id": 7, "status": "failed", "error": "ZeroDivisionError: no", "exit_code": 3})


@pytest.fixture
def run(client):
    return client.run(7)


def page(wrap, pieces, *, finished):
    items = [{"id": seq, "timestamp": "x", "stream": "stdout", "text": text} for seq, text in pieces]
    last = items[-1]["id"] if items else -1
    return (200, wrap({"items": items, "last": last, "finished": finished}))


def test_the_result_is_waited_for(grid, run):
    grid.on("GET /status/7", PENDING, RUNNING, COMPLETED)
    assert run.result(timeout=30) == "42"
    assert len(grid.asked) == 3
    assert all(0 < float(asked.query["wait"]) <= 20 for asked in grid.asked)


def test_what_has_ended_is_not_asked_for_again(grid, run):
    grid.on("GET /status/7", COMPLETED)
    assert (run.status, run.result(), run.exit_code, run.error, run.done) == (
        "completed",
        "42",
        0,
        None,
        True,
    )
    assert len(grid.asked) == 1


def test_a_failed_run_raises_with_the_remote_traceback(grid, run):
    grid.on("GET /status/7", FAILED)
    with pytest.raises(RunFailed, match="ZeroDivisionError: no") as caught:
        run.result()
    assert (caught.value.run_id, caught.value.exit_code) == (7, 3)
    assert (run.error, run.exit_code) == ("ZeroDivisionError: no", 3)


def test_running_out_of_patience_says_why_the_run_waits(grid, run):
    grid.on("GET /status/7", PENDING)
    with pytest.raises(RunTimeout, match="run 7 is pending after 0 s: No node is idle; it goes on"):
        run.result(timeout=0)
    assert issubclass(RunTimeout, TimeoutError)


def test_a_run_that_has_ended_answers_even_without_patience(grid, run):
    grid.on("GET /status/7", COMPLETED)
    assert run.result(timeout=0) == "42"


def test_why_it_waits_is_a_sentence_or_none(grid, run):
    grid.on("GET /status/7", PENDING, RUNNING)
    assert run.waiting_for == "No node is idle."
    assert run.waiting_for is None


def test_waiting_survives_a_coordinator_that_hangs_up(grid, run):
    grid.on("GET /status/7", None, None, COMPLETED)
    assert run.result(timeout=30) == "42"


def test_waiting_for_a_coordinator_that_stays_away_ends(grid, run, monkeypatch):
    monkeypatch.setattr(run_module, "AWAY_SECONDS", -1.0)
    grid.close()
    with pytest.raises(Unreachable):
        run.result()


def test_the_log_is_read_page_by_page(grid, run, wrap, monkeypatch):
    monkeypatch.setattr(run_module, "LOG_PAGE", 2)
    first, second = [(0, "a\n"), (3, "b\n")], [(4, "c\n")]
    route = "GET /api/runs/7/logs"
    grid.on(route, page(wrap, first, finished=False), page(wrap, second, finished=False))
    assert run.logs() == "a\nb\nc\n"
    assert [asked.query["after"] for asked in grid.asked] == ["-1", "3"]


def test_pieces_tell_the_stream(grid, run, wrap):
    grid.on("GET /api/runs/7/logs", page(wrap, [(0, "a\n")], finished=True))
    assert list(run.pieces(follow=False)) == [("stdout", "a\n")]


def test_following_yields_pieces_until_the_run_has_ended(grid, run, wrap):
    grid.on("GET /status/7", RUNNING)
    grid.on(
        "GET /api/runs/7/logs",
        page(wrap, [(0, "a\n")], finished=False),
        page(wrap, [], finished=False),
        page(wrap, [(1, "b\n")], finished=True),
    )
    assert list(run.follow()) == ["a\n", "b\n"]
    assert [asked.query["after"] for asked in grid.asked if "after" in asked.query] == ["-1", "0", "0"]


def test_cancelling_tells_whether_there_was_anything_to_cancel(grid, run, wrap):
    grid.on("POST /api/runs/7/abort", (200, wrap({"id": 7, "status": "aborted"})), (409, {"detail": "over"}))
    assert run.cancel() is True
    assert run.cancel() is False


def test_details_are_the_whole_record(grid, run, wrap):
    grid.on("GET /api/runs/7", (200, wrap({"id": 7, "code": "print(1)"})))
    assert run.details()["code"] == "print(1)"


def test_a_notebook_shows_output_escaped(grid, run):
    grid.on("GET /status/7", (200, {"task_id": 7, "status": "completed", "result": "<script>x</script>"}))
    html = run._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert repr(run) == "<Run 7: completed>"


def test_a_notebook_shows_that_the_coordinator_is_away(grid, run):
    grid.close()
    assert "is the coordinator running" in run._repr_html_()
