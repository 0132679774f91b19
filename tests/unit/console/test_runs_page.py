"""The list of runs: filters in the address, and acts on several runs."""

import pytest

from .reading import fresh, texts

STATES = ["completed", "failed", "running", "pending", "aborted"]


@pytest.fixture
def lively(coordinator, answers):
    """A coordinator with a run in each state."""
    coordinator.runs = {number: answers.run_answer(number, state) for number, state in enumerate(STATES, 1)}
    return coordinator


@pytest.fixture
def asked(lively):
    """What the coordinator is asked of runs, by the latest question."""
    questions = []
    stored = lively.runs

    def answer(query):
        questions.append(query)
        items = sorted(stored.values(), key=lambda run: -run["id"])
        return {"items": items, "total": 95, "page": int(query["page"]), "size": int(query["size"]), "total_pages": 10}

    lively.extra["/api/runs"] = answer
    return questions


def choose(app, **runs):
    """As clicks on their boxes do: `choose(app, run_1="completed")`."""
    app.session_state["runs_chosen"] = {int(name.removeprefix("run_")): status for name, status in runs.items()}
    return fresh(app)


def press(app, key):
    app.button(key=key).click().run()
    assert not app.exception
    return app


def ids(app):
    return [int(number) for number in app.dataframe[0].value["id"]]


def test_the_runs_are_listed_newest_first(open_page, lively):
    app = open_page("runs")
    assert ids(app) == [5, 4, 3, 2, 1]
    assert "5 runs" in texts(app)


def test_a_grid_without_runs_says_how_to_submit_one(open_page, coordinator):
    assert any("idlegrid submit" in text for text in texts(open_page("runs")))


def test_the_list_can_show_one_status_and_says_when_there_is_none_of_it(open_page, coordinator, answers):
    coordinator.runs = {1: answers.run_answer(1), 2: answers.run_answer(2, "failed")}
    assert ids(open_page("runs", status="failed")) == [2]
    app = open_page("runs", status="running")
    assert "No run is running." in texts(app)
    assert ids(press(app, "runs_all")) == [2, 1]


def test_all_that_the_address_says_is_asked_for(open_page, asked):
    open_page("runs", status="failed", search="night", submitter="ada", worker_id="lab-07", task_id="4", since="1h",
              sort="started", size="25", page="3")  # fmt: skip
    (question,) = asked[-1:]
    assert question.pop("since") > "2025"
    assert question == {
        "page": "3", "size": "25", "status": "failed", "task_id": "4", "worker_id": "lab-07", "search": "night",
        "submitter": "ada", "sort": "started_at", "order": "desc",
    }  # fmt: skip


def test_what_is_filled_in_stands_in_the_address_and_begins_at_the_first_page(open_page, asked):
    app = open_page("runs", page="3")
    app.text_input(key="runs_search").set_value(" night ").run()
    app.selectbox(key="runs_since").set_value("7d").run()
    app.selectbox(key="runs_size").set_value(50).run()
    assert dict(app.query_params) == {"search": "night", "since": "7d", "size": "50"}
    assert (asked[-1]["page"], asked[-1]["search"], asked[-1]["size"]) == ("1", "night", "50")


def test_nonsense_in_the_address_counts_for_nothing(open_page, asked):
    app = open_page("runs", run="x", status="dreaming", size="7", page="-1", since="ever and ever", task_id="²")
    assert not app.exception
    assert asked[-1] == {"page": "1", "size": "10", "sort": "id", "order": "desc"}


def test_a_page_beyond_the_last_one_does_no_harm(open_page, lively):
    lively.extra["/api/runs"] = {"items": [], "total": 12, "page": 99, "size": 10, "total_pages": 2}
    app = open_page("runs", page="99")
    assert not app.exception
    assert "No run is like that." in texts(app)


