from datetime import UTC, datetime, timedelta

import pytest

PAGES = ["overview", "submit", "tasks", "runs", "nodes"]


def texts(app):
    """All that the page says in words."""
    return [part.value for kind in (app.markdown, app.caption, app.text, app.code) for part in kind]


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


def test_the_overview_counts_runs_and_nodes(open_page, lively):
    shown = {metric.label: metric.value for metric in open_page("overview").metric}
    assert shown == {
        "Waiting": "1", "Running": "1", "Done": "1", "Failed": "2",
        "Idle": "1", "Working": "0", "With owner": "1", "Offline": "0",
    }  # fmt: skip


def test_the_overview_has_its_four_charts(open_page, lively):
    assert len(open_page("overview").get("plotly_chart")) == 4


@pytest.mark.parametrize("page", ["overview", "nodes"])
def test_a_grid_without_nodes_says_how_to_add_one(open_page, coordinator, page):
    assert f"idlegrid node --server {coordinator.url}" in texts(open_page(page))


def test_a_grid_without_runs_says_how_to_submit_one(open_page, coordinator):
    assert any("idlegrid submit" in text for text in texts(open_page("runs")))


def test_the_runs_page_lists_runs_newest_first(open_page, lively):
    frame = open_page("runs").dataframe[0].value
    assert list(frame["id"]) == [5, 4, 3, 2, 1]


def test_the_runs_page_can_show_one_status(open_page, lively):
    app = open_page("runs", status="failed")
    assert list(app.dataframe[0].value["id"]) == [2]


def test_a_status_that_no_run_has_is_said(open_page, coordinator, answers):
    coordinator.runs = {1: answers.run_answer(1)}
    assert "No run is failed." in texts(open_page("runs", status="failed"))


def test_a_run_in_the_address_is_shown_in_full(open_page, lively):
    app = open_page("runs", run="1")
    assert app.subheader[0].value == "Run 1"
    assert "out of 1" in texts(app)
    assert not [button for button in app.button if button.label == "Cancel"]


def test_a_run_that_keeps_checkpoints_says_what_it_would_go_on_from(open_page, coordinator, answers):
    kept = {"attempt": 2, "size": 1_200_000, "created_at": "2025-03-04T10:00:00Z"}
    coordinator.runs = {1: answers.run_answer(1, "running", checkpoint=kept)}
    (line,) = [text for text in texts(open_page("runs", run="1")) if text.startswith("Checkpoint of attempt 2, 1.2 MB")]
    assert line.endswith(" ago")


def test_a_failed_run_shows_its_error(open_page, lively):
    assert "ZeroDivisionError" in texts(open_page("runs", run="2"))


@pytest.mark.parametrize("nonsense", ["x", "-1", "9" * 40, "²", ""])
def test_nonsense_in_the_address_chooses_no_run(open_page, lively, nonsense):
    app = open_page("runs", run=nonsense)
    assert not app.exception
    assert not app.subheader


def test_a_run_that_does_not_exist_is_said_so(open_page, lively):
    assert "Run 99 not found" in open_page("runs", run="99").error[0].value


def test_a_running_run_can_be_called_off(open_page, lively):
    app = open_page("runs", run="3")
    next(button for button in app.button if button.label == "Cancel").click().run()
    assert lively.runs[3]["status"] == "aborted"
    assert "Run 3 is called off." in app.toast[0].value


def test_the_mark_stays_on_the_chosen_run_when_new_ones_come(open_page, lively, answers):
    app = open_page("runs", run="1")
    assert app.session_state["runs_table"]["selection"]["rows"] == [4]
    lively.runs[6] = answers.run_answer(6)
    fresh(app)
    assert app.session_state["runs_table"]["selection"]["rows"] == [5]


def test_a_run_that_has_ended_is_not_asked_for_again(open_page, lively):
    app = open_page("runs", run="1")
    fresh(app)
    assert lively.asked.count("/api/runs/1") == 1


def test_the_nodes_page_lists_nodes_with_state_and_reason(open_page, lively):
    frame = open_page("nodes").dataframe[0].value
    assert list(frame["node"]) == ["lab-01-3f2a91c4", "lab-02-3f2a91c4"]
    assert list(frame["why"]) == ["the owner is away", "keyboard or mouse in use"]


def test_a_chosen_node_shows_its_sandbox_and_the_command_that_raises_it(open_page, lively):
    app = choose_node(open_page("nodes"), "lab-01-3f2a91c4")
    assert {"watched by the node", "the node was not started as root", "sudo idlegrid node"} <= set(texts(app))
    assert ":green-badge[:material/shield: 3 isolated]" in texts(app)


