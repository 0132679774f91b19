"""The page of nodes, and each node's own."""

from datetime import UTC, datetime, timedelta

import pytest

from .reading import fresh, texts

ONE = "lab-01-3f2a91c4"
TWO = "lab-02-3f2a91c4"
HOSTILE = "<b>x</b> **b** :red[a] \x1b[31m\u202e"


def buttons(app):
    return [button.label for button in app.button]


def press(app, label, answer="Yes"):
    """Press a button, and answer the question that comes."""
    next(button for button in app.button if button.label == label).click().run()
    next(button for button in app.button if button.label == answer).click().run()
    assert not app.exception


@pytest.fixture
def lively(coordinator, answers, grid_answers):
    """A coordinator with two nodes."""
    coordinator.nodes = [answers.node_answer("lab-01"), answers.node_answer("lab-02", "busy", "input")]
    coordinator.extra["/api/workers/history"] = grid_answers.history_answer(**{ONE: ["idle", "running"], TWO: ["busy"]})
    return coordinator


@pytest.fixture
def listed(lively, answers):
    """The queries for pages of nodes; 45 nodes are said to be there."""
    asked = []

    def page(query):
        asked.append(query)
        items = [answers.node_answer(f"lab-{query.get('page')}{number}") for number in range(2)]
        items = [] if int(query["page"]) > 3 else items
        return {"items": items, "total": 45, "page": int(query["page"]), "size": 20, "total_pages": 3}

    lively.extra["/api/workers"] = page
    return asked


def test_nodes_are_listed_with_state_and_reason(open_page, lively):
    frame = open_page("nodes").dataframe[0].value
    assert list(frame["node"]) == [ONE, TWO]
    assert list(frame["why"]) == ["the owner is away", "keyboard or mouse in use"]
    assert list(frame["higher"]) == ["the node was not started as root"] * 2


def test_filters_sorting_and_the_page_come_from_the_address(open_page, listed):
    app = open_page("nodes", status="active", state="idle", search="lab", sort="-cpu_usage", page="2")
    wanted = {"page": "2", "status": "active", "state": "idle", "search": "lab", "sort": "cpu_usage", "order": "desc"}
    assert listed[-1] == wanted | {"size": "20"}
    assert "45 nodes" in texts(app)


@pytest.mark.parametrize("page", ["-1", "²"])
def test_nonsense_in_the_address_filters_nothing(open_page, listed, page):
    open_page("nodes", page=page, status="x", state="<b>", sort="id; drop", window="1")
    assert listed[-1] == {"page": "1", "size": "20", "sort": "hostname", "order": "asc"}


def test_a_page_beyond_the_last_one_is_the_last_one(open_page, listed):
    app = open_page("nodes", page="9")
    assert app.dataframe[0].value["node"][0].startswith("lab-3")


def test_a_new_filter_begins_at_the_first_page_and_stands_in_the_address(open_page, listed):
    app = open_page("nodes", page="2")
    app.text_input(key="nodes_search").set_value("gpu").run()
    assert (listed[-1]["page"], listed[-1]["search"]) == ("1", "gpu")
    assert dict(app.query_params) == {"search": "gpu"}


def test_a_filter_that_no_node_passes_is_said(open_page, coordinator):
    assert "No node is like that." in texts(open_page("nodes", state="frozen"))


def test_a_grid_without_nodes_says_how_to_add_one(open_page, coordinator):
    assert f"idlegrid node --server {coordinator.url}" in texts(open_page("nodes"))


def test_the_list_draws_what_its_nodes_were_and_when_all_are_idle(open_page, lively):
    app = open_page("nodes")
    alts = [chart.proto.alt for chart in app.get("plotly_chart")]
    assert f"{ONE}: idle 30 min, running 30 min" in alts[0]
    assert "50% of the 168 hours" in alts[1]
    assert {"8 times in 30 days", "3 s, 99 % within 20 s"} <= set(texts(app))


def test_marked_nodes_are_drained_after_a_question(open_page, lively):
    app = open_page("nodes")
    assert "Drain" not in buttons(app)
    app.session_state["marked_nodes"] = [ONE, TWO, "gone"]
    fresh(app)
    press(app, "Drain", "No")
    assert [node["status"] for node in lively.nodes] == ["active", "active"]
    press(app, "Drain")
    assert [node["status"] for node in lively.nodes] == ["draining", "draining"]
    assert "2 nodes" in app.toast[0].value
    press(fresh(app), "Resume")
    assert [node["status"] for node in lively.nodes] == ["active", "active"]


