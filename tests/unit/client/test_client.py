"""The client: what it sends, and how it reads what comes back."""

from datetime import UTC, datetime

import pytest

from idlegrid import Client, NodeInfo, RunInfo
from idlegrid import client as client_module


def many(asked):
    """Answer /submit_many with one id per submission."""
    return (200, {"task_ids": [int(task["code"][1:]) for task in asked.body["tasks"]], "status": "submitted"})


def test_submitting_sends_the_defaults_and_a_fresh_key_each_time(grid, client):
    grid.on("POST /submit", (200, {"task_id": 1}), (200, {"task_id": 2}))
    assert [client.submit("print(1)").id, client.submit("print(1)").id] == [1, 2]
    assert grid.asked[0].body == {
        "code": "print(1)",
        "timeout": 300,
        "resources": {"cpu": 1.0, "memory": 512},
        "priority": "normal",
    }
    keys = {asked.headers["idempotency-key"] for asked in grid.asked}
    assert len(keys) == 2


def test_submitting_sends_what_is_asked_for(grid, client):
    grid.on("POST /submit", (200, {"task_id": 1}))
    client.submit("x", timeout=5, cpu=2, memory=64, priority="high", requires="gpu", parameters={"n": 1})
    body = grid.asked[0].body
    assert (body["timeout"], body["resources"], body["priority"]) == (5, {"cpu": 2, "memory": 64}, "high")
    assert (body["requires"], body["parameters"]) == (["gpu"], {"n": 1})


def test_many_are_sent_by_the_thousand_each_under_its_own_key(grid, client):
    grid.on("POST /submit_many", many)
    runs = client.submit_many(f"#{number}" for number in range(2001))
    assert [run.id for run in runs] == list(range(2001))
    assert [len(asked.body["tasks"]) for asked in grid.asked] == [1000, 1000, 1]
    assert len({asked.headers["idempotency-key"] for asked in grid.asked}) == 3


def test_many_with_much_code_are_sent_below_the_size_limit(grid, client, monkeypatch):
    monkeypatch.setattr(client_module, "CHUNK_BYTES", 240)
    grid.on("POST /submit_many", many)
    client.submit_many(["#1", "#2", "#3", "#4"])
    assert [len(asked.body["tasks"]) for asked in grid.asked] == [2, 2]


def test_many_may_differ_from_the_defaults(grid, client):
    grid.on("POST /submit_many", many)
    client.submit_many(["#1", {"code": "#2", "timeout": 9}], timeout=5, requires=["gpu"])
    first, second = grid.asked[0].body["tasks"]
    assert (first["timeout"], second["timeout"]) == (5, 9)
    assert first["requires"] == second["requires"] == ["gpu"]


def test_no_submissions_ask_nothing(grid, client):
    assert client.submit_many([]) == []
    assert grid.asked == []


def test_an_unknown_argument_is_refused_before_anything_is_sent(grid, client):
    with pytest.raises(TypeError, match="memroy"):
        client.submit_many([{"code": "x", "memroy": 1}])
    assert grid.asked == []


def test_the_environment_names_the_coordinator_and_the_key(grid, monkeypatch):
    monkeypatch.setenv("IDLEGRID_URL", grid.url)
    monkeypatch.setenv("IDLEGRID_API_KEY", "ig_env")
    grid.on("GET /health", (200, {"status": "healthy"}))
    with Client() as client:
        assert client.health()["status"] == "healthy"
    assert grid.asked[0].headers["authorization"] == "Bearer ig_env"


def test_without_any_address_it_is_this_machine(monkeypatch):
    monkeypatch.delenv("IDLEGRID_URL", raising=False)
    assert Client().url == "http://127.0.0.1:8000"