def test_a_chosen_node_shows_its_week_and_until_when_it_should_stay_idle(open_page, lively, answers):
    app = choose_node(open_page("nodes"), "lab-01-3f2a91c4")
    assert {"Expected idle until", "not known yet", "0 of 168", "UTC+00:00"} <= set(texts(app))
    assert not app.get("plotly_chart")
    until = datetime.now(UTC) + timedelta(hours=3, seconds=30)
    lively.weeks["lab-01-3f2a91c4"] = answers.week_answer({9, 10}, 160, until, 19_800)
    fresh(app)
    assert {"160 of 168", "UTC+05:30"} <= set(texts(app))
    assert any(f"{until:%Y-%m-%d %H:%M} (in 3 h" in text for text in texts(app))
    assert len(app.get("plotly_chart")) == 1


def test_a_chosen_node_shows_how_fast_its_owner_got_it_back_and_what_the_owner_allows(open_page, lively):
    lively.nodes[0] |= {
        "policy": {"values": {"start_after_s": 300.0}, "pushed": {"start_after_s": 60}, "refused": "no"}
    }
    app = choose_node(open_page("nodes"), "lab-01-3f2a91c4")
    assert {"3 times in 30 days", "0.25 s, 99 % within 0.75 s", "no"} <= set(texts(app))
    rows = app.dataframe[1].value.to_numpy().tolist()
    assert rows == [["Work starts when the owner has been away for", "5 min", "1 min"]]


def test_a_node_that_refuses_work_is_marked(open_page, coordinator, answers):
    bare = {"level": 0, "reason": "no bubblewrap", "remedy": "apt install bubblewrap"}
    coordinator.nodes = [answers.node_answer("lab-01", sandbox=bare)]
    app = open_page("nodes")
    assert list(app.dataframe[0].value["sandbox"]) == [["0"]]
    choose_node(app, "lab-01-3f2a91c4")
    assert ":red-badge[:material/block: 0 refuses work]" in texts(app)
    assert "apt install bubblewrap" in texts(app)


def test_the_mark_stays_on_the_chosen_node_when_others_come(open_page, lively, answers):
    app = choose_node(open_page("nodes"), "lab-01-3f2a91c4")
    lively.nodes.append(answers.node_answer("a-first"))
    fresh(app)
    assert app.session_state["nodes_table"]["selection"]["rows"] == [1]


def test_the_files_of_a_run_have_a_button_each_and_are_not_fetched(open_page, lively):
    lively.runs[1] |= {"files": 2}
    lively.files[1] = {"report.csv": b"x" * 1500, "<b>**\u202egnp": b"y"}
    app = open_page("runs", run="1")
    assert [button.label for button in app.get("download_button")] == ["Download", "Download"]
    assert {r"<b>**\u202egnp", "1 byte", "report.csv", "1.5 kB"} <= set(texts(app))
    assert "/api/runs/1/files" in lively.asked
    assert not [path for path in lively.asked if path.startswith("/api/runs/1/files/")]


@pytest.mark.parametrize("status", ["running", "completed"])
def test_a_run_without_files_or_one_that_goes_on_has_no_files(open_page, lively, answers, status):
    lively.runs[1] = answers.run_answer(1, status, files=int(status == "running"))
    app = open_page("runs", run="1")
    assert not app.get("download_button")
    assert "/api/runs/1/files" not in lively.asked


def test_files_that_cannot_be_listed_can_be_asked_for_again(open_page, lively):
    lively.runs[1] |= {"files": 1}
    lively.files[1] = None
    app = open_page("runs", run="1")
    assert "No files" in " ".join(texts(app))
    lively.files[1] = {"report.csv": b"1"}
    next(button for button in app.button if button.label == "Ask again").click().run()
    assert len(app.get("download_button")) == 1


def test_the_files_are_those_of_the_chosen_run(open_page, lively, answers):
    lively.runs[1] |= {"files": 1}
    lively.files[1] = {"report.csv": b"1"}
    app = open_page("runs", run="1")
    app.session_state["chosen_run"] = 2
    fresh(app)
    assert not app.get("download_button")


def test_a_sandbox_level_is_asked_for(open_page, coordinator):
    app = open_page("submit")
    assert app.selectbox(key="min_sandbox").options[0] == "3 (default)"
    app.selectbox(key="min_sandbox").set_value(4)
    press_submit(app)
    assert coordinator.submitted[0]["min_sandbox"] == 4