def test_the_marks_stay_on_the_chosen_runs_when_new_ones_come(open_page, lively, answers):
    app = choose(open_page("runs"), run_1="completed", run_3="running")
    assert app.session_state["runs_table"]["selection"]["rows"] == [2, 4]
    lively.runs[6] = answers.run_answer(6)
    assert fresh(app).session_state["runs_table"]["selection"]["rows"] == [3, 5]


def test_several_runs_are_called_off_after_a_question_that_says_which_cannot(open_page, lively):
    app = choose(open_page("runs"), run_1="completed", run_3="running", run_4="pending")
    press(app, "runs_cancel")
    (question,) = [text for text in texts(app) if "will be called off" in text]
    assert question == ("2 of the chosen runs will be called off: 3, 4.\n1 cannot, because they have ended already: 1.")
    assert lively.runs[3]["status"] == "running"
    press(app, "cancel_runs_yes")
    assert [lively.runs[number]["status"] for number in (1, 3, 4)] == ["completed", "aborted", "aborted"]
    assert "2 done, 0 refused" in texts(app)
    assert app.button(key="runs_cancel").disabled


def test_an_act_on_several_runs_tells_for_each_how_it_went(open_page, lively):
    lively.extra["POST", "/api/runs/1/restart"] = {"new_run_id": 8}
    lively.extra["POST", "/api/runs/2/restart"] = (403, {"error": {"message": "Not yours"}})
    app = choose(open_page("runs"), run_1="completed", run_2="failed", run_3="running")
    press(press(app, "runs_restart"), "restart_runs_yes")
    assert "1 done, 1 refused" in texts(app)
    told = app.dataframe[0].value.to_numpy().tolist()
    assert (told[0][:2], told[1]) == ([2, False], [1, True, "made anew as run 8"])
    assert "Not yours" in told[0][2]
    press(app, "runs_told_close")
    assert len(app.dataframe) == 1


def test_a_run_whose_state_has_changed_meanwhile_is_told_so(open_page, lively):
    app = choose(open_page("runs"), run_3="running", run_9="running")
    lively.runs[9] = lively.runs[1] | {"id": 9}
    press(press(app, "runs_cancel"), "cancel_runs_yes")
    assert app.dataframe[0].value["words"].tolist() == ["had ended already", "called off"]


BUTTONS = {"runs_cancel", "runs_restart"}


@pytest.mark.parametrize(
    ("scopes", "shown"), [(["read:runs"], set()), (["submit"], BUTTONS), (["read:runs", "write:runs"], BUTTONS)]
)
def test_buttons_that_the_key_does_not_allow_are_absent(open_page, lively, scopes, shown):
    lively.scopes = scopes
    app = choose(open_page("runs"), run_1="completed")
    assert {button.key for button in app.button} & BUTTONS == shown


def test_a_single_chosen_run_can_be_opened_and_its_page_keeps_the_filters(open_page, lively):
    app = choose(open_page("runs", status="failed"), run_2="failed")
    (link,) = [link for link in app.get("page_link") if "run=2" in link.proto.query_string]
    assert "status=failed" in link.proto.query_string
    app = open_page("runs", run="2", status="failed")
    assert [link.proto.query_string for link in app.get("page_link")] == ["status=failed"]


def test_the_list_keeps_what_it_showed_while_the_coordinator_is_away(open_page, lively):
    app = open_page("runs", since="1h")
    lively.stop()
    try:
        fresh(app)
        assert "what was known at" in app.warning[0].value
        assert ids(app) == [5, 4, 3, 2, 1]
    finally:
        lively.start()
    assert not fresh(app).warning


def test_an_act_on_several_runs_ends_when_the_coordinator_is_away(open_page, lively):
    app = choose(open_page("runs"), run_3="running", run_4="pending")
    press(app, "runs_cancel")
    lively.stop()
    try:
        press(app, "cancel_runs_yes")
    finally:
        lively.start()
    assert "0 done, 2 refused" in texts(app)
