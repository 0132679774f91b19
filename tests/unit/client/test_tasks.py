"""Tasks: what is sent, how answers are read, and what a refusal says."""

import pytest

from idlegrid import Conflict, FileError, InvalidRequest, RunInfo, TaskInfo

TASK = {"id": 4, "name": "nightly", "status": "active", "schedule": "0 2 * * *", "next_run_at": "2026-01-02T02:00:00Z"}
PAGE = {"total": 1, "page": 1, "size": 20, "total_pages": 1}


def refusal(message, **details):
    return {"success": False, "error": {"code": "VALIDATION_ERROR", "message": message, "details": details}}


def test_a_task_of_inline_code_says_what_the_document_demands(grid, client, wrap):
    grid.on("POST /api/tasks", (201, wrap(TASK)))
    task = client.create_task("nightly", code="print(1)", schedule="0 2 * * *", metadata={"timezone": "Asia/Shanghai"})
    assert task.id == 4
    assert grid.asked[0].body == {
        "name": "nightly", "task_type": "python", "executor": "python", "command": "python", "code": "print(1)",
        "schedule": "0 2 * * *", "metadata": {"timezone": "Asia/Shanghai"},
    }  # fmt: skip


def test_a_task_of_a_command_has_no_code(grid, client, wrap):
    grid.on("POST /api/tasks", (201, wrap(TASK)))
    client.create_task("x", command="date", task_type="shell", executor="sh")
    assert grid.asked[0].body == {"name": "x", "task_type": "shell", "executor": "sh", "command": "date"}


def test_a_task_without_code_and_command_is_refused_before_sending(grid, client):
    with pytest.raises(ValueError, match="neither code nor a command"):
        client.create_task("x")
    assert grid.asked == []


def test_a_refusal_names_every_field_that_is_wrong(grid, client):
    errors = [
        {"field": "schedule", "rule": "cron", "value": "x", "message": "five fields"},
        {"field": "retry_count", "rule": "min", "value": -1, "message": "at least 0"},
    ]
    grid.on("POST /api/tasks", (422, refusal("请求参数验证失败", field="schedule", rule="cron", errors=errors)))
    with pytest.raises(InvalidRequest) as refused:
        client.create_task("x", code="1")
    assert refused.value.fields == (("schedule", "five fields"), ("retry_count", "at least 0"))
    assert str(refused.value) == "请求参数验证失败 (HTTP 422): schedule: five fields; retry_count: at least 0"
    assert refused.value.code == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("details", "said"),
    [({"field": "name", "rule": "required", "value": None}, "no (HTTP 422): name: required"), ({}, "no (HTTP 422)")],
)
def test_a_refusal_names_what_it_is_told(grid, client, details, said):
    grid.on("POST /api/tasks", (422, refusal("no", **details)))
    with pytest.raises(InvalidRequest) as refused:
        client.create_task("x", code="1")
    assert str(refused.value) == said


def test_a_page_of_tasks_is_read_with_its_times(grid, client, wrap):
    grid.on("GET /api/tasks", (200, wrap({"items": [TASK], **PAGE})))
    page = client.tasks(status="active", search="night", sort="name", order="asc")
    assert list(page) == [TaskInfo.from_wire(TASK)]
    assert page.items[0].next_run_at.hour == 2
    assert grid.asked[0].query == {
        "page": "1", "size": "20", "status": "active", "search": "night", "sort": "name", "order": "asc",
    }  # fmt: skip
    assert "nightly" in page._repr_html_()


def test_triggering_gives_a_run_under_a_fresh_key(grid, client, wrap):
    grid.on("POST /api/tasks/4/trigger", (200, wrap({"task_id": 4, "run_id": 17, "status": "pending"})))
    task = client.task(4)
    assert [task.trigger().id, task.trigger(n=1).id] == [17, 17]
    assert [asked.body for asked in grid.asked] == [{}, {"parameters": {"n": 1}}]
    assert len({asked.headers["idempotency-key"] for asked in grid.asked}) == 2


