import pytest
import streamlit as st

from idlegrid_console.data.examples import EXAMPLES

from .reading import texts

PREVIEW = ("POST", "/api/runs/explain")


def fill(app, **fields):
    for field, value in fields.items():
        kind = next(kind for kind in (app.text_area, app.text_input, app.number_input, app.selectbox)
                    if any(part.key == f"submit_{field}" for part in kind))  # fmt: skip
        kind(key=f"submit_{field}").set_value(value).run()
    assert not app.exception
    return app


def press(app, key="submit_send"):
    app.button(key=key).click().run()
    assert not app.exception
    return app


def choose(app, example):
    app.menu_button(key="submit_example").click(example).run()
    assert not app.exception
    return app


def kind(app, code):
    app.segmented_control(key="submit_kind").set_value(code).run()
    assert not app.exception
    return app


def test_what_was_filled_in_is_sent_and_the_run_has_its_own_page(open_page, coordinator):
    app = fill(open_page("submit"), code="print(6 * 7)", timeout=20.0, requires="gpu, linux", parameters='{"n": 1}',
               priority="high", retry_count=2, min_sandbox=4)  # fmt: skip
    press(app)
    assert coordinator.submitted == [
        {"code": "print(6 * 7)", "timeout": 20, "resources": {"cpu": 1.0, "memory": 512}, "priority": "high",
         "requires": ["gpu", "linux"], "parameters": {"n": 1}, "retry_count": 2, "min_sandbox": 4}
    ]  # fmt: skip
    assert app.query_params["run"] == "1"
    app.switch_page("views/submit.py").run()
    assert app.text_area(key="submit_code").value == "print(6 * 7)"
    assert {link.proto.query_string for link in app.get("page_link")} == {"run=1"}


def test_the_page_says_what_it_will_need_and_who_could_take_it_as_fields_change(open_page, coordinator, answers):
    def told(body):
        if body["resources"]["cpu"] < 64:
            return answers.preview_answer()
        return answers.preview_answer(("need_unmet", {"need": "cpu"}), able=0, free=0, cpu=64.0)

    coordinator.extra[PREVIEW] = told
    app = open_page("submit")
    said = r"Needs 1 core\, 512 MB\: 3 of 5 nodes could take it\, 1 with room now\."
    assert any(said in text for text in texts(app))
    fill(app, cpu=64.0)
    assert coordinator.acts[-1][2]["resources"] == {"cpu": 64.0, "memory": 512}
    assert any(r"Needs 64 cores\, 512 MB\: 0 of 5" in text for text in texts(app))
    assert "Held back by need_unmet." in texts(app)


def test_a_syntax_error_is_shown_with_its_line_before_anything_is_sent(open_page, coordinator):
    app = fill(open_page("submit"), code="x = 1\nprint('a' 1)")
    assert app.warning[0].value.startswith(r"line 2\, column 7\: ")
    assert "print('a' 1)\n      ^" in texts(app)
    press(app)
    assert not coordinator.submitted
    assert "once more" in app.error[0].value
    press(app)
    assert coordinator.submitted[0]["code"] == "x = 1\nprint('a' 1)"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_put_into_the_editor_as_it_runs(open_page, coordinator, example):
    press(choose(open_page("submit"), example))
    (sent,) = coordinator.submitted
    assert (sent["code"], sent.get("task_type", "python")) == (EXAMPLES[example].text, EXAMPLES[example].kind)


def test_what_was_written_is_there_again_after_examples_and_files(open_page):
    app = fill(open_page("submit"), code="mine = 1")
    choose(app, "shell")
    choose(app, "http")
    assert app.text_input(key="submit_url").value == EXAMPLES["http"].text
    press(app, "submit_back")
    assert app.text_area(key="submit_code").value == "mine = 1"
    assert app.segmented_control(key="submit_kind").value == "python"
    app.file_uploader(key="submit_open_0").upload("theirs.sh", b"echo \xc3\xa4", "text/plain").run()
    assert (app.text_area(key="submit_code").value, app.segmented_control(key="submit_kind").value) == (
        "echo ä",
        "shell",
    )
    press(app, "submit_back")
    assert app.text_area(key="submit_code").value == "mine = 1"
    press(app, "submit_back")
    assert app.text_area(key="submit_code").value == "echo ä"


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b"\x7fELF\xff\xfe", "no text"), (b"#" * 10_001, r"10\,001 characters")]
)
def test_a_file_that_is_no_program_leaves_the_editor_as_it_was(open_page, content, said):
    app = fill(open_page("submit"), code="mine = 1")
    app.file_uploader(key="submit_open_0").upload("x.py", content, "text/plain").run()
    assert said in app.error[0].value
    assert app.text_area(key="submit_code").value == "mine = 1"


