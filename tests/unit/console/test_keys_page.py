import pytest

from .reading import press, texts

EVIL = "<script>x</script> :red[a] **b** \x1b[31m"
SECRET = "ig_user_" + "s" * 43


def choose(app, row):
    app.session_state["chosen_key"] = app.session_state["shown_keys"][row]
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def known(coordinator, operations):
    """A coordinator with a key of each kind, the newest first; it makes a new one whatever it is asked for."""
    items = [
        operations.key_answer(4, "node lab-01", scopes=["node"], node_id="lab-01-3f2a91c4", last_used_at=None),
        operations.key_answer(3, "lab", scopes=["join"], uses_left=0),
        operations.key_answer(2, "eve", revoked_at=operations.before(hours=1)),
        operations.key_answer(1, "ada", expires_at=operations.before(days=1)),
        operations.key_answer(5, "bob", expires_at=operations.before(days=-30)),
    ]
    coordinator.extra |= {
        "/api/keys": {"items": items, "total": len(items)},
        ("POST", "/api/keys"): {"id": 9, "key": SECRET},
        ("DELETE", "/api/keys/5"): {"id": 5},
    }
    return coordinator


def test_keys_are_listed_by_what_they_are_still_good_for(open_page, known):
    assert list(open_page("keys").dataframe[0].value["name"]) == ["bob", "node lab-01"]
    everything = open_page("keys", state="all").dataframe[0].value
    assert [codes[0] for codes in everything["state"]] == ["valid", "valid", "spent", "revoked", "expired"]
    assert list(open_page("keys", state="all", search="LAB-01").dataframe[0].value["name"]) == ["node lab-01"]
    assert "No key is like that." in texts(open_page("keys", search="nobody"))


def test_a_key_is_made_shown_once_and_put_away(open_page, known):
    app = press(open_page("keys"), "key_new")
    app.text_input(key="key_name").set_value("carol").run()
    press(press(app, "preset_submitter"), "key_make")
    ((_, _, body),) = known.acts
    assert body == {"name": "carol", "scopes": ["submit"], "expires_in": 90 * 86_400}
    assert SECRET in [code.value for code in app.code]
    press(app, "secret_kept_key")
    assert SECRET not in " ".join(texts(app))


def test_a_join_token_has_uses_and_comes_with_the_command_to_run(open_page, known):
    app = press(press(open_page("keys"), "key_new"), "preset_join")
    app.text_input(key="key_name").set_value("lab").run()
    app.number_input(key="key_uses").set_value(20).run()
    press(app, "key_make")
    assert known.acts[0][2]["uses"] == 20
    assert f"idlegrid node --server {known.url} --join {SECRET}" in [code.value for code in app.code]


def test_the_secret_is_gone_when_the_page_was_left(open_page, known):
    app = press(press(open_page("keys"), "key_new"), "preset_admin")
    app.text_input(key="key_name").set_value("root").run()
    press(app, "key_make")
    app.switch_page("views/queues.py").run()
    app.switch_page("views/keys.py").run()
    assert SECRET not in " ".join(texts(app))


def test_what_is_missing_or_refused_stands_in_the_form(open_page, known):
    app = press(press(open_page("keys"), "key_new"), "key_make")
    assert len(app.error) == 2
    assert not known.acts
    details = {"field": "name", "message": "name: too long"}
    known.extra["POST", "/api/keys"] = (422, {"error": {"message": "no", "details": details}})
    app.text_input(key="key_name").set_value("x").run()
    press(press(app, "preset_submitter"), "key_make")
    assert [error.value for error in app.error] == ["too long"]
    assert app.text_input(key="key_name").value == "x"


def test_a_key_is_revoked_after_a_question(open_page, known):
    app = press(choose(open_page("keys"), 0), "key_revoke")
    assert not known.acts
    press(app, "key_revoke_yes")
    assert known.acts == [("DELETE", "/api/keys/5", None)]


def test_what_others_wrote_is_text(open_page, known, operations):
    key = operations.key_answer(1, EVIL, prefix=EVIL, scopes=[EVIL], node_id=EVIL)
    known.extra["/api/keys"] = {"items": [key], "total": 1}
    app = choose(open_page("keys"), 0)
    assert not any("\x1b" in text for text in texts(app))
    assert not any("<script>" in part.value for kind in (app.markdown, app.caption) for part in kind)


def test_without_the_scope_nothing_can_be_made_and_the_page_says_why(open_page, known):
    known.scopes, known.lacking = ["read:runs"], {"/api/keys": "admin"}
    app = open_page("keys")
    assert "key_new" not in [button.key for button in app.button]
    assert "admin" in app.warning[0].value


def test_a_coordinator_that_is_away_is_said_and_one_that_asks_for_no_keys_too(open_page, known):
    app = open_page("keys")
    assert "asks for no keys" in app.info[0].value
    press(app, "key_new")
    app.text_input(key="key_name").set_value("x").run()
    press(app, "preset_submitter")
    known.stop()
    try:
        assert "nothing answers" in press(app, "key_make").error[0].value.replace("\\", "")
        assert "does not answer" in open_page("keys").warning[0].value
    finally:
        known.start()
