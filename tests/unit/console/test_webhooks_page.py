import pytest

from .reading import press, texts

EVIL = "<script>x</script> :red[a] **b** \x1b[31m"
SECRET = "whsec_" + "c2VjcmV0" * 4


@pytest.fixture
def known(coordinator, operations):
    """A coordinator with an endpoint that is on and one that it has switched off, and 13 deliveries of the first."""
    items = [
        operations.webhook_answer(2, "https://example.org/off", active=False, disabled_reason="it answered 410",
                                  events=["*"]),
        operations.webhook_answer(1),
    ]  # fmt: skip
    states = ["failed", "pending", "delivered"]
    sent = [operations.delivery_answer(number, states[number % 3]) for number in range(13)]

    def deliveries(query):
        return operations.page_of([one for one in sent if query.get("state") in (None, one["state"])], query)

    coordinator.extra |= {
        "/api/webhooks": lambda query: operations.page_of(items, query),
        "/api/webhooks/1/deliveries": deliveries,
        "/api/webhooks/2/deliveries": operations.page_of([], {}),
        ("POST", "/api/webhooks"): lambda body: operations.webhook_answer(3, body["url"], secret=SECRET),
        ("PUT", "/api/webhooks/1"): operations.webhook_answer(1),
        ("PUT", "/api/webhooks/2"): operations.webhook_answer(2),
        ("DELETE", "/api/webhooks/1"): {},
        ("POST", "/api/webhooks/1/test"): sent[0],
        ("POST", f"/api/webhooks/1/deliveries/{sent[0]['id']}/resend"): sent[0],
    }  # fmt: skip
    return coordinator


def test_endpoints_are_listed_with_how_they_stand_and_why_one_was_switched_off(open_page, known):
    app = open_page("webhooks", webhook="2")
    frame = app.get_by_key("webhooks_table").value
    assert [codes[0] for codes in frame["state"]] == ["switched_off", "on"]
    assert list(frame["events"]) == ["all", "task.completed, task.failed"]
    assert "it answered 410" in app.warning[0].value
    press(app, "webhook_on")
    assert known.acts == [("PUT", "/api/webhooks/2", {"active": True})]


def test_deliveries_are_filtered_by_the_address_and_paged_and_one_is_sent_again(open_page, known):
    app = open_page("webhooks", webhook="1")
    assert len(app.get_by_key("deliveries_table").value) == 10
    failed = open_page("webhooks", webhook="1", state="failed")
    assert {codes[0] for codes in failed.get_by_key("deliveries_table").value["state"]} == {"failed"}
    failed.session_state["chosen_delivery"] = failed.session_state["shown_deliveries"][0]
    failed.run()
    assert any('"run_id": 17' in code.value for code in failed.code)
    assert failed.error[0].value == "it answered 500"
    press(failed, "delivery_resend")
    assert known.acts[0][1].endswith("/resend")


def test_an_endpoint_is_made_and_its_secret_shown_once(open_page, known):
    app = press(open_page("webhooks"), "webhook_new")
    app.text_input(key="webhook_url").set_value("https://example.org/new").run()
    press(app, "webhook_save")
    assert known.acts == [("POST", "/api/webhooks", {"url": "https://example.org/new", "events": ["*"]})]
    assert SECRET in [code.value for code in app.code]
    assert SECRET not in " ".join(texts(press(app, "secret_kept_webhook")))


def test_an_endpoint_is_changed_by_what_was_changed_alone(open_page, known):
    app = press(open_page("webhooks", webhook="1"), "webhook_edit")
    app.multiselect(key="webhook_events").set_value(["task.failed"]).run()
    app.checkbox(key="webhook_renew").check().run()
    press(app, "webhook_save")
    assert known.acts == [("PUT", "/api/webhooks/1", {"events": ["task.failed"], "secret": None})]


def test_a_refusal_stands_beside_its_field_and_nothing_typed_is_lost(open_page, known):
    words = "The URL leads to a private address, and webhooks may not go there"
    refusal = {"message": words, "details": {"field": "url", "rule": "url", "message": words}}
    known.extra["POST", "/api/webhooks"] = (422, {"error": refusal})
    app = press(open_page("webhooks"), "webhook_new")
    app.text_input(key="webhook_url").set_value("http://127.0.0.1/").run()
    app.checkbox(key="webhook_all").uncheck().run()
    assert "at least one" in press(app, "webhook_save").error[0].value
    app.multiselect(key="webhook_events").set_value(["task.failed"]).run()
    press(app, "webhook_save")
    assert [error.value for error in app.error] == [words.replace(",", "\\,")]
    assert app.text_input(key="webhook_url").value == "http://127.0.0.1/"


@pytest.mark.parametrize(
    ("button", "act"),
    [
        ("webhook_off", ("PUT", "/api/webhooks/1", {"active": False})),
        ("webhook_delete", ("DELETE", "/api/webhooks/1", None)),
    ],
)
def test_switching_off_and_deleting_ask_first(open_page, known, button, act):
    app = press(open_page("webhooks", webhook="1"), button)
    assert not known.acts
    press(app, f"{button}_yes")
    assert known.acts == [act]


def test_what_others_wrote_is_text(open_page, known, operations):
    evil = operations.webhook_answer(
        1, EVIL, events=[EVIL], owner=EVIL, secret=EVIL, active=False, disabled_reason=EVIL
    )
    sent = operations.delivery_answer(1, "failed", event=EVIL, error=EVIL, body=EVIL)
    known.extra |= {
        "/api/webhooks": lambda query: operations.page_of([evil], query),
        "/api/webhooks/1/deliveries": operations.page_of([sent], {}),
    }
    app = open_page("webhooks", webhook="1")
    app.session_state["chosen_delivery"] = sent["id"]
    app.run()
    assert not app.exception
    shown = [part.value for kind in (app.markdown, app.caption, app.warning, app.error) for part in kind]
    assert not any("\x1b" in text for text in [*shown, *texts(app)])
    assert not any("<script>" in text for text in shown)


def test_without_the_scope_nothing_can_be_made_and_the_page_says_why(open_page, known):
    known.scopes, known.lacking = ["submit"], {"/api/webhooks": "webhooks"}
    app = open_page("webhooks")
    assert "webhook_new" not in [button.key for button in app.button]
    assert "webhooks" in app.warning[0].value


def test_a_coordinator_that_is_away_is_said(open_page, known):
    known.stop()
    try:
        assert "does not answer" in open_page("webhooks").warning[0].value
    finally:
        known.start()


def test_an_empty_list_and_an_endpoint_that_is_gone_are_said(open_page, known, operations):
    known.extra["/api/webhooks"] = operations.page_of([], {})
    assert "**No webhooks yet.**" in texts(open_page("webhooks"))
    assert "not found" in open_page("webhooks", webhook="99").error[0].value.lower()
