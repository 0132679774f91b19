"""Why a run is not running yet, in its submitter's hands."""

from datetime import UTC, datetime

import pytest

from idlegrid.cli import main

NEED = {"need": "cpu", "asked": 64, "best": 8}
TOLD = {
    "run_id": 7,
    "uuid": "0b9f",
    "status": "pending",
    "summary": "No node offers 64 cores; the largest offers 8.",
    "reasons": [
        {"code": "need_unmet", "message": "No node offers 64 cores; the largest offers 8.", "details": NEED},
        {"code": "behind", "message": "3 runs are served <b>\u202e", "details": {"ahead": 3}, "new": 1},
    ],
    "ahead": 3,
    "position": 4,
    "may_start_at": "2026-01-01T00:00:00.000Z",
    "nodes": {"known": 2, "able": 0, "by_state": {}},
    "of a newer coordinator": True,
}


@pytest.fixture
def told(grid, wrap):
    grid.on("GET /api/runs/7/explain", (200, wrap(TOLD)))


def test_an_explanation_is_a_record_with_its_reasons(told, client):
    why = client.run(7).explain()
    assert (why.run_id, why.status, why.ahead, why.position) == (7, "pending", 3, 4)
    assert why.codes == ("need_unmet", "behind")
    assert why.reasons[0].details == NEED
    assert why.may_start_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert why.nodes["known"] == 2


def test_it_reads_as_text_and_as_html(told, client):
    why = client.run(7).explain()
    assert str(why).split("\n") == [
        TOLD["summary"],
        "3 runs are served <b>\u202e",
        "It may start at 2026-01-01 00:00:00 UTC.",
    ]
    assert why._repr_html_() == (
        "<p><b>Run 7</b>: No node offers 64 cores; the largest offers 8.</p>"
        "<ul><li>3 runs are served &lt;b&gt;\\u202e</li><li>It may start at 2026-01-01 00:00:00 UTC.</li></ul>"
    )


def test_a_run_that_nothing_holds_back_is_one_sentence(grid, wrap, client):
    answer = {**TOLD, "summary": "It runs on lab.", "reasons": [], "may_start_at": None}
    grid.on("GET /api/runs/7/explain", (200, wrap(answer)))
    why = client.run(7).explain()
    assert (str(why), why.codes) == ("It runs on lab.", ())
    assert why._repr_html_() == "<p><b>Run 7</b>: It runs on lab.</p>"


def test_the_command_prints_the_summary_and_the_other_reasons(told, grid, capsys):
    assert main(["explain", "7", "--url", grid.url]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [TOLD["summary"], "3 runs are served <b>\u202e"]
