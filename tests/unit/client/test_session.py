"""The HTTP session against a real server: shapes, errors, and what is asked twice."""

import threading

import pytest

from idlegrid import (
    ApiError,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotFound,
    RateLimited,
    ServerError,
    Session,
    Unreachable,
)


@pytest.fixture
def session(grid):
    with Session(grid.url, timeout=5) as session:
        yield session


def test_get_sends_the_parameters_that_are_not_none(grid, session):
    grid.on("GET /a", (200, {"x": 1}))
    assert session.get("/a", {"wait": 20, "after": None}) == {"x": 1}
    assert grid.asked[0].query == {"wait": "20"}


def test_post_sends_json_and_headers(grid, session):
    grid.on("POST /a", (200, [1]))
    assert session.post("/a", {"code": "ü"}, headers={"Idempotency-Key": "k"}) == [1]
    assert grid.asked[0].body == {"code": "ü"}
    assert grid.asked[0].headers["idempotency-key"] == "k"


def test_the_key_travels_as_a_bearer(grid):
    grid.on("GET /a", (200, {}))
    with Session(grid.url, api_key="ig_secret") as session:
        session.get("/a")
    assert grid.asked[0].headers["authorization"] == "Bearer ig_secret"


def test_unwrap_takes_the_data_out_of_the_envelope(grid, session, wrap):
    grid.on("GET /api/a", (200, wrap({"x": 1})))
    assert session.get("/api/a", unwrap=True) == {"x": 1}
    assert session.get("/api/a")["success"] is True


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, NotAllowed),
        (403, NotAllowed),
        (404, NotFound),
        (409, Conflict),
        (413, InvalidRequest),
        (415, InvalidRequest),
        (418, ApiError),
        (422, InvalidRequest),
        (429, RateLimited),
        (500, ServerError),
        (503, ServerError),
    ],
)
def test_a_refusal_becomes_the_error_of_its_status(grid, session, status, kind):
    grid.on("GET /a", (status, {"detail": "a sentence"}, {"Retry-After": "60"}))
    with pytest.raises(ApiError) as caught:
        session.get("/a")
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.detail) == (status, "a sentence")
    assert "a sentence" in str(caught.value)


def test_the_envelopes_error_is_understood_too(grid, session):
    error = {"code": "RUN_NOT_FOUND", "message": "Run 9 not found", "details": {}}
    grid.on("GET /api/runs/9", (404, {"success": False, "error": error}))
    with pytest.raises(NotFound, match="Run 9 not found") as caught:
        session.get("/api/runs/9", unwrap=True)
    assert caught.value.code == "RUN_NOT_FOUND"


def test_a_refusal_without_words_still_says_something(grid, session):
    grid.on("GET /a", (502, b"<html>Bad Gateway</html>"))
    with pytest.raises(ServerError, match="Bad Gateway"):
        session.get("/a")


def test_a_missing_key_says_where_to_put_one(grid, session):
    grid.on("GET /a", (401, {"detail": "Key required"}))
    with pytest.raises(NotAllowed, match="IDLEGRID_API_KEY"):
        session.get("/a")


def test_a_rate_limit_tells_how_long_to_wait(grid, session):
    grid.on("GET /a", (429, {"detail": "Too many"}, {"Retry-After": "7"}))
    with pytest.raises(RateLimited, match="try again in 7 s") as caught:
        session.get("/a")
    assert caught.value.retry_after == 7.0


SOON = (429, {"detail": "Too many"}, {"Retry-After": "0"})


def test_a_get_that_came_too_soon_is_asked_again_when_the_server_says_so(grid, session):
    grid.on("GET /a", SOON, SOON, (200, 1))
    assert session.get("/a") == 1
    assert len(grid.asked) == 3


def test_what_makes_a_run_and_came_too_soon_is_sent_again_under_the_same_key(grid, client):
    grid.on("POST /submit", SOON, (200, {"task_id": 7}))
    assert client.submit("print(1)").id == 7
    assert len({asked.headers["idempotency-key"] for asked in grid.asked}) == 1


def test_a_post_without_a_key_that_came_too_soon_is_not_sent_again(grid, session):
    grid.on("POST /a", SOON, (200, 1))
    with pytest.raises(RateLimited):
        session.post("/a", {})
    assert len(grid.asked) == 1