def test_a_request_over_http_is_sent_with_method_headers_and_body(open_page, coordinator):
    app = kind(open_page("submit"), "http")
    fill(app, url=" https://example.org/x ", method="POST", headers='{"A": "b"}', body="[1]")
    press(app)
    (sent,) = coordinator.submitted
    assert (sent["code"], sent["task_type"]) == ("https://example.org/x", "http")
    assert sent["request"] == {"method": "POST", "headers": {"A": "b"}, "body": "[1]"}


def test_headers_that_are_no_texts_are_told_before_sending(open_page, coordinator):
    app = press(fill(kind(open_page("submit"), "http"), url="http://x", headers='{"A": 1}'))
    assert app.error[0].value.startswith(r"Headers\: a header is a text")
    assert not coordinator.submitted


@pytest.mark.parametrize("wrong", ["{", "[1]"])
def test_parameters_that_are_no_object_are_told_before_sending(open_page, coordinator, wrong):
    app = press(fill(open_page("submit"), parameters=wrong))
    assert app.error[0].value.startswith(r"Parameters\: this is ")
    assert not coordinator.submitted


def test_with_files_a_task_is_made_given_them_and_run(open_page, coordinator):
    coordinator.extra[("PUT", "/api/tasks/1/files/data.csv")] = {}
    app = fill(open_page("submit"), code="print(open('data.csv').read())")
    app.file_uploader(key="submit_files").upload("data.csv", b"a,b\n", "text/csv").run()
    assert app.text_input(key="submit_name").value.startswith("data_20")
    press(fill(app, name="sums"))
    made, _triggered = coordinator.submitted
    assert (made["name"], made["code"], made["timeout_seconds"]) == ("sums", "print(open('data.csv').read())", 300)
    assert coordinator.acts == [("PUT", "/api/tasks/1/files/data.csv", b"a,b\n")]
    assert app.query_params["run"] == "1"


def test_a_task_whose_files_are_refused_is_not_left_behind(open_page, coordinator):
    coordinator.extra[("PUT", "/api/tasks/1/files/data.csv")] = (413, {"detail": "too **large**"})
    app = open_page("submit")
    app.file_uploader(key="submit_files").upload("data.csv", b"a,b\n", "text/csv").run()
    press(app)
    assert app.error[0].value.startswith(r"too \*\*large\*\*")
    assert not coordinator.tasks
    assert not coordinator.runs


def test_files_that_are_too_large_or_empty_are_told_at_once(open_page):
    app = open_page("submit")
    field = app.file_uploader(key="submit_files")
    field.set_value([("a.bin", b"x" * (6 << 20), "x/y"), ("b.bin", b"x" * (6 << 20), "x/y")]).run()
    assert r"12\.0 MiB" in app.error[0].value
    app.file_uploader(key="submit_files").set_value([("c.csv", b"", "x/y")]).run()
    assert r"c\.csv is empty" in app.error[0].value


def test_a_key_that_may_not_write_tasks_is_told_why_it_has_no_files(open_page, coordinator):
    coordinator.scopes = ["submit"]
    app = open_page("submit")
    assert [part.key for part in app.file_uploader] == ["submit_open_0"]
    assert any("write:tasks" in text for text in texts(app))


def test_a_key_that_may_not_submit_has_no_form(open_page, coordinator):
    coordinator.scopes = ["read:runs"]
    app = open_page("submit")
    assert not app.text_area
    assert not [button for button in app.button if button.key == "submit_send"]


def test_what_the_coordinator_refuses_is_shown_as_text_and_nothing_typed_is_lost(open_page, coordinator):
    coordinator.extra[("POST", "/submit")] = (422, {"detail": "no <b>**code**</b>"})
    app = press(fill(open_page("submit"), code="# mine"))
    assert app.error[0].value.startswith(r"no \<b\>\*\*code\*\*\<\/b\>")
    assert app.text_area(key="submit_code").value == "# mine"


def test_a_coordinator_that_is_away_loses_nothing(open_page, coordinator):
    app = fill(open_page("submit"), code="# mine")
    coordinator.stop()
    try:
        st.cache_data.clear()
        press(app)
    finally:
        coordinator.start()
    assert "does not answer" in app.warning[0].value
    assert "is the coordinator running" in app.error[0].value
    press(app)
    assert coordinator.submitted[0]["code"] == "# mine"
