"""What a browser lets pages do: the idle API is open to all in development, the rest is not for foreign pages."""

import pytest
import requests

PAGE = "https://notebook.example"
OPEN = ["/", "/health", "/stats", "/results", "/get_task", "/status/1"]
OWN = ["/api/runs", "/api/workers", "/internal/task?node_id=n"]


@pytest.mark.parametrize("path", OPEN)
def test_any_page_may_read_the_idle_api(grid, path):
    answer = grid.ask("GET", path, headers={"Origin": PAGE})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/submit", "/submit_many", "/submit_result"])
def test_any_page_may_ask_before_it_posts_json(grid, path):
    asking = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    asking["Access-Control-Request-Headers"] = "content-type,idempotency-key"
    answer = grid.ask("OPTIONS", path, headers=asking)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_an_error_can_be_read_by_the_page_that_caused_it(grid):
    answer = grid.post("/submit", {"code": ""}, headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (400, "*")


@pytest.mark.parametrize("path", OWN)
def test_a_foreign_page_gets_nothing_from_the_rest(grid, path):
    answer = grid.ask("GET", path, headers={"Origin": PAGE})
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("headers", [{"Origin": PAGE}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_foreign_page_cannot_abort_a_run(grid, headers):
    run = grid.submit()
    answer = grid.ask("POST", f"/api/runs/{run}/abort", headers=headers)
    assert (answer.status_code, answer.json()["success"]) == (403, False)
    assert grid.status(run)["status"] == "pending"


@pytest.mark.parametrize("origin", ["http://localhost:8501", "http://127.0.0.1:9", "http://[::1]:80"])
def test_a_page_of_this_machine_may(grid, origin):
    assert grid.ask("GET", "/api/runs", headers={"Origin": origin}).status_code == 200


def test_a_preflight_for_the_rest_is_not_answered_with_leave(grid):
    asking = {"Origin": "http://localhost:8501", "Access-Control-Request-Method": "POST"}
    answer = grid.ask("OPTIONS", "/internal/heartbeat", headers=asking)
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("host", ["grid.example", "grid.example:80", "127.0.0.1.evil.example", "", "[", "a b"])
@pytest.mark.parametrize("path", ["/", "/api/runs"])
def test_another_host_name_is_not_served(grid, host, path):
    answer = grid.ask("GET", path, headers={"Host": host})
    assert answer.status_code == 400


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1", "[::1]:8000"])
def test_names_of_this_machine_are(grid, host):
    assert grid.ask("GET", "/", headers={"Host": host}).status_code == 200


def test_listed_origins_alone_are_let_in(start_coordinator):
    url = start_coordinator(cors_origins=f"{PAGE}, https://other.example").url
    allowed = requests.get(url, headers={"Origin": PAGE}, timeout=20)
    assert allowed.headers["Access-Control-Allow-Origin"] == PAGE
    refused = requests.get(url, headers={"Origin": "https://evil.example"}, timeout=20)
    assert "Access-Control-Allow-Origin" not in refused.headers