def test_a_task_that_is_paused_says_so(grid, client):
    grid.on("POST /api/tasks/4/trigger", (409, refusal("the task is paused")))
    with pytest.raises(Conflict, match="paused"):
        client.task(4).trigger()


@pytest.mark.parametrize("act", ["pause", "resume"])
def test_a_task_is_paused_and_resumed(grid, client, wrap, act):
    grid.on(f"POST /api/tasks/4/{act}", (200, wrap({"id": 4})))
    getattr(client.task(4), act)()
    assert [asked.path for asked in grid.asked] == [f"/api/tasks/4/{act}"]


def test_a_change_sends_only_what_changes(grid, client, wrap):
    grid.on("PUT /api/tasks/4", (200, wrap({**TASK, "schedule": None})))
    assert client.task(4).update(schedule=None, priority="high")["schedule"] is None
    assert grid.asked[0].body == {"schedule": None, "priority": "high"}


def test_a_task_is_deleted(grid, client, wrap):
    grid.on("DELETE /api/tasks/4", (200, wrap({"deleted_id": 4})))
    client.task(4).delete()
    assert len(grid.asked) == 1


def test_the_runs_of_a_task_are_listed(grid, client, wrap):
    grid.on("GET /api/runs", (200, wrap({"items": [{"id": 17, "task_id": 4, "trigger": "manual"}], **PAGE})))
    assert list(client.task(4).runs(status="failed")) == [RunInfo(17, task_id=4, trigger="manual")]
    assert list(client.runs(task_id=4)) == list(client.task(4).runs())
    assert {asked.query["task_id"] for asked in grid.asked} == {"4"}


@pytest.mark.parametrize("given", ["bytes", "path"])
def test_a_file_is_laid_into_its_folder(grid, client, wrap, tmp_path, given):
    (tmp_path / "data.csv").write_bytes(b"1,2")
    grid.on("PUT /api/tasks/4/files/in%20put/data.csv", (201, wrap({"name": "in put/data.csv"})))
    content = b"1,2" if given == "bytes" else tmp_path / "data.csv"
    client.task(4).put_file("in put/data.csv", content)
    assert grid.asked[0].body == b"1,2"


def test_a_file_that_cannot_be_read_is_said_so(grid, client, tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        client.task(4).put_file("x", tmp_path / "none")
    assert grid.asked == []


def test_a_notebook_shows_a_task_escaped(grid, client, wrap):
    grid.on("GET /api/tasks/4", (200, wrap({**TASK, "name": "<b>"})))
    assert "&lt;b&gt;" in client.task(4)._repr_html_()
    assert (client.task(4).name, client.task(4).status) == ("<b>", "active")
    assert "no /api/tasks/9 here" in client.task(9)._repr_html_()


def test_a_node_is_drained_by_its_id(grid, client, wrap):
    grid.on("PUT /api/workers/a%2Fb", (200, wrap({"id": "a/b", "status": "draining"})))
    assert client.steer_node("a/b", "draining").status == "draining"
    assert grid.asked[0].body == {"status": "draining"}


def test_a_policy_is_pushed_to_a_node_and_taken_away(grid, client, wrap):
    policy = {"values": {"start_after_s": 300.0}, "pushed": {"start_after_s": 600}, "refused": ""}
    grid.on("PUT /api/workers/n", (200, wrap({"id": "n", "policy": policy})))
    assert client.push_policy("n", {"start_after_s": 600}).policy == policy
    client.push_policy("n", None)
    assert [asked.body for asked in grid.asked] == [{"policy": {"start_after_s": 600}}, {"policy": None}]


def test_a_node_in_full_tells_of_its_owner(grid, client, wrap):
    grid.on("GET /api/workers/a%2Fb", (200, wrap({"id": "a/b", "reclaims": {"count": 3, "frozen_p99": 0.5}})))
    assert client.node("a/b").reclaims == {"count": 3, "frozen_p99": 0.5}