def test_a_page_of_runs_is_read_with_its_times(grid, client, wrap):
    run = {"id": 3, "status": "completed", "created_at": "2026-01-02T03:04:05Z", "started_at": None, "new": 1}
    found = {"items": [run], "total": 41, "page": 2, "size": 20, "total_pages": 3}
    grid.on("GET /api/runs", (200, wrap(found)))
    page = client.runs(page=2, status="completed")
    assert list(page) == [RunInfo(3, status="completed", created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))]
    assert (page.total, page.total_pages, len(page)) == (41, 3, 1)
    assert grid.asked[0].query == {
        "page": "2",
        "size": "20",
        "status": "completed",
        "sort": "id",
        "order": "desc",
    }
    assert "41 runs" in page._repr_html_()


def test_all_pages_of_nodes_are_read(grid, client, wrap):
    pages = [(200, wrap({"items": [{"id": name}], "total_pages": 2})) for name in ("a", "b")]
    grid.on("GET /api/workers", *pages)
    assert [node.id for node in client.nodes()] == ["a", "b"]
    assert [asked.query["page"] for asked in grid.asked] == ["1", "2"]


def test_results_are_read_after_an_id(grid, client):
    grid.on("GET /results", (200, {"count": 1, "results": [{"task_id": 5, "result": "x"}]}))
    assert client.results(limit=10, after_id=4) == [{"task_id": 5, "result": "x"}]
    assert grid.asked[0].query == {"limit": "10", "after_id": "4"}


def test_the_timeline_comes_out_of_its_envelope(grid, client, wrap):
    grid.on("GET /api/system/timeline", (200, wrap({"submitted": [1]})))
    assert client.timeline(window=60, buckets=1) == {"submitted": [1]}


def test_a_nodes_week_comes_out_of_its_envelope(grid, client, wrap):
    grid.on("GET /api/workers/lab%2F7/week", (200, wrap({"worker_id": "lab/7", "hours": []})))
    assert client.node_week("lab/7") == {"worker_id": "lab/7", "hours": []}


def test_waiting_for_many_tells_which_have_ended(grid, client):
    grid.on("GET /status/1", (200, {"status": "completed", "result": ""}))
    grid.on("GET /status/2", (200, {"status": "running"}))
    done, not_done = client.wait([client.run(1), client.run(2)], timeout=0)
    assert ([run.id for run in done], [run.id for run in not_done]) == ([1], [2])


def test_a_run_is_called_off_by_its_number(grid, client, wrap):
    grid.on("POST /api/runs/9/abort", (200, wrap({"id": 9, "status": "aborted"})))
    assert client.cancel(9) is True


def test_a_notebook_shows_nodes_and_counts_escaped(grid, client, wrap):
    node = {"id": "n", "hostname": "<b>lab</b>", "status": "active", "state": "frozen", "reason": "input"}
    grid.on("GET /api/workers", (200, wrap({"items": [node], "total_pages": 1})))
    grid.on("GET /stats", (200, {"tasks": {"total": 10, "failed": 1}}))
    html = client._repr_html_()
    assert "&lt;b&gt;lab" in html
    assert "frozen" in html
    assert "<td>10</td>" in html


def test_a_notebook_shows_that_the_coordinator_is_away(grid, client):
    grid.close()
    assert "is the coordinator running" in client._repr_html_()


def test_a_sandbox_level_is_sent_only_when_asked_for(grid, client):
    grid.on("POST /submit", (200, {"task_id": 1}))
    grid.on("POST /submit_many", many)
    client.submit("x", min_sandbox=4)
    client.submit_many(["#1", {"code": "#2", "min_sandbox": 2}], min_sandbox=1)
    assert grid.asked[0].body["min_sandbox"] == 4
    assert [task["min_sandbox"] for task in grid.asked[1].body["tasks"]] == [1, 2]


@pytest.mark.parametrize(
    ("sandbox", "level"), [({"level": 3, "backend": "bubblewrap"}, 3), (0, 0), (None, None), ({"level": None}, None)]
)
def test_a_node_tells_its_sandbox_level(sandbox, level):
    assert NodeInfo("n", sandbox=sandbox).sandbox_level == level
