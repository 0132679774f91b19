import pytest

from .reading import fresh

PAGES = ["overview", "submit", "tasks", "runs", "nodes"]


@pytest.fixture
def lively(coordinator, answers):
    """A coordinator with a run in each state and two nodes."""
    states = ["completed", "failed", "running", "pending", "aborted"]
    coordinator.runs = {number: answers.run_answer(number, state) for number, state in enumerate(states, 1)}
    coordinator.tasks = {1: answers.task_answer(1)}
    coordinator.nodes = [answers.node_answer("lab-01"), answers.node_answer("lab-02", "busy", "input")]
    return coordinator


@pytest.mark.parametrize("page", PAGES)
def test_a_page_stands_when_the_grid_is_empty(open_page, page):
    app = open_page(page)
    assert not app.exception
    assert not app.warning
    assert not app.error


@pytest.mark.parametrize("page", PAGES)
def test_a_page_stands_when_the_grid_is_lively(open_page, lively, page):
    assert not open_page(page).exception


@pytest.mark.parametrize("page", PAGES)
def test_a_coordinator_that_was_never_there_is_said_so(open_page, coordinator, page):
    coordinator.stop()
    try:
        app = open_page(page)
    finally:
        coordinator.start()
    assert not app.exception
    assert "does not answer" in app.warning[0].value


def test_a_page_keeps_what_it_showed_while_the_coordinator_is_away_and_recovers(open_page, lively):
    app = open_page("nodes")
    lively.stop()
    try:
        fresh(app)
        assert "what was known at" in app.warning[0].value
        assert list(app.dataframe[0].value["node"]) == ["lab-01-3f2a91c4", "lab-02-3f2a91c4"]
    finally:
        lively.start()
    lively.nodes.pop()
    fresh(app)
    assert not app.warning
    assert list(app.dataframe[0].value["node"]) == ["lab-01-3f2a91c4"]


def test_what_a_key_may_not_do_is_said_with_the_scope_and_the_rest_of_the_page_stands(open_page, lively):
    lively.lacking = {"/api/system/timeline": "read:system"}
    app = open_page("overview")
    assert not app.exception
    said = {warning.value.replace("\\", "") for warning in app.warning}
    assert said == {"Your key lacks the scope read:system, which this needs."}
    assert app.metric


@pytest.mark.parametrize(("page", "path"), [("runs", "/api/runs"), ("tasks", "/api/tasks"), ("nodes", "/api/workers")])
def test_a_page_stands_when_the_key_may_not_see_what_it_is_about(open_page, lively, page, path):
    lively.lacking = {path: "read:something"}
    app = open_page(page)
    assert not app.exception
    assert "lacks the scope" in app.warning[0].value
    assert not app.dataframe