def test_the_marks_stay_on_their_nodes_when_others_come(open_page, lively, answers):
    app = open_page("nodes")
    app.session_state["marked_nodes"] = [ONE]
    lively.nodes.insert(0, answers.node_answer("a-first"))
    fresh(app)
    assert app.session_state["nodes_table"]["selection"]["rows"] == [1]


def test_without_the_scope_there_is_no_button(open_page, lively):
    lively.scopes = ["read:workers"]
    app = open_page("nodes")
    app.session_state["marked_nodes"] = [ONE]
    assert not {"Drain", "Pause", "Resume"} & set(buttons(fresh(app)))
    page = open_page("nodes", node=ONE)
    assert not {"Drain", "Pause", "Unregister", "Set", "Ask for it"} & set(buttons(page))


def test_a_suspect_node_is_marked_and_quarantined(open_page, lively):
    lively.nodes[0] |= {"suspect": True, "ended_per_minute": 40.0, "failed_per_minute": 39.5}
    frame = open_page("nodes").dataframe[0].value
    assert [list(mark) for mark in frame["mark"]] == [["suspect"], []]
    app = open_page("nodes", node=ONE)
    assert any("fails nearly all" in error.value for error in app.error)
    press(app, "Quarantine")
    assert lively.nodes[0]["status"] == "offline"
    fresh(app)
    assert "Quarantine" not in buttons(app)
    assert any("paused by the operator" in text for text in texts(app))
    press(app, "Resume")
    assert lively.nodes[0]["status"] == "active"


def test_a_nodes_own_page_says_what_it_does_its_rules_and_its_sandbox(open_page, lively):
    lively.nodes[0] |= {
        "policy": {"values": {"start_after_s": 300.0}, "pushed": {"start_after_s": 600}, "refused": "no"}
    }
    app = open_page("nodes", node=ONE)
    assert app.title[0].value.replace("\\", "") == ONE
    said = set(texts(app))
    assert {"Work starts 5 min after the owner's last key or movement.", "3 times in 30 days", "no"} <= said
    assert {"watched by the node", "the node was not started as root", "sudo idlegrid node"} <= said
    assert ":green-badge[:material/shield: 3 isolated]" in said
    assert app.dataframe[0].value.to_numpy().tolist() == [
        ["Work starts 5 min after the owner's last key or movement.", "10 min"]
    ]


def test_a_nodes_own_page_leads_to_its_runs_and_back(open_page, lively):
    lively.nodes[0] |= {"current_tasks": [{"run_id": 17, "task_name": None, "started_at": None}, {"run_id": "<b>"}]}
    app = open_page("nodes", node=ONE)
    links = [(link.proto.label, link.proto.page, link.proto.query_string) for link in app.get("page_link")]
    assert links == [
        ("All nodes", "nodes", ""), ("Run 17", "runs", "run=17"), ("Its latest runs", "runs", f"worker_id={ONE}")
    ]  # fmt: skip


def test_a_nodes_own_page_shows_its_week(open_page, lively, answers):
    until = datetime.now(UTC) + timedelta(hours=3, seconds=30)
    lively.weeks[ONE] = answers.week_answer({9, 10}, 160, until, 19_800)
    app = open_page("nodes", node=ONE)
    assert {"160 of 168", "UTC+05:30"} <= set(texts(app))
    assert any(f"{until:%Y-%m-%d %H:%M} (in 3 h" in text for text in texts(app))


def test_a_node_that_refuses_work_says_what_would_mend_it(open_page, coordinator, answers):
    bare = {"level": 0, "reason": "no bubblewrap", "remedy": "apt install bubblewrap"}
    coordinator.nodes = [answers.node_answer("lab-01", sandbox=bare)]
    app = open_page("nodes", node=ONE)
    assert ":red-badge[:material/block: 0 refuses work]" in texts(app)
    assert "apt install bubblewrap" in texts(app)


