import pytest

from idlegrid_console.data.text import plain_markdown

from .reading import fresh, texts

EVIL = "<script>x</script> :red[a] **b** \x1b[31m"
EVIL_CUT = EVIL[:30]
"""Where a name has little room."""


def tasks_of_graph(task_id, *others):
    """The tasks of a graph; the others have a hostile name."""
    words = {"status": "active", "last_status": "failed", "distance": 1}
    return [{"id": task_id, "name": "hourly", **words}, *({"id": other, "name": EVIL, **words} for other in others)]


def press(app, label):
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


@pytest.fixture
def known(coordinator, answers):
    """A coordinator with three tasks and a run of the first."""
    coordinator.tasks = {
        1: answers.task_answer(1),
        2: answers.task_answer(2, "weekly", status="paused", next_firings=[], next_run_at=None),
        3: answers.task_answer(3, "hourly", schedule=None, interval_seconds=3600),
    }
    coordinator.runs = {7: answers.run_answer(7, task_id=1, task_name="nightly", trigger="schedule")}
    return coordinator


@pytest.fixture
def form(open_page):
    """The form of a new task, named and with a schedule."""
    app = press(open_page("tasks"), "New task")
    app.text_input(key="task_name").set_value("report").run()
    app.segmented_control(key="task_due").set_value("cron").run()
    app.text_input(key="task_schedule").set_value("0 2 * * *").run()
    return app


def test_tasks_are_listed_with_schedule_and_status(open_page, known):
    frame = open_page("tasks").dataframe[0].value
    assert list(frame["name"]) == ["nightly", "weekly", "hourly"]
    assert list(frame["when"]) == ["daily at 10:00 (UTC)", "daily at 10:00 (UTC)", "every 1 h"]


def test_the_address_filters_and_searches(open_page, known):
    assert list(open_page("tasks", state="paused").dataframe[0].value["name"]) == ["weekly"]
    assert list(open_page("tasks", search="hour").dataframe[0].value["name"]) == ["hourly"]
    assert "No task is like that." in texts(open_page("tasks", search="none"))


def test_a_grid_without_tasks_says_what_one_is(open_page):
    assert "**No tasks yet.**" in texts(open_page("tasks"))


def test_a_task_in_the_address_is_shown_in_full(open_page, known):
    app = open_page("tasks", task="1")
    assert app.subheader[0].value == "nightly"
    assert {"2025-03-04 10:00:00", "2025-03-08 10:00:00", "3 (75 %)", "print(1)"} <= set(texts(app))


def test_a_task_that_does_not_exist_is_said_so(open_page, known):
    assert "Task 99 not found" in open_page("tasks", task="99").error[0].value


def test_a_task_is_created_with_all_that_was_typed(form, coordinator):
    form.text_area(key="task_code").set_value("print(6)").run()
    form.text_area(key="task_parameters").set_value('{"n": 1}').run()
    form.selectbox(key="task_zone").set_value("Asia/Shanghai").run()
    press(form, "Save")
    (sent,) = coordinator.submitted
    assert (sent["name"], sent["code"], sent["schedule"]) == ("report", "print(6)", "0 2 * * *")
    assert (sent["parameters"], sent["metadata"]) == ({"n": 1}, {"timezone": "Asia/Shanghai"})
    assert fresh(form).subheader[0].value == "report"


def test_a_refusal_stands_at_the_form_and_nothing_typed_is_lost(form, coordinator):
    coordinator.refusal = {"schedule": "no **cron** line", "metadata.timezone": "unknown"}
    press(form, "Save")
    first, second = (error.value for error in form.error)
    assert first == r"**Schedule** (`schedule`): no \*\*cron\*\* line"
    assert second.startswith("**Time zone**")
    assert form.text_input(key="task_name").value == "report"
    assert form.text_input(key="task_schedule").value == "0 2 * * *"
    coordinator.refusal = None
    press(form, "Save")
    assert coordinator.submitted[0]["schedule"] == "0 2 * * *"


