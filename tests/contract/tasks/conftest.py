"""Tasks for a test, gone when it is over."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..envelope import data

Json = dict[str, Any]


class Tasks:
    """Makes tasks on a grid, and takes them away again, children first."""

    def __init__(self, grid: Any) -> None:
        self.grid = grid
        self.made: list[int] = []

    def words(self, **words: object) -> Json:
        """The least that a task needs, under a name that is free."""
        usual = {"task_type": "python", "executor": "python", "command": "python", "code": "print(1)"}
        return {"name": f"task-{secrets.token_hex(6)}", **usual, **words}

    def make(self, **words: object) -> Json:
        """A task, as creating it answers."""
        task = dict(data(self.grid.post("/api/tasks", self.words(**words)), 201))
        self.made.append(task["id"])
        return task

    def put(self, task: Json, **words: object) -> Any:
        return self.grid.ask("PUT", f"/api/tasks/{task['id']}", json=words)

    def changed(self, task: Json, **words: object) -> Json:
        return dict(data(self.put(task, **words)))

    def detail(self, task: Json) -> Json:
        return dict(data(self.grid.get(f"/api/tasks/{task['id']}")))

    def post(self, task: Json, verb: str, body: object = None, **words: Any) -> Any:
        return self.grid.post(f"/api/tasks/{task['id']}/{verb}", body, **words)

    def trigger(self, task: Json, body: object = None, **words: Any) -> Json:
        """A run of it, as triggering answers."""
        return dict(data(self.post(task, "trigger", body, **words)))

    def delete(self, task: Json) -> Any:
        return self.grid.ask("DELETE", f"/api/tasks/{task['id']}")

    def clean(self) -> None:
        for task in reversed(self.made):
            self.grid.ask("DELETE", f"/api/tasks/{task}")


@pytest.fixture
def tasks(grid) -> Iterator[Tasks]:
    """Makes tasks on the shared grid."""
    made = Tasks(grid)
    yield made
    made.clean()


@pytest.fixture
def ran(grid, tasks) -> Callable[..., int]:
    """`ran(task, outcome)`: a run of the task that a machine saw through."""
    machine = grid.machine()

    def run(task: Json, outcome: str = "completed", **words: object) -> int:
        made = tasks.trigger(task)["run_id"]
        attempt = machine.lease()
        assert attempt["task_id"] == made
        assert machine.report(attempt, outcome, **words).status_code == 200
        return int(made)

    return run
