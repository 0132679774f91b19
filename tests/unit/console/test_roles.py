import pytest
import streamlit as st

ROLES = {
    "viewer": ["read:tasks", "read:runs", "read:workers", "read:jobs", "read:system"],
    "submitter": ["submit"],
    "operator": [
        "read:tasks", "read:runs", "read:workers", "read:jobs", "read:system",
        "write:tasks", "write:runs", "write:workers",
    ],
    "admin": ["admin"],
}  # fmt: skip
TITLES = ["Overview", "Submit", "Tasks", "Runs", "Nodes", "Queues", "System", "Keys", "Webhooks"]
OPEN = {
    "viewer": ["Overview", "Tasks", "Runs", "Nodes", "Queues", "System"],
    "submitter": ["Submit", "Runs"],
    "operator": ["Overview", "Tasks", "Runs", "Nodes", "Queues", "System"],
    "admin": TITLES,
}
CHANGES = {"Drain", "Cancel", "Run now", "Pause", "Edit", "Delete", "Revoke", "Unregister", "Restart", "New task"}
"""Buttons that change what is everybody's; a viewer sees none of them."""


@pytest.fixture
def lively(coordinator, answers):
    """A coordinator that asks for keys, with something of each kind."""
    coordinator.key = "secret"
    coordinator.runs = {1: answers.run_answer(1), 2: answers.run_answer(2, "running")}
    coordinator.tasks = {1: answers.task_answer(1)}
    coordinator.nodes = [answers.node_answer("lab-01")]
    return coordinator


@pytest.fixture
def shown(monkeypatch):
    """The titles of the latest navigation."""
    titles, asked = [], st.navigation

    def spied(pages, **options):
        titles[:] = [page.title for page in pages if page.visibility == "visible"]
        return asked(pages, **options)

    monkeypatch.setattr(st, "navigation", spied)
    return titles


def opened(open_page, lively, monkeypatch, role, page):
    lively.scopes = ROLES[role]
    monkeypatch.setenv("IDLEGRID_API_KEY", "secret")
    app = open_page(page)
    assert not app.exception
    return app


def closed(app):
    return [warning.value for warning in app.warning if "This page needs the scope" in warning.value]


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("role", ROLES)
def test_a_page_stands_for_whoever_may_open_it_and_says_the_scope_to_others(
    open_page, lively, shown, monkeypatch, role, title
):
    app = opened(open_page, lively, monkeypatch, role, title.lower())
    assert shown == OPEN[role]
    landed = title if title in OPEN[role] or title != "Overview" else OPEN[role][0]
    assert app.title[0].value == landed
    assert bool(closed(app)) == (landed not in OPEN[role])


@pytest.mark.parametrize("title", OPEN["viewer"])
def test_a_viewer_has_no_button_that_changes_what_is_everybodys(open_page, lively, monkeypatch, title):
    app = opened(open_page, lively, monkeypatch, "viewer", title.lower())
    app.session_state["chosen_run"], app.session_state["chosen_task"] = 2, 1
    app.run()
    assert not {button.label for button in app.button} & CHANGES


@pytest.mark.parametrize("title", TITLES)
def test_every_page_is_open_where_no_keys_are_asked_for(open_page, lively, shown, title):
    lively.key = None
    app = open_page(title.lower())
    assert not app.exception
    assert shown == TITLES
    assert app.title[0].value == title


def test_a_key_that_opens_no_page_is_told_so(open_page, lively, shown, monkeypatch):
    monkeypatch.setitem(ROLES, "node", ["node"])
    app = opened(open_page, lively, monkeypatch, "node", "overview")
    assert shown == []
    assert closed(app)
