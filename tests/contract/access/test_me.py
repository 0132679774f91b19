"""Whose key is it, and what does it allow?"""

import time

import pytest

from ..envelope import data, error, moment

NOBODY = {"name": "", "scopes": ["admin"], "key_id": None, "prefix": "", "node_id": None, "expires_at": None}


def me(closed, key: str) -> dict:
    return dict(data(closed.get("/api/auth/me", key)))


def test_a_key_is_told_its_name_its_scopes_and_how_people_know_it(closed):
    key, made = closed.make("read:runs", "submit", name="mia")
    assert me(closed, key) == {
        "name": "mia",
        "scopes": ["read:runs", "submit"],
        "key_id": made.id,
        "prefix": key[:12],
        "node_id": None,
        "expires_at": None,
        "required": True,
    }


def test_any_key_may_ask_also_one_of_a_node_and_is_told_when_it_expires(closed):
    ends = time.time() + 1_000
    told = me(closed, closed.key("node", name="lab-07", node_id="lab-07", expires_at=ends))
    assert (told["scopes"], told["node_id"]) == (["node"], "lab-07")
    assert moment(told["expires_at"]).timestamp() == pytest.approx(ends, abs=1)
    assert me(closed, closed.key("join"))["scopes"] == ["join"]


def test_a_token_is_told_what_it_allows_and_that_it_ends_before_its_key(closed):
    key = closed.key("read:runs", "submit", name="mia")
    told = me(closed, closed.token(key, scopes=["submit"], expires_in=60))
    assert (told["name"], told["scopes"], told["prefix"]) == ("mia", ["submit"], key[:12])
    assert moment(told["expires_at"]).timestamp() == pytest.approx(time.time() + 60, abs=30)


def test_without_a_key_nobody_is_told_anything(closed):
    error(closed.get("/api/auth/me"), 401, "AUTHENTICATION_ERROR")


def test_where_no_keys_are_asked_for_everybody_may_do_everything(grid):
    assert data(grid.get("/api/auth/me")) == {**NOBODY, "required": False}
