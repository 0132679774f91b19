import csv
import io
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from idlegrid_console.data import keys, logs, queues, system, system_figures, webhooks
from idlegrid_console.system_texts import COMPONENT, EVENT, SCOPE
from idlegrid_server.core.access import SCOPES
from idlegrid_server.core.webhooks import EventType

NOW = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)
EVIL = '<b onmouseover="x()">\x1b[31m\u202e'


def test_the_words_name_all_scopes_and_events_that_there_are():
    assert tuple(SCOPE) == SCOPES
    assert list(EVENT) == [event.value for event in EventType]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, "served"),
        ({"able": 0, "taking": 0}, "unserved"),
        ({"taking": 0}, "held"),
        ({"taking": 0, "pending": 0}, "served"),
    ],
)
def test_a_queue_is_served_held_up_or_out_of_reach(operations, changed, code):
    assert queues.served(operations.queue_answer(**changed)) == code


def test_queues_that_wait_longest_stand_first_and_the_table_is_bounded(operations):
    known = [operations.queue_answer(f"q{age}", oldest_seconds=age) for age in range(queues.MOST_ROWS + 50)]
    table = queues.table(known)
    assert len(table) == queues.MOST_ROWS
    assert table["oldest"][0] == "4 min 9 s"
    assert queues.totals({"waiting": 3, "queues": []}) == (3, 0, None)


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ("1 core, 512 MB", "1 core, 512 MB"),
        ("0.5 cores, 2048 MB, gpu+lab", "0.5 cores, 2 GB, labels gpu + lab"),
        ("whatever it is", "whatever it is"),
    ],
)
def test_a_class_of_needs_is_said_in_words(of, words):
    assert queues.class_needs(of) == words


def test_a_component_that_nobody_told_of_before_has_a_card_too():
    health = {"components": {"mail": {"status": "odd"}, "database": {"status": "healthy"}}}
    assert [(card.component, card.status, card.wrong) for card in system.cards(health, None)] == [
        ("database", "healthy", ""), ("mail", "odd", ""),
    ]  # fmt: skip
    assert set(COMPONENT) >= {"database", "message_queue", "scheduler", "api"}


def test_kept_lines_are_one_line_each_and_hold_no_formula(operations):
    line = operations.log_answer("=cmd|' /C calc'!A0\nsecond", metadata={"path": EVIL})
    text = logs.as_text([line, line])
    assert len(text.splitlines()) == 2
    assert "\x1b" not in text
    assert "\u202e" not in text
    _, row = csv.reader(io.StringIO(logs.as_csv([line])))
    assert row[3].startswith("'=cmd")


def test_a_line_leads_to_what_it_speaks_of_each_once():
    metadata = {"run_id": 17, "path": "/api/runs/17/abort", "task_id": "4; drop", "webhook_id": 2}
    assert logs.leads({"metadata": metadata}) == [("run", 17), ("webhook", 2)]
    assert logs.leads({}) == []
    assert logs.trace({"metadata": None}) == ""
    assert logs.since(60.0, NOW + timedelta(seconds=42)) == NOW - timedelta(seconds=60)


def test_a_key_is_judged_by_what_ended_it_first(operations):
    revoked = operations.key_answer(1, revoked_at=NOW.isoformat(), expires_at=NOW.isoformat())
    assert keys.state(revoked, NOW) == "revoked"
    assert keys.state(operations.key_answer(1, expires_at=NOW.isoformat()), NOW) == "expired"
    assert keys.state(operations.key_answer(1, uses_left=0), NOW) == "spent"
    assert keys.wanted(" ada ", ["submit"], "never", 5) == {
        "name": "ada", "scopes": ["submit"], "expires_in": None, "uses": None,
    }  # fmt: skip


def test_of_an_endpoint_only_what_was_changed_is_sent(operations):
    before = operations.webhook_answer(1)
    same = ["task.failed", "task.completed"]
    assert webhooks.changes(before, before["url"], same, None, renews=False) == {}
    assert webhooks.changes(before, "https://b/", ["*"], "whsec_x", renews=False) == {
        "url": "https://b/", "events": ["*"], "secret": "whsec_x",
    }  # fmt: skip
    assert webhooks.changes(before, before["url"], same, None, renews=True) == {"secret": None}


def test_a_body_that_is_no_json_is_shown_as_it_is_and_a_long_one_is_cut():
    assert webhooks.body({"body": EVIL}) == '<b onmouseover="x()">\\x1b[31m\\u202e'
    assert len(webhooks.body({"body": "x" * 1_000_000})) < 300_000


def test_charts_have_gaps_where_nobody_looked_and_no_markup_of_others(operations):
    depth = system_figures.depth(operations.overview_answer()["samples"])
    assert depth.data[0].y == (None, 0, 3, 8, 5)
    assert len(depth.data[0].x) == 5
    assert len(system_figures.depth({}).data[0].y) == 0
    table = pd.DataFrame([{"priority": EVIL, "needs": EVIL, "started": 1, "p50": 1.0, "p95": 2.0}])
    assert "<b " not in system_figures.waits(table).data[0].y[0]
    assert len(system_figures.harvest(operations.usage_answer()).data[0].x) == 24
