"""A run's own page: its parts by tabs, and what they make of hostile texts."""

import json

import pytest

from .reading import fresh, texts

EVIL = "<script>x</script> :red[a] **b** \x1b[31m"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture
def known(coordinator, answers):
    """A coordinator with a run in each state."""
    states = ["completed", "failed", "running", "pending", "aborted"]
    coordinator.runs = {number: answers.run_answer(number, state) for number, state in enumerate(states, 1)}
    return coordinator


def tab(app, label):
    """With that tab open."""
    app.session_state["tabs_run"] = label
    return fresh(app)


def press(app, label):
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def wrote(run, *pieces):
    run["logs"] = [{"timestamp": run["created_at"], "level": level, "message": text} for level, text in pieces]


def test_a_run_in_the_address_is_shown_in_full(open_page, known):
    app = open_page("runs", run="1")
    assert app.subheader[0].value == "Run 1"
    assert "out of 1" in texts(app)
    assert [button.label for button in app.button] == ["Restart"]


def test_a_run_that_does_not_exist_is_said_so_with_a_way_back(open_page, known):
    app = open_page("runs", run="99", status="failed")
    assert "Run 99 not found" in app.error[0].value
    assert [link.proto.query_string for link in app.get("page_link")] == ["status=failed"]


def test_a_failed_run_shows_its_error(open_page, known):
    assert "ZeroDivisionError" in texts(open_page("runs", run="2"))


def test_a_running_run_can_be_called_off(open_page, known):
    app = press(open_page("runs", run="3"), "Cancel")
    assert known.runs[3]["status"] == "aborted"
    assert "Run 3 is called off" in app.toast[0].value


def test_a_run_that_has_ended_can_be_made_anew_and_the_new_one_is_a_click_away(open_page, known):
    known.extra["POST", "/api/runs/1/restart"] = {"new_run_id": 8}
    app = press(open_page("runs", run="1"), "Restart")
    assert "made anew as run 8" in app.toast[0].value
    assert "run=8" in [link.proto.query_string for link in app.get("page_link")]


def test_a_refusal_is_told(open_page, known):
    known.extra["POST", "/api/runs/1/restart"] = (409, {"error": {"message": "It has not ended"}})
    assert "It has not ended" in press(open_page("runs", run="1"), "Restart").toast[0].value


@pytest.mark.parametrize("run", ["1", "3"])
def test_a_key_that_may_only_read_has_no_buttons(open_page, known, run):
    known.scopes = ["read:runs"]
    assert not open_page("runs", run=run).button


def test_a_run_that_keeps_checkpoints_says_what_it_would_go_on_from(open_page, coordinator, answers):
    kept = {"attempt": 2, "size": 1_200_000, "created_at": "2025-03-04T10:00:00Z"}
    coordinator.runs = {1: answers.run_answer(1, "running", checkpoint=kept)}
    (line,) = [text for text in texts(open_page("runs", run="1")) if text.startswith("Checkpoint of attempt 2, 1.2 MB")]
    assert line.endswith(" ago")


def test_a_run_that_has_ended_is_not_asked_about_again(open_page, known):
    app = open_page("runs", run="1")
    for label in ("Log", "Timeline", "Resource use", "Code", "Resource use", "Result"):
        tab(app, label)
    paths = [path for path in known.asked if path.startswith("/api/runs/1")]
    assert sorted(paths) == ["/api/runs/1", "/api/runs/1/logs", "/api/runs/1/usage"]


def test_the_log_of_a_running_run_grows_and_only_what_is_new_is_asked_for(open_page, known):
    questions = []
    pages = {None: [("stdout", "one\n")], "0": [("stderr", "two\n")]}

    def answer(query):
        questions.append((query["after"], query.get("tail")))
        new = pages.get(None if "tail" in query else query["after"], [])
        begin = int(query["after"]) + 1
        items = [{"id": begin + place, "stream": kind, "text": text} for place, (kind, text) in enumerate(new)]
        return {"items": items, "last": -1, "finished": False}

    known.extra["/api/runs/3/logs"] = answer
    app = tab(open_page("runs", run="3"), "Log")
    assert "one\ntwo" in texts(fresh(app))
    app.segmented_control(key="stream_run").set_value("stderr")
    assert "two" in texts(fresh(app))
    assert questions[0] == ("-1", "1000")
    assert set(questions[2:]) == {("1", None)}


def test_the_log_can_be_searched(open_page, known):
    wrote(known.runs[1], ("info", "step 1\nstep 2\n"), ("error", "an Error\n"))
    app = tab(open_page("runs", run="1"), "Log")
    app.text_input(key="find_run").set_value("error")
    assert {"1 of 3 lines have it.", "an Error"} <= set(texts(fresh(app)))


def test_a_log_at_its_cap_is_cut_for_the_browser_and_says_so(open_page, known):
    wrote(known.runs[1], *[("info", "x" * 65_536)] * 16)
    known.runs[1] |= {"truncated": True}
    app = tab(open_page("runs", run="1"), "Log")
    assert max(len(block.value) for block in app.code) == 60_000
    assert {
        "988,576 characters before this are not shown.",
        "It wrote more than is kept: this is the beginning.",
    } <= set(texts(app))


