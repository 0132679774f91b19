"""The files of tasks: sent, listed, fetched, dropped."""

import hashlib
from urllib.parse import quote

import pytest

from ..envelope import data, error, offence

MIB = 1 << 20


@pytest.fixture
def box(tasks):
    return Box(tasks, tasks.make(code=None, command="main.py"))


class Box:
    """A task's files."""

    def __init__(self, tasks, task) -> None:
        self.tasks, self.task, self.grid = tasks, task, tasks.grid

    def path(self, name: str = "") -> str:
        return f"/api/tasks/{self.task['id']}/files" + (f"/{quote(name)}" if name else "")

    def put(self, name: str, body=b"hello"):
        return self.grid.ask("PUT", self.path(name), data=body)

    def fetch(self, name: str, **headers: str):
        return self.grid.ask("GET", self.path(name), headers=headers)

    def names(self) -> list[str]:
        return [item["name"] for item in data(self.grid.get(self.path()))["items"]]


def test_a_file_is_kept_listed_and_comes_back_as_it_was_sent(box):
    body = bytes(range(256)) * 10
    kept = data(box.put("a/ü 1.csv", body), 201)
    assert set(kept) == {"name", "size", "media_type", "sha256", "created_at"}
    assert (kept["name"], kept["size"], kept["media_type"]) == ("a/ü 1.csv", 2560, "text/csv")
    assert kept["sha256"] == hashlib.sha256(body).hexdigest()
    assert data(box.grid.get(box.path())) == {"items": [kept], "total": 1}
    answer = box.fetch("a/ü 1.csv")
    assert (answer.status_code, answer.content) == (200, body)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert box.tasks.detail(box.task)["files"] == 1


def test_the_same_name_again_replaces(box):
    data(box.put("main.py", b"one"), 201)
    assert data(box.put("main.py", b"two!"), 200)["size"] == 4
    assert (box.names(), box.fetch("main.py").content) == (["main.py"], b"two!")


def test_who_has_a_file_is_not_sent_it_again(box):
    box.put("main.py")
    answer = box.fetch("main.py", **{"If-None-Match": box.fetch("main.py").headers["ETag"]})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_file_is_dropped(box):
    box.put("main.py")
    assert data(box.grid.ask("DELETE", box.path("main.py"))) == {"message": "文件删除成功", "name": "main.py"}
    error(box.grid.ask("DELETE", box.path("main.py")), 404, "RESOURCE_NOT_FOUND")
    error(box.fetch("main.py"), 404, "RESOURCE_NOT_FOUND")
    assert box.names() == []


def test_its_runs_get_the_files(box):
    box.put("main.py", b"print(1)")
    machine = box.grid.machine()
    box.tasks.trigger(box.task)
    attempt = machine.lease()
    assert attempt["command"] == "main.py"
    assert [(file["name"], file["size"]) for file in attempt["files"]] == [("main.py", 8)]


def test_all_files_of_a_task_together_may_have_ten_mebibytes(box):
    data(box.put("a", bytes(10 * MIB)), 201)
    for body in (b"x", iter([b"x"])):
        assert offence(box.put("b", body), 413) == ("body", "max_length")
    data(box.put("a", b"small"), 200)
    data(box.put("b", b"x"), 201)


def test_a_file_over_ten_mebibytes_is_too_large(box):
    assert offence(box.put("a", bytes(10 * MIB + 1)), 413) == ("body", "max_length")
    assert box.names() == []


@pytest.mark.parametrize("name", ["..%2Fx", "a//b", "a%00b", "a%0Ab", "%FF", "x" * 256])
def test_a_name_that_could_lead_astray_is_refused(box, name):
    answer = box.grid.ask("PUT", f"{box.path()}/{name}", data=b"x")
    assert offence(answer, 400) == ("name", "pattern")
    assert box.names() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_task_that_is_not_there_has_no_files(grid, method):
    for task in (999999999, 2**70):
        error(grid.ask(method, f"/api/tasks/{task}/files/a", data=b"x"), 404, "RESOURCE_NOT_FOUND")
        error(grid.get(f"/api/tasks/{task}/files"), 404, "RESOURCE_NOT_FOUND")


def test_files_go_with_their_task(box):
    box.put("main.py")
    data(box.tasks.delete(box.task))
    error(box.fetch("main.py"), 404, "RESOURCE_NOT_FOUND")
