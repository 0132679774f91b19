"""The overview: tiles, charts, and what wants somebody."""

import pytest

from .reading import fresh


@pytest.fixture
def lively(coordinator, grid_answers):
    """A coordinator with nodes of several kinds and runs in each state."""
    grid_answers.furnish(coordinator, idle=4, working=3, owner=2, lost=1)
    return coordinator


def links(app):
    """The texts of the page's links with where they lead."""
    found = [part.proto for part in app.get("page_link")]
    return {link.label.replace("\\", ""): (link.page, link.query_string) for link in found}


def test_the_tiles_count_runs_and_nodes_and_draw_how_that_went(open_page, lively):
    tiles = open_page("overview").metric
    assert {tile.label: tile.value for tile in tiles} == {
        "Runs waiting": "7", "Runs running": "3", "Done today": "41", "Failed today": "5",
        "Nodes idle": "4", "With owner": "2", "Nodes working": "3", "Nodes lost": "1",
    }  # fmt: skip
    trends = {tile.label: list(tile.proto.chart_data) for tile in tiles}
    assert (trends["Runs waiting"], trends["Nodes idle"]) == ([5, 6, 7], [4, 4, 4])
    assert len(trends["Done today"]) == 45


def test_all_tiles_are_one_request_and_no_list_of_nodes_is_asked_for(open_page, lively):
    app = open_page("overview")
    fresh(app)
    assert "/api/workers" not in lively.asked
    assert "/stats" not in lively.asked
    assert lively.asked.count("/api/system/overview") == 2


def test_today_begins_at_the_visitors_midnight(open_page, lively):
    asked = []
    answer = lively.extra["/api/system/overview"]
    lively.extra["/api/system/overview"] = lambda query: asked.append(query) or answer
    open_page("overview")
    assert asked[0]["since"].endswith("T00:00:00+00:00")
    assert (asked[0]["window"], asked[0]["points"]) == ("900", "45")


def test_it_has_six_charts_each_with_its_numbers_in_words(open_page, lively):
    alts = [chart.proto.alt for chart in open_page("overview").get("plotly_chart")]
    assert len(alts) == 6
    assert any("3 working, 4 idle" in alt for alt in alts)
    assert any("3 h of core time" in alt for alt in alts)


def test_a_window_in_the_address_is_the_one_asked_for(open_page, lively):
    asked = []
    lively.extra["/api/system/timeline"] = lambda query: asked.append(query["window"]) or {}
    app = open_page("overview", span="24h")
    app.session_state["standing"] = "runs"  # it is opened with that address
    fresh(app)
    assert "86400" in asked
    assert dict(app.query_params) == {"span": "24h"}


def test_nothing_needs_you(open_page, lively):
    assert "**Nothing needs you**" in [part.value for part in open_page("overview").markdown]


def test_each_need_is_a_link_to_where_it_is_mended(open_page, lively, grid_answers):
    kinds = {"node_lost": "lab-9", "task_failing": 4, "queue_unserved": 17, "webhook_off": 2, "component_down": "redis"}
    items = [grid_answers.need_answer(kind, identity) for kind, identity in kinds.items()]
    lively.extra["/api/system/attention"] = {"items": items, "total": 5}
    app = open_page("overview")
    assert "**Needs you** (5)" in [part.value for part in app.markdown]
    found = {label.strip("*").partition(":")[0]: place for label, place in links(app).items()}
    assert found["Node lost"] == ("nodes", "node=lab-9")
    assert found["Task fails again and again"] == ("tasks", "task=4")
    assert found["Queue that no node can serve"] == ("runs", "run=17")
    assert found["Webhook switched off"] == ("webhooks", "webhook=2")
    assert found["A part of the grid does not work"] == ("system", "")


def test_what_wants_somebody_is_never_markup(open_page, lively, grid_answers):
    evil = "<b>x</b> :red[a] **b** [l](http://x) \x1b[31m"
    item = grid_answers.need_answer("task_failing", 4, message=evil)
    lively.extra["/api/system/attention"] = {"items": [item], "total": 1}
    app = open_page("overview")
    assert evil.replace("\x1b", r"\x1b") in [part.value for part in app.text]
    assert not [part for kind in (app.markdown, app.caption) for part in kind if ":red" in part.value]


def test_a_grid_without_nodes_says_how_to_add_one(open_page, coordinator):
    assert f"idlegrid node --server {coordinator.url}" in [part.value for part in open_page("overview").code]


def test_it_stands_before_anybody_has_looked(open_page, coordinator):
    bare = {"runs": {}, "since": {}, "nodes": {}, "samples": {"start": None, "waiting": [None], "nodes": {}}}
    coordinator.extra["/api/system/overview"] = bare
    coordinator.extra["/api/system/usage"] = {}
    assert not open_page("overview").exception


def test_it_keeps_its_numbers_while_the_coordinator_is_away(open_page, lively):
    app = open_page("overview")
    lively.stop()
    try:
        fresh(app)
        assert "what was known at" in app.warning[0].value
        assert app.metric[0].value == "7"
        assert len(app.get("plotly_chart")) == 6
    finally:
        lively.start()
    assert not fresh(app).warning
