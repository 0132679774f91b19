"""The secret that signs tokens, and how long a token is known."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from idlegrid_server.core.access import Caller
from idlegrid_server.http.access import tokens as module
from idlegrid_server.http.access.tokens import SecretUnusable, Tokens, ensure_secret

HOLDER = Caller("ann", frozenset({"submit"}), 7)


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "token.key"
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: ensure_secret(path), range(32)))
    assert secrets == {path.read_bytes()}
    assert len(path.read_bytes()) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["token.key"]


def test_a_secret_that_is_there_is_used_as_it_is(tmp_path):
    path = tmp_path / "mine"
    path.write_bytes(b"x" * 40 + b"\n")
    assert ensure_secret(path) == b"x" * 40 + b"\n"


def test_a_secret_that_is_too_short_is_refused(tmp_path):
    path = tmp_path / "short"
    path.write_bytes(b"x" * 31)
    with pytest.raises(SecretUnusable, match=r"short is too short .* 32 random bytes"):
        ensure_secret(path)


def test_a_place_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(SecretUnusable, match=r"nowhere.token\.key.* No such file"):
        ensure_secret(tmp_path / "nowhere" / "token.key")


class LateClock:
    """The machine's, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead


def test_a_token_that_is_known_ends_in_time_all_the_same():
    clock = LateClock()
    tokens = Tokens(b"s" * 32, "record", clock.now)
    token = tokens.issue(HOLDER, {"submit"}, 600)
    grant = tokens.read(token)
    assert grant is not None
    assert tokens.read(token) is grant
    clock.ahead = 601
    assert tokens.read(token) is None


def test_no_more_tokens_are_known_than_the_bound(monkeypatch):
    monkeypatch.setattr(module, "MOST_KNOWN", 4)
    tokens = Tokens(b"s" * 32, "record", time.time)
    issued = [tokens.issue(HOLDER, {"submit"}, 60) for _ in range(9)]
    assert all(tokens.read(token) is not None for token in issued)
    assert len(tokens._known) == 4
