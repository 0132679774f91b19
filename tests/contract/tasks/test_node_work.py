"""What a node is told of a task's run, and the files that it fetches for it."""

import hashlib

import pytest

SCRIPT = b"print('from a file')\n"


@pytest.fixture
def held(grid, tasks):
    """A machine and the attempt that it holds, of a task with a file of two pieces and a script."""
    task = tasks.make(command="process_data.py", code=None, arguments=["--input", "data.csv"], parameters={"a": 1})
    grid.ask("PUT", f"/api/tasks/{task['id']}/files/process_data.py", data=SCRIPT)
    grid.ask("PUT", f"/api/tasks/{task['id']}/files/in/data.csv", data=b"x" * ((1 << 20) + 1))
    tasks.trigger(task)
    machine = grid.machine()
    return machine, machine.lease(), task


def fetch(grid, machine, attempt, name="process_data.py", **query):
    words = {"node_id": machine.id, "lease_id": attempt["lease_id"], **query}
    return grid.get(f"/internal/task-files/{attempt['run']}/{name}", **words)


def test_a_tasks_run_comes_with_its_command_arguments_and_files(held):
    _, attempt, _ = held
    assert (attempt["command"], attempt["arguments"]) == ("process_data.py", ["--input", "data.csv"])
    assert (attempt["code"], attempt["parameters"], attempt["request"]) == ("", {"a": 1}, None)
    sizes = {file["name"]: file["size"] for file in attempt["files"]}
    assert sizes == {"process_data.py": len(SCRIPT), "in/data.csv": (1 << 20) + 1}


def test_an_http_tasks_run_comes_with_its_request(grid, tasks):
    metadata = {"method": "POST", "headers": {"X-A": "1"}, "body": "hello", "other": 1}
    task = tasks.make(task_type="http", command="http://example.com/x", code=None, metadata=metadata)
    tasks.trigger(task)
    attempt = grid.machine(task_types=["http"]).lease()
    assert (attempt["command"], attempt["files"]) == ("http://example.com/x", [])
    assert attempt["request"] == {"method": "POST", "headers": {"X-A": "1"}, "body": "hello"}


def test_code_that_was_submitted_by_itself_has_none_of_it(grid):
    grid.submit()
    assert {"command", "arguments", "files", "request"}.isdisjoint(grid.machine().lease())


def test_a_node_fetches_the_files_of_what_it_holds(grid, held):
    machine, attempt, _ = held
    for file in attempt["files"]:
        answer = fetch(grid, machine, attempt, file["name"])
        assert (answer.status_code, len(answer.content)) == (200, file["size"])
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        assert answer.headers["ETag"] == f'"{file["sha256"]}"'


def test_a_file_that_is_not_there_is_a_404_and_a_bad_name_a_400(grid, held):
    machine, attempt, task = held
    assert fetch(grid, machine, attempt, "nothing.py").status_code == 404
    assert fetch(grid, machine, attempt, "a//b").status_code == 400
    grid.ask("DELETE", f"/api/tasks/{task['id']}/files/process_data.py")
    assert fetch(grid, machine, attempt).status_code == 404


def test_a_lease_that_is_not_the_newest_fetches_nothing(grid, held):
    machine, attempt, _ = held
    assert fetch(grid, machine, attempt, lease_id="f" * 32).status_code == 409
    machine.report(attempt)
    assert fetch(grid, machine, attempt).status_code == 409
    unknown = {**attempt, "run": "00000000-0000-0000-0000-000000000000"}
    assert fetch(grid, machine, unknown).status_code == 404
