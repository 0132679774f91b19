"""With keys: which hosts are served, and which web pages may ask."""

import pytest

from .conftest import PAGE


@pytest.mark.parametrize("host", ["grid.example", "GRID.example:8000", "other.example", "127.0.0.1", "localhost:1"])
def test_a_named_host_is_served(closed, host):
    assert closed.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "grid.example.evil.example", "x.grid.example", ""])
def test_any_other_host_is_refused_whatever_the_key(closed, host):
    for path in ("/health", "/results", "/api/tasks"):
        assert closed.get(path, closed.admin, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("path", ["/results", "/api/tasks", "/api/runs"])
def test_a_named_page_may_read_everything_with_a_key(closed, path):
    asking = {"Origin": PAGE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    asked = closed.ask("OPTIONS", path, headers=asking)
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    assert "authorization" in asked.headers["Access-Control-Allow-Headers"]
    answer = closed.get(path, closed.admin, headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    refused = closed.get(path, headers={"Origin": PAGE})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, PAGE)


def test_another_page_is_told_nothing(closed):
    answer = closed.get("/api/tasks", closed.admin, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers
