"""Why a run waits: what is said of each kind of reason, and when it is asked for."""

from datetime import UTC, datetime, timedelta

import pytest

from idlegrid import Explanation
from idlegrid_console import texts
from idlegrid_console.data import waiting
from idlegrid_server.core.reasons import Code
from idlegrid_server.core.unmet import NEEDS

from .reading import fresh

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TITLES = {
    ("queue_suspended", ""): "queue suspended",
    ("queue_away", ""): "queue away",
    ("dependency", ""): "waits for another run",
    ("retry_delay", ""): "waits before its next attempt",
    ("no_node", ""): "no node",
    ("need_unmet", "cpu"): "no node offers it: cores",
    ("need_unmet", "memory"): "no node offers it: memory",
    ("need_unmet", "task_type"): "no node offers it: task type",
    ("need_unmet", "sandbox"): "no node offers it: sandbox level",
    ("need_unmet", "labels"): "no node offers it: labels",
    ("need_unmet", "together"): "no node offers it: all of it together",
    ("owners_present", ""): "owners are there",
    ("nodes_held_back", ""): "nodes held back",
    ("nodes_full", ""): "nodes are full",
    ("behind", ""): "others come first",
    ("something_new", ""): "something_new",
}


@pytest.fixture
def explain(answers):
    """`explain((code, details), …, **changed)`: an explanation of run 1."""
    return lambda *reasons, **changed: answers.explain_answer(1, *reasons, **changed)


def read(answer):
    return Explanation.from_wire(answer)


@pytest.fixture
def waiting_run(coordinator, answers):
    coordinator.runs = {1: answers.run_answer(1, "pending")}
    return coordinator


@pytest.fixture
def speaking_chinese():
    texts.speak_to(lambda: "zh-CN")
    yield
    texts.speak_to(lambda: None)


def said(app):
    return [part.value for kind in (app.markdown, app.caption, app.text, app.code) for part in kind]


def values(explanation, timezone=None):
    return [value for _, value in waiting.facts(read(explanation), NOW, timezone)]


def test_a_waiting_run_shows_each_kind_of_reason_with_its_sentence(open_page, waiting_run, explain):
    waiting_run.explained = {1: explain(*((code, {"need": need} if need else {}) for code, need in TITLES))}
    app = open_page("runs", run="1")
    assert not app.exception
    badges = [part.replace("\\", "") for part in said(app) if ":orange-badge[" in part]
    assert badges[1:] == [f":orange-badge[{title}]" for title in TITLES.values()]
    sentences = [part for part in said(app) if part.startswith("Held back by ")]
    assert sentences == [f"Held back by {code}." for code, _ in TITLES]
    assert {"position 11, 10 before it", "cannot be told", "1 of 2 (busy 1, running 1)"} <= set(said(app))


@pytest.mark.parametrize(("kind", "title"), TITLES.items())
def test_every_kind_of_reason_has_a_title(explain, kind, title):
    code, need = kind
    found = explain((code, {"need": need} if need else {}))
    assert waiting.reasons(read(found)) == [(title, f"Held back by {code}.")]


def test_the_coordinator_knows_no_other_kind():
    assert list(texts.WAIT_REASON) == list(Code)
    assert list(texts.NEED) == [*NEEDS, "together"]


def test_the_most_decisive_reason_comes_first(explain):
    found = waiting.reasons(read(explain(("need_unmet", {"need": "memory"}), ("behind", {}))))
    assert found == [
        ("no node offers it: memory", "Held back by need_unmet."),
        ("others come first", "Held back by behind."),
    ]


def test_the_summary_is_said_where_no_reason_says_it(explain):
    assert waiting.summary(read(explain())) == "It is next."
    assert waiting.summary(read(explain(("behind", {})))) == ""


def test_a_run_that_nothing_holds_back_says_so_in_its_head_alone(open_page, waiting_run, explain):
    waiting_run.explained = {1: explain(ahead=0, position=1)}
    shown = said(open_page("runs", run="1"))
    assert "It is next." in shown
    assert "**Why it waits**" not in shown


def test_a_run_outside_the_queue_has_no_place_in_it(explain):
    assert values(explain(ahead=None, position=None))[0] == "not in the queue"


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (NOW + timedelta(minutes=5), "in 5 min, 2026-01-01 20:05:00"),
        (NOW - timedelta(minutes=5), "now, 2026-01-01 19:55:00"),
    ],
)
def test_the_start_is_told_from_now_and_on_the_visitors_clock_and_never_lies_behind(explain, start, told):
    assert values(explain(may_start_at=start.isoformat()), "Asia/Shanghai")[1] == told


def test_titles_are_translated_and_the_coordinators_sentences_stay(explain, speaking_chinese):
    found = explain(("need_unmet", {"need": "memory"}))
    assert waiting.reasons(read(found)) == [("没有节点能提供：内存", "Held back by need_unmet.")]
    assert values(found) == ["第 11 位，前面有 10 个", "无法预计", "1 / 2 (忙碌 1, 运行中 1)"]


def test_what_an_explanation_says_is_text(open_page, waiting_run, explain):
    evil = "<b>x</b> :red[a] \x1b"
    waiting_run.explained = {1: explain((evil, {"need": evil}), summary=evil)}
    app = open_page("runs", run="1")
    assert r"<b>x</b> :red[a] \x1b" in said(app)
    assert not [part for part in app.markdown if "<b>" in part.value or ":red[" in part.value]


def test_only_a_run_that_waits_is_asked_about(open_page, waiting_run, answers):
    waiting_run.runs[2] = answers.run_answer(2, "running")
    assert not [text for text in said(open_page("runs", run="2")) if "Why it waits" in text]
    assert not [path for path in waiting_run.asked if path.endswith("/explain")]


def test_the_explanation_is_fresh_with_each_refresh_and_gone_when_the_run_has_started(
    open_page, waiting_run, explain, answers
):
    app = open_page("runs", run="1")
    waiting_run.explained = {1: explain(("behind", {}), position=2, ahead=1)}
    fresh(app)
    assert "position 2, 1 before it" in said(app)
    waiting_run.runs[1] = answers.run_answer(1, "running")
    fresh(app)
    assert not [text for text in said(app) if "Why it waits" in text]


def test_without_an_explanation_the_run_says_in_a_sentence_what_it_waits_for(open_page, waiting_run):
    waiting_run.lacking = {"/api/runs/1/explain": "read:runs"}
    app = open_page("runs", run="1")
    assert "No node offers 64 cores; the largest offers 8." in said(app)
    assert not app.exception


@pytest.mark.parametrize("status", ["pending", "completed"])
def test_the_trace_id_can_be_copied(open_page, waiting_run, answers, status):
    waiting_run.runs[1] = answers.run_answer(1, status, trace_id="req_0123")
    assert "req_0123" in [block.value for block in open_page("runs", run="1").code]


def test_a_run_from_before_there_were_traces_stands_without_one(open_page, waiting_run, answers):
    waiting_run.runs[1] = answers.run_answer(1, trace_id=None)
    assert "Trace id" not in said(open_page("runs", run="1"))