def test_code_that_is_no_python_is_told_with_its_line_before_it_is_sent(form, coordinator):
    form.text_area(key="task_code").set_value("x = 1\nprint(").run()
    press(form, "Save")
    assert "line 2" in form.error[0].value
    assert not coordinator.submitted
    press(form, "Save")
    assert coordinator.submitted[0]["code"] == "x = 1\nprint("


def test_parameters_that_are_no_object_are_told_before_anything_is_sent(form, coordinator):
    form.text_area(key="task_parameters").set_value("[1]").run()
    press(form, "Save")
    assert form.error[0].value.startswith("**Parameters**")
    assert not coordinator.submitted


def test_a_coordinator_that_is_away_loses_nothing_of_the_form(form, coordinator):
    coordinator.stop()
    try:
        press(form, "Save")
    finally:
        coordinator.start()
    assert "is the coordinator running" in form.error[0].value
    press(form, "Save")
    assert coordinator.submitted[0]["name"] == "report"


def test_what_was_typed_survives_a_visit_to_another_page(form):
    form.switch_page("views/nodes.py").run()
    form.switch_page("views/tasks.py").run()
    assert form.text_input(key="task_schedule").value == "0 2 * * *"
    assert form.title[0].value == "New task"


def test_a_change_sends_only_what_was_changed(open_page, known):
    app = press(open_page("tasks", task="3"), "Edit")
    assert app.number_input(key="task_interval").value == 3600
    app.number_input(key="task_interval").set_value(60).run()
    press(app, "Save")
    assert known.submitted == [{"interval_seconds": 60}]


def test_a_form_that_is_discarded_sends_nothing_and_the_next_is_blank(form, coordinator):
    press(form, "Discard")
    assert form.title[0].value == "Tasks"
    press(form, "New task")
    assert form.text_input(key="task_name").value == ""
    assert not coordinator.submitted


def test_a_task_is_triggered_with_parameters_and_leads_to_its_run(open_page, known):
    app = open_page("tasks", task="1")
    app.text_area(key="trigger").set_value('{"n": 3}').run()
    press(app, "Run it")
    assert known.submitted == [{"parameters": {"n": 3}}]
    assert r"Run 8 is submitted\." in app.toast[0].value
    links = {link.proto.label: link.proto.query_string for link in app.get("page_link")}
    assert links["Run 8"] == "run=8"
    assert links["All its runs"] == "task_id=1"


def test_parameters_of_a_trigger_that_are_wrong_start_nothing(open_page, known):
    app = open_page("tasks", task="1")
    app.text_area(key="trigger").set_value("{").run()
    press(app, "Run it")
    assert "not JSON" in app.toast[0].value
    assert not known.submitted


def test_a_task_is_paused_and_resumed(open_page, known):
    app = press(open_page("tasks", task="1"), "Pause")
    assert known.tasks[1]["status"] == "paused"
    press(app, "Resume")
    assert known.tasks[1]["status"] == "active"


def test_a_task_is_deleted_only_after_it_was_asked_for_again_and_what_depends_on_it_is_named(open_page, known):
    known.extra["/api/tasks/3/graph"] = {"tasks": tasks_of_graph(3, 2), "edges": [[3, 2]], "cut": False}
    app = press(open_page("tasks", task="3"), "Delete")
    assert any("Delete hourly?" in text and EVIL_CUT in text for text in texts(app))
    press(app, "No")
    assert 3 in known.tasks
    press(app, "Delete")
    press(app, "Yes")
    assert 3 not in known.tasks
    assert app.dataframe
    assert "task" not in app.query_params


def test_a_run_leads_to_its_task_and_the_runs_page_can_show_one_tasks_runs(open_page, known, answers):
    known.runs[8] = answers.run_answer(8)
    assert "task=1" in {link.proto.query_string for link in open_page("runs", run="7").get("page_link")}
    app = open_page("runs", task_id="1")
    assert list(app.dataframe[0].value["id"]) == ["7"]
    press(app, "Show all runs")
    assert list(fresh(app).dataframe[0].value["id"]) == ["8", "7"]
    assert "task_id" not in app.query_params


def test_a_task_that_has_not_run_says_so(open_page, known):
    assert "This task has not run yet." in texts(open_page("runs", task_id="3"))


