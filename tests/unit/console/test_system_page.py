import pytest
import streamlit as st

from .reading import texts

EVIL = "<script>x</script> :red[a] **b** \x1b[31m"


def table(app):
    return app.get_by_key("logs_table").value


def chosen(app, row):
    app.session_state["logs_table"] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    app.session_state["chosen_log"] = app.session_state["shown_logs"][row]
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def asked():
    """The queries for the log, in their order."""
    return []


@pytest.fixture
def known(coordinator, operations, asked):
    """A coordinator that is well, has harvested, and has logged 120 lines."""
    lines = [
        operations.log_answer(f"line {number}", timestamp=operations.before(minutes=number)) for number in range(120)
    ]
    coordinator.extra |= {
        "/api/system/health": {"status": "healthy", "components": operations.health_answer()},
        "/api/system/stats": operations.stats_answer(),
        "/api/system/usage": operations.usage_answer(),
        "/api/system/logs": lambda query: asked.append(query) or operations.page_of(lines, query),
    }
    return coordinator


def test_each_component_has_a_card_and_the_coordinator_its_figures(open_page, known):
    app = open_page("system")
    shown = texts(app)
    assert "answers in 5.2 ms; connections in use: 2" in shown
    assert "there: 3; draining: 0; away: 1" in shown
    assert {"26 %", "2 GB", "86 %", "7d 12h 30m", "0.25 s", "0.75 s"} <= set(shown)
    assert list(app.dataframe[0].value["cpu_hours"]) == [28.0, 20.0]


def test_a_component_that_is_not_well_says_what_that_means_and_what_to_do(open_page, known, operations):
    parts = operations.health_answer(
        database={"status": "unhealthy", "response_time": None, "connection_pool": {}},
        scheduler={"status": "degraded", "active_workers": 0, "pending_tasks": 9},
    )
    known.extra["/api/system/health"] = (503, {"error": {"message": "no record", "details": {"components": parts}}})
    known.extra["/api/system/stats"] = operations.stats_answer(total=0, active=0, offline=0)
    shown = " ".join(texts(open_page("system")))
    for words in ("The database does not answer", "free room on its disk", "schedules fire late", "No node has joined"):
        assert words in shown


def test_the_log_is_filtered_and_paged_by_the_address(open_page, known, asked):
    app = open_page("system", level="warn", service="api", search="line", span="hour", page="2")
    query = asked[-1]
    assert (query["level"], query["service"], query["search"], query["page"]) == ("warn", "api", "line", "2")
    assert query["start_time"]
    assert next(iter(table(app)["message"])) == "line 50"
    assert next(iter(table(app)["age"])) in {"50 min ago", "51 min ago"}, "a slow machine draws it a minute later"


def test_a_line_shows_its_metadata_and_leads_on(open_page, known, asked):
    app = chosen(open_page("system"), 1)
    assert any('"action": "lose_nodes"' in text for text in texts(app))
    assert "Run 17" in [link.label for link in app.page_link]
    app.button(key="log_trace").click().run()
    assert asked[-1]["search"] == "req_0123456789abcdef"


def test_what_was_logged_is_text(open_page, known, operations):
    line = operations.log_answer(EVIL, service=EVIL, level=EVIL, metadata={"trace_id": EVIL, "path": EVIL, EVIL: 1})
    known.extra["/api/system/logs"] = lambda query: operations.page_of([line], query)
    app = chosen(open_page("system"), 0)
    assert not any("\x1b" in text for text in texts(app))
    assert not any("<script>" in part.value for kind in (app.markdown, app.caption) for part in kind)


def test_no_lines_are_said_to_be_none_and_a_coordinator_that_is_away_leaves_what_was_known(
    open_page, known, operations
):
    known.extra["/api/system/logs"] = lambda query: operations.page_of([], query)
    app = open_page("system")
    assert "Nothing like that was logged." in texts(app)
    known.stop()
    try:
        st.cache_data.clear()
        app.run()
        assert "does not answer" in app.warning[0].value
        assert "7d 12h 30m" in texts(app)
    finally:
        known.start()


def test_a_key_without_the_scope_is_told_so_once_for_each_part(open_page, known):
    known.lacking |= {f"/api/system/{part}": "read:system" for part in ("health", "stats", "usage", "logs")}
    assert all("read" in warning.value for warning in open_page("system").warning)