def test_a_result_that_is_json_is_a_tree_and_can_be_read_as_text(open_page, known):
    known.runs[1] |= {"result": json.dumps({"loss": [0.5], "name": EVIL})}
    app = open_page("runs", run="1")
    assert json.loads(app.json[0].value)["loss"] == [0.5]
    assert r"\x1b" in app.json[0].value
    app.segmented_control(key="way_result_run").set_value("text")
    fresh(app)
    assert not app.json
    assert any('"loss": [0.5]' in text for text in texts(app))


def test_a_result_that_is_a_table_is_one(open_page, known):
    known.runs[1] |= {"result": "step,loss\n1,0.5\n2,0.25\n"}
    assert open_page("runs", run="1").dataframe[0].value.to_numpy().tolist() == [[1, 0.5], [2, 0.25]]


def test_the_timeline_has_a_chart_beside_its_tables(open_page, known):
    app = tab(open_page("runs", run="1"), "Timeline")
    assert list(app.dataframe[0].value["number"]) == [1]
    assert list(app.dataframe[1].value["event"]) == ["submitted"]


def test_a_long_story_is_cut_and_says_so(open_page, known):
    line = known.runs[1]["events"][0]
    known.runs[1] |= {"events": [line | {"event": "created"}] + [line | {"event": "checkpoint"}] * 1440}
    app = tab(open_page("runs", run="1"), "Timeline")
    assert len(app.dataframe[1].value) == 200
    assert "1241 earlier lines of its story are not shown." in texts(app)
    assert len(app.get("plotly_chart")) == 1


def test_what_a_run_used_is_charted(open_page, known):
    known.extra["/api/runs/3/usage"] = {"run_id": 3, "attempts": [{"number": 1, "points": [[1, 0.5, 20.0, 2]]}]}
    assert len(tab(open_page("runs", run="3"), "Resource use").get("plotly_chart")) == 2
    assert any("Nothing told yet" in text for text in texts(tab(open_page("runs", run="1"), "Resource use")))


def test_the_files_have_a_button_each_and_only_pictures_are_fetched(open_page, known):
    known.runs[1] |= {"files": 3}
    known.files[1] = {"report.csv": b"x" * 1500, "<b>**\u202egnp": b"y", "plot.png": PNG, "no.png": b"<svg>"}
    app = open_page("runs", run="1")
    assert [button.label for button in app.get("download_button")] == ["Download"] * 5
    assert {r"<b>**\u202egnp", "1 byte", "report.csv", "1.5 kB"} <= set(texts(app))
    assert {path for path in known.asked if path.startswith("/api/runs/1/files/")} == {
        "/api/runs/1/files/no.png", "/api/runs/1/files/plot.png",
    }  # fmt: skip
    assert len(app.get("image")) == 1


def test_a_table_among_the_files_is_shown_when_it_is_asked_for(open_page, known):
    known.runs[1] |= {"files": 1}
    known.files[1] = {"report.csv": b"a,b\n1,2\n"}
    app = open_page("runs", run="1")
    assert not app.dataframe
    app.toggle[0].set_value(True).run()
    assert app.dataframe[0].value.to_numpy().tolist() == [[1, 2]]


@pytest.mark.parametrize("status", ["running", "completed"])
def test_a_run_without_files_or_one_that_goes_on_offers_its_log_alone(open_page, known, answers, status):
    known.runs[1] = answers.run_answer(1, status, files=int(status == "running"))
    app = open_page("runs", run="1")
    assert len(app.get("download_button")) == 1
    assert "/api/runs/1/files" not in known.asked


def test_files_that_cannot_be_listed_can_be_asked_for_again(open_page, known):
    known.runs[1] |= {"files": 1}
    known.files[1] = None
    app = open_page("runs", run="1")
    assert "No files" in " ".join(texts(app))
    known.files[1] = {"report.csv": b"1"}
    press(app, "Ask again")
    assert len(app.get("download_button")) == 2


def test_what_users_wrote_is_never_markup(open_page, coordinator, answers):
    coordinator.runs = {
        1: answers.run_answer(1, result=EVIL, code=EVIL, worker_id=EVIL, submitter=EVIL, parameters={EVIL: EVIL})
    }
    wrote(coordinator.runs[1], ("info", EVIL))
    app = open_page("runs", run="1")
    for label in ("Result", "Log", "Timeline", "Code"):
        tab(app, label)
        assert not [part for part in app.markdown if "script" in part.value or "red[" in part.value]
    assert EVIL.replace("\x1b", r"\x1b") in texts(app)


def test_the_page_keeps_what_it_showed_while_the_coordinator_is_away(open_page, known):
    app = open_page("runs", run="3")
    known.stop()
    try:
        fresh(app)
        assert "what was known at" in app.warning[0].value
        assert "out of 3" in texts(app)
    finally:
        known.start()
    known.runs[3] |= {"status": "completed", "result": "all done"}
    assert not fresh(app).warning
    assert "all done" in texts(app)