def test_what_an_author_wrote_is_never_markup(open_page, coordinator, answers):
    coordinator.tasks = {
        1: answers.task_answer(
            1, EVIL, description=EVIL, command=EVIL, tags=[EVIL], task_type=EVIL, code="",
            parameters={EVIL: EVIL}, submitter=EVIL, arguments=[EVIL], job_type=EVIL, schedule=EVIL,
        )
    }  # fmt: skip
    coordinator.runs = {1: answers.run_answer(1, task_id=1, task_name=EVIL)}
    apps = [open_page("tasks", task="1"), open_page("runs", run="1", task_id="1")]
    for app in apps:
        labels = [link.proto.label for link in app.get("page_link")] + [part.value for part in app.subheader]
        assert {text for text in labels if "script" in text} == {plain_markdown(EVIL)}
        assert [part.value for part in app.markdown if "script" in part.value] == []
    assert EVIL.replace("\x1b", r"\x1b") in texts(apps[0])


def test_a_task_shows_its_newest_runs_as_marks_that_lead_to_them(open_page, known, answers):
    known.runs[8] = answers.run_answer(8, "failed", task_id=1)
    app = open_page("tasks", task="1")
    labels = {link.proto.query_string: link.proto.label for link in app.get("page_link")}
    assert (labels["run=7"], labels["run=8"]) == (":green[■] 7", ":red[✕] 8")
    assert "**History** · of the latest 2 runs: done 1, failed 1" in texts(app)


def test_the_tasks_around_a_task_are_drawn_and_linked_with_their_names_as_text(open_page, known):
    known.extra["/api/tasks/3/graph"] = {"tasks": tasks_of_graph(3, 1, 2), "edges": [[1, 3], [3, 2]], "cut": True}
    app = open_page("tasks", task="3")
    (drawn,) = app.get("graphviz_chart")
    assert "t1 -> t3" in drawn.proto.spec
    assert "script" not in drawn.proto.spec.replace("&#60;script&#62;", "").replace("&#60;&#47;script&#62;", "")
    links = {link.proto.query_string: link.proto.label for link in app.get("page_link")}
    assert plain_markdown(EVIL_CUT) in links["task=1"]
    assert {"It runs after", "After it run", "Only the nearest 3 tasks are drawn."} <= set(texts(app))


def test_files_of_a_task_are_listed_put_in_and_taken_away(open_page, known):
    listed = {"name": "a/**b**.csv", "size": 3, "media_type": "text/csv", "sha256": "", "created_at": None}
    known.extra["/api/tasks/1/files"] = {"items": [listed], "total": 1}
    known.extra[("PUT", "/api/tasks/1/files/new.csv")] = {}
    known.extra[("DELETE", "/api/tasks/1/files/a/%2A%2Ab%2A%2A.csv")] = {}
    app = open_page("tasks", task="1")
    assert "a/**b**.csv" in texts(app)
    app.file_uploader[0].upload("new.csv", b"1,2", "text/csv").run()
    press(app, "Put them in")
    app.button(key="task_drop_1_0").click().run()
    press(app, "Yes")
    assert [(method, body) for method, _path, body in known.acts] == [("PUT", b"1,2"), ("DELETE", None)]


def test_a_key_that_may_only_read_has_no_buttons_that_change_anything(open_page, known):
    known.scopes = ["read:tasks", "read:runs"]
    app = open_page("tasks", task="1")
    assert not {button.label for button in app.button} & {
        "New task",
        "Run it",
        "Pause",
        "Edit",
        "Delete",
        "Put them in",
    }
    assert not app.file_uploader
    assert app.subheader[0].value == "nightly"


def test_filters_page_and_order_stand_in_the_address_and_are_asked_of_the_coordinator(open_page, known, answers):
    known.tasks = {number: answers.task_answer(number, f"t{number}") for number in range(1, 20)}
    app = open_page("tasks", page="2", sort="name", type="shell")
    assert app.pagination[0].value == 2
    assert len(app.dataframe[0].value) == 4
    app.text_input(key="tasks_search").set_value("t1").run()
    assert dict(app.query_params) == {"sort": "name", "type": "shell", "search": "t1"}
    assert len(app.dataframe[0].value) == 11