def test_a_wish_is_pushed_beside_those_before_and_all_are_taken_back(open_page, lively):
    policy = {"values": {"start_after_s": 300.0, "input": "required"}, "pushed": {"memory_pct": 50}, "refused": ""}
    lively.nodes[0] |= {"policy": policy}
    lively.extra["PUT", f"/api/workers/{ONE}"] = lively.nodes[0]
    app = open_page("nodes", node=ONE)
    assert app.selectbox(key="wish_rule").options == ["Work starts when the owner has been away for"]
    app.number_input(key="wish_start_after_s").set_value(900)
    app.button(key="ask_for_it").click().run()
    press(app, "Take all back")
    assert [body for _, _, body in lively.acts] == [
        {"policy": {"memory_pct": 50, "start_after_s": 900}}, {"policy": None}
    ]  # fmt: skip


def test_the_most_runs_of_a_node_are_set(open_page, lively):
    app = open_page("nodes", node=ONE)
    app.number_input(key="node_limit").set_value(7)
    app.button(key="set_limit").click().run()
    assert lively.nodes[0]["max_concurrent_tasks"] == 7


def test_unregistering_says_what_becomes_of_its_runs_and_goes_back_to_the_list(open_page, lively):
    lively.extra["DELETE", f"/api/workers/{ONE}"] = lambda _: lively.nodes.pop(0)
    app = open_page("nodes", node=ONE)
    next(button for button in app.button if button.label == "Unregister").click().run()
    assert any("goes back to the front of its queue" in text for text in texts(app))
    next(button for button in app.button if button.label == "Yes").click().run()
    assert [path for _, path, _ in lively.acts] == [f"/api/workers/{ONE}"]
    assert "node" not in app.query_params
    assert list(fresh(app).dataframe[0].value["node"]) == [TWO]


def test_what_the_coordinator_refuses_is_told(open_page, lively):
    refusal = (409, {"success": False, "error": {"message": "Not <b>now</b>"}})
    lively.extra["PUT", f"/api/workers/{ONE}"] = refusal
    app = open_page("nodes", node=ONE)
    press(app, "Drain")
    assert app.toast[0].value.replace("\\", "").startswith("Not <b>now</b>")


@pytest.mark.parametrize("unknown", [HOSTILE, "../../health"])
def test_an_unknown_node_in_the_address_is_said_so(open_page, lively, unknown):
    app = open_page("nodes", node=unknown)
    assert not app.exception
    assert len(app.error) == 1
    assert "\x1b" not in app.error[0].value + app.title[0].value
    assert "Drain" not in buttons(app)


def test_what_nodes_say_of_themselves_is_never_markup(open_page, lively, grid_answers):
    lively.nodes[0] |= {
        "id": HOSTILE, "hostname": HOSTILE, "reason": HOSTILE, "version": HOSTILE, "python": HOSTILE,
        "profile": HOSTILE, "labels": [HOSTILE], "task_types": [HOSTILE], "state": HOSTILE,
        "statistics": {"uptime": HOSTILE},
        "policy": {"values": {HOSTILE: HOSTILE, "input": HOSTILE}, "pushed": {HOSTILE: HOSTILE}, "refused": HOSTILE},
    }  # fmt: skip
    lively.extra["/api/workers/history"] = grid_answers.history_answer(**{HOSTILE: [HOSTILE, "idle"]})
    shown = [open_page("nodes"), open_page("nodes", node=HOSTILE)]
    for app in shown:
        assert not app.exception
        marked = [part.value for kind in (app.title, app.markdown, app.caption) for part in kind]
        marked += [part.proto.label for part in app.get("page_link")]
        assert not [text for text in marked if "<b>" in text or "**b**" in text or ":red[" in text]
        assert not [text for text in texts(app) if "\x1b" in text or "\u202e" in text]
        assert not [chart for chart in app.get("plotly_chart") if "<b>" in chart.proto.spec]


def test_a_page_keeps_what_it_showed_while_the_coordinator_is_away_and_recovers(open_page, lively):
    app = open_page("nodes", node=ONE)
    lively.stop()
    try:
        fresh(app)
        assert "what was known at" in app.warning[0].value
        assert "watched by the node" in texts(app)
    finally:
        lively.start()
    assert not fresh(app).warning
