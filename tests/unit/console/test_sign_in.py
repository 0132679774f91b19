import argparse
from datetime import UTC, datetime, timedelta

import pytest
import streamlit as st

from idlegrid_console import command
from idlegrid_console.data import people
from idlegrid_console.data.clock import ago
from idlegrid_console.widgets import people as visitors

from .reading import fresh

KEYS = {"Ada@Lab.example": "adas", "*@lab.example": "everybodys", "*@": "nobodys"}
NOON = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def closed(coordinator, answers):
    """A coordinator that asks for the key `secret`, with a node to be seen behind it."""
    coordinator.key = "secret"
    coordinator.nodes = [answers.node_answer("lab-01")]
    return coordinator


def words(app):
    return [part.value for kind in (app.title, app.text, app.caption, app.warning) for part in kind]


def enter(app, key):
    app.text_input(key="sign_in_key").set_value(key)
    return press(app, "Sign in")


def press(app, label):
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception
    return app


def test_without_a_key_there_is_the_sign_in_page_and_nothing_else(open_page, closed):
    app = open_page("nodes")
    assert words(app)[:2] == ["Sign in", "This grid asks for a key."]
    assert not app.dataframe
    assert set(closed.asked) == {"/api/auth/me"}


def test_a_good_key_opens_the_page_that_was_asked_for(open_page, closed):
    app = enter(open_page("nodes"), " secret ")
    assert app.title[0].value == "Nodes"
    assert len(app.dataframe[0].value) == 1
    assert {"Signed in as", "ada", "admin"} <= set(words(app))


def test_a_key_that_is_no_good_is_told_why(open_page, closed):
    app = enter(open_page("nodes"), "guessed")
    assert app.title[0].value == "Sign in"
    assert app.warning[0].value == "This grid wants a key"


def test_signing_out_forgets_the_key_and_what_it_showed(open_page, closed):
    app = press(enter(open_page("nodes"), "secret"), "Sign out")
    assert app.title[0].value == "Sign in"
    assert not app.dataframe
    assert "known_answers" not in app.session_state


def test_a_key_that_is_revoked_leads_back_and_what_was_typed_is_kept(open_page, closed):
    app = enter(open_page("submit"), "secret")
    app.text_area(key="submit_code").set_value("print('half written')").run()
    closed.key = "another"
    fresh(app)
    assert app.title[0].value == "Sign in"
    assert app.warning[0].value == "This grid wants a key"
    enter(app, "another")
    assert app.text_area(key="submit_code").value == "print('half written')"


def test_what_one_person_typed_is_nothing_for_the_next(open_page, closed):
    app = enter(open_page("submit"), "secret")
    app.text_area(key="submit_code").set_value("print('half written')").run()
    closed.key = "another"
    fresh(app)
    closed.extra["/api/auth/me"] = {"name": "eve", "scopes": ["admin"], "required": True}
    enter(app, "another")
    assert app.title[0].value == "Submit"
    assert app.text_area(key="submit_code").value != "print('half written')"


def test_a_key_that_is_revoked_in_the_midst_of_a_page_leads_back_at_once(open_page, closed):
    app = enter(open_page("nodes"), "secret")
    closed.extra["/api/auth/me"] = lambda _: revoked(closed)
    fresh(app)
    assert app.title[0].value == "Sign in"


def revoked(coordinator):
    """The last good answer that the key gets."""
    coordinator.key = "another"
    return {"name": "ada", "scopes": ["admin"], "required": True}


def test_while_the_coordinator_is_away_nobody_is_sent_out(open_page, closed):
    app = enter(open_page("nodes"), "secret")
    closed.stop()
    try:
        fresh(app)
        assert app.title[0].value == "Nodes"
        assert "does not answer" in app.warning[0].value
    finally:
        closed.start()


def test_a_grid_without_keys_names_nobody(open_page, coordinator):
    app = open_page("nodes")
    assert "Signed in as" not in words(app)
    assert not [button for button in app.button if button.label == "Sign out"]


def test_a_coordinator_that_cannot_tell_what_a_key_allows_is_left_to_refuse(open_page, coordinator):
    coordinator.extra["/api/auth/me"] = lambda _: (404, {"detail": "Not Found"})
    assert open_page("keys").title[0].value == "Keys"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("ada@lab.example", "adas"), ("grace@lab.example", "everybodys"), ("eve@other.example", ""),
        ("eve@lab.example.org", ""), ("lab.example", ""), ("@lab.example", ""), ("eve@", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_person_has_their_own_key_else_their_domains(address, key):
    assert people.key_for(address, KEYS) == key


@pytest.mark.parametrize(
    ("claims", "address"),
    [
        ({"email": "Ada@Lab.example"}, "ada@lab.example"), ({}, ""),
        ({"email": "ada@lab.example", "email_verified": True}, "ada@lab.example"),
        ({"email": "ada@lab.example", "email_verified": False}, ""),
    ],
)  # fmt: skip
def test_an_address_counts_when_the_provider_vouches_for_it(claims, address):
    assert people.address_of(claims) == address


def test_providers_are_those_with_a_client_of_theirs():
    assert people.providers({"client_id": "x", "cookie_secret": "y"}) == [None]
    assert people.providers({"cookie_secret": "y", "lab": {"client_id": "x"}, "other": {}}) == ["lab"]
    assert people.providers({}) == []


def test_with_sign_in_by_a_provider_the_consoles_own_key_is_lent_to_nobody(open_page, closed, monkeypatch):
    monkeypatch.setenv("IDLEGRID_API_KEY", "secret")
    assert open_page("nodes").title[0].value == "Nodes"
    st.cache_data.clear()
    monkeypatch.setattr(visitors, "_table", {"auth": {"client_id": "x"}, "keys": {}}.get)
    app = open_page("nodes")
    assert app.title[0].value == "Sign in"
    assert [button.label for button in app.button] == ["Sign in", "Sign in with OpenID"]


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [("[auth", 0o600, "toml"), ("[keys]\na = 'b'", 0o644, "chmod o-r"), ("[keys]\na = 'b'", 0o640, None)],
)
def test_a_secrets_file_that_cannot_be_used_is_named(tmp_path, content, mode, said):
    file = tmp_path / "secrets.toml"
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    problem = command._secrets_wrong(file)
    assert (problem is None) if said is None else (str(file) in problem and (said in problem or said == "toml"))


def test_the_secrets_file_is_handed_on(tmp_path):
    parser = argparse.ArgumentParser()
    command.configure(parser)
    given = parser.parse_args(["--secrets", str(tmp_path / "s.toml")]).secrets
    assert f"--secrets.files={tmp_path / 's.toml'}" in command.command_line("127.0.0.1", 1, secrets=given)
    assert not any("secrets" in word for word in command.command_line("127.0.0.1", 1))


@pytest.mark.parametrize(
    ("earlier", "said"),
    [
        (timedelta(seconds=0.4), "just now (12:59:59)"), (timedelta(seconds=125), "2 min ago (12:57:55)"),
        (timedelta(days=3, hours=1), "3 d ago (2025-03-01 12:00)"), (timedelta(minutes=-3), "in 3 min (13:03:00)"),
    ],
)  # fmt: skip
def test_times_are_told_with_their_age_on_the_visitors_clock(earlier, said):
    assert ago((NOON - earlier).isoformat(), NOON, "Europe/Berlin") == said


def test_no_time_is_a_dash():
    assert ago(None, NOON, None) == "–"