def test_nobody_waits_longer_than_his_patience(grid, session):
    grid.on("GET /a", (429, {"detail": "Too many"}, {"Retry-After": "2"}))
    with pytest.raises(RateLimited, match="try again in 2 s"):
        session.get("/a", timeout=1)
    assert len(grid.asked) == 1


def test_a_stream_that_came_too_soon_is_asked_for_again(grid, session):
    grid.on("GET /a", SOON, (200, b"bytes"))
    with session.stream("/a") as pieces:
        assert b"".join(pieces) == b"bytes"


def test_closing_the_session_ends_a_wait(grid):
    asked = threading.Event()
    grid.on("GET /a", lambda _: asked.set() or (429, {}, {"Retry-After": "20"}))
    session, said = Session(grid.url, timeout=60), list[str]()

    def ask() -> None:
        try:
            session.get("/a")
        except Unreachable as error:
            said.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    assert asked.wait(10)
    session.close()
    asking.join(10)
    assert len(said) == 1


def test_a_good_answer_that_is_no_json_is_another_kind_of_server(grid, session):
    grid.on("GET /a", (200, b"<html>hello</html>"))
    with pytest.raises(Unreachable, match="is it an idlegrid coordinator"):
        session.get("/a")


def test_nobody_listening_is_unreachable(grid):
    grid.close()
    with Session(grid.url) as session, pytest.raises(Unreachable, match="is the coordinator running"):
        session.get("/a")


def test_no_answer_in_time_is_unreachable(grid, session):
    free = threading.Event()
    grid.on("GET /a", lambda _: (200, {}) if free.wait(5) else None)
    with pytest.raises(Unreachable, match=r"did not answer within 0\.05 s"):
        session.get("/a", timeout=0.05)
    free.set()


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host", "http://host:port"])
def test_an_address_that_is_none_is_named(url):
    with pytest.raises(Unreachable, match="no address of a coordinator"), Session(url) as session:
        session.get("/a")


def test_a_get_on_a_broken_connection_is_asked_again(grid, session):
    grid.on("GET /a", (200, 1), None, (200, 2))
    assert [session.get("/a"), session.get("/a")] == [1, 2]
    assert len(grid.asked) == 3


def test_a_post_with_an_idempotency_key_is_asked_again_under_the_same_key(grid, session):
    grid.on("POST /submit", None, (200, {"task_id": 1}))
    assert session.post("/submit", {}, headers={"Idempotency-Key": "k"}) == {"task_id": 1}
    assert [asked.headers["idempotency-key"] for asked in grid.asked] == ["k", "k"]


def test_a_post_without_a_key_is_never_asked_twice(grid, session):
    grid.on("POST /a", None, (200, {}))
    with pytest.raises(Unreachable, match="broke"):
        session.post("/a", {})
    assert len(grid.asked) == 1


def test_the_environments_proxy_is_not_used(grid, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    grid.on("GET /a", (200, 1))
    with Session(grid.url) as session:
        assert session.get("/a") == 1


def test_a_path_in_the_address_is_kept(grid):
    grid.on("GET /grid/a", (200, 1))
    with Session(grid.url + "/grid/") as session:
        assert session.get("/a") == 1


def test_a_closed_session_refuses(session):
    session.close()
    with pytest.raises(Unreachable, match="closed"):
        session.get("/a")


def test_threads_share_one_session(grid, session):
    grid.on("GET /a", (200, 1))
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(session.get("/a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 8


def test_put_sends_bytes_as_they_are_and_once_more_after_a_broken_connection(grid, session):
    grid.on("PUT /a", None, (200, {"status": "ok"}))
    assert session.put("/a", b"\x00\xff", {"node_id": "n"}) == {"status": "ok"}
    assert [(asked.body, asked.query) for asked in grid.asked] == [(b"\x00\xff", {"node_id": "n"})] * 2


def test_a_stream_gives_the_answer_in_pieces_and_may_be_left(grid, session):
    grid.on("GET /a", (200, b"x" * 1_000_000, {"Connection": "close"}))
    with session.stream("/a") as pieces:
        assert set(next(pieces)) == {ord("x")}
    with session.stream("/a") as pieces:
        assert sum(map(len, pieces)) == 1_000_000


def test_a_stream_that_is_refused_raises_the_error_of_its_status(grid, session):
    grid.on("GET /a", (403, {"detail": "no"}))
    with pytest.raises(NotAllowed, match="no"), session.stream("/a"):
        pass