def test_submitted_code_reaches_the_coordinator_as_it_was_filled_in(open_page, coordinator):
    app = open_page("submit")
    app.text_area(key="code").set_value("print(6 * 7)")
    app.number_input(key="timeout").set_value(20)
    app.text_input(key="requires").set_value("gpu, linux")
    app.text_area(key="parameters").set_value('{"n": 1}')
    app.selectbox(key="priority").set_value("high")
    press_submit(app)
    assert coordinator.submitted == [
        {"code": "print(6 * 7)", "timeout": 20, "resources": {"cpu": 1.0, "memory": 512}, "priority": "high",
         "requires": ["gpu", "linux"], "parameters": {"n": 1}}
    ]  # fmt: skip


def test_a_submitted_run_is_followed_to_its_result(open_page, coordinator, answers):
    app = open_page("submit")
    press_submit(app)
    fresh(app)
    assert app.subheader[0].value == "Run 1"
    coordinator.runs[1] = answers.run_answer(1, result="forty-two")
    fresh(app)
    assert "forty-two" in texts(app)


def test_what_the_coordinator_refuses_is_shown_as_text(open_page, coordinator):
    app = open_page("submit")
    app.text_area(key="code").set_value("  ")
    press_submit(app)
    fresh(app)
    assert app.error[0].value.startswith("Code cannot be empty")
    assert not coordinator.runs


@pytest.mark.parametrize("wrong", ["{", "[1]"])
def test_parameters_that_are_no_object_are_refused_before_sending(open_page, coordinator, wrong):
    app = open_page("submit")
    app.text_area(key="parameters").set_value(wrong)
    press_submit(app)
    fresh(app)
    assert "parameters are" in app.error[0].value
    assert not coordinator.submitted


def test_what_users_wrote_is_never_markup(open_page, coordinator, answers):
    evil = "<script>x</script> :red[a] **b** \x1b[31m"
    coordinator.runs = {1: answers.run_answer(1, result=evil, code=evil, worker_id=evil, submitter=evil)}
    app = open_page("runs", run="1")
    assert not [part for part in app.markdown if "script" in part.value or "red[" in part.value]
    assert evil.replace("\x1b", r"\x1b") in texts(app)


@pytest.mark.parametrize("page", PAGES[:1] + PAGES[2:])
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


def test_a_grid_that_wants_a_key_is_given_the_visitors(open_page, lively):
    lively.key = "secret"
    app = open_page("nodes")
    assert "wants a key" in app.warning[0].value
    app.text_input[0].set_value(" secret ").run()
    assert not app.warning
    assert len(app.dataframe[0].value) == 2


def test_a_key_that_is_no_good_any_more_shows_nothing_and_asks_for_another(open_page, lively):
    lively.key = "secret"
    app = open_page("nodes")
    app.text_input[0].set_value("secret").run()
    lively.key = "newer"
    fresh(app)
    assert "wants a key" in app.warning[0].value
    assert not app.dataframe
    app.text_input[0].set_value("newer").run()
    assert len(app.dataframe[0].value) == 2


def test_what_a_key_may_not_do_is_said_with_the_scope_and_the_rest_of_the_page_stands(open_page, lively):
    lively.lacking = {"/api/workers": "read:workers", "/api/system/timeline": "read:system"}
    app = open_page("overview")
    assert not app.exception
    said = [warning.value.replace("\\", "") for warning in app.warning]
    assert [one.rpartition("scope ")[2] for one in said] == ["read:workers", "read:system", "read:workers"]
    assert {metric.label: metric.value for metric in app.metric}["Done"] == "1"


@pytest.mark.parametrize(("page", "path"), [("runs", "/api/runs"), ("tasks", "/api/tasks"), ("nodes", "/api/workers")])
def test_a_page_stands_when_the_key_may_not_see_what_it_is_about(open_page, lively, page, path):
    lively.lacking = {path: "read:something"}
    app = open_page(page)
    assert not app.exception
    assert "lacks the scope" in app.warning[0].value
    assert not app.dataframe


def choose_node(app, node_id):
    """As a click on its row does."""
    app.session_state["chosen_node"] = node_id
    app.run()
    assert not app.exception
    return app


def press_submit(app):
    app.button[0].click().run()
    assert not app.exception


def fresh(app):
    """Draw again with answers from now: as the next refresh after the shared ones have aged."""
    import streamlit as st

    st.cache_data.clear()
    app.run()
    assert not app.exception
