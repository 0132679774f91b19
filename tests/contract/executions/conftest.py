"""Tasks to execute, and executions as the API shows them."""

from collections.abc import Iterator
from typing import Any

import pytest

from ...parts import keyed_record
from ..tasks.conftest import Json, Tasks

KEYS = {
    "ann": ["submit"],
    "bob": ["submit"],
    "reader": ["read:runs"],
    "onlooker": ["submit", "read:runs"],
    "author": ["write:tasks", "submit"],
    "admin": ["admin"],
    "node": ["node"],
}
"""Names of keys, and their scopes."""


class Executions:
    """The execution API of a grid, and tasks that are gone when the test is over."""

    def __init__(self, grid: Any) -> None:
        self.grid, self.tasks = grid, Tasks(grid)

    def execute(self, task: Json, how: str = "api", body: object = None, **words: Any) -> Json:
        """An execution, as executing answers."""
        answer = self.grid.post(f"/tasks/{task['name']}/execute/{how}", body, **words)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def status(self, execution: Json, **query: object) -> Json:
        answer = self.grid.get(f"/tasks/running/execution/{execution['executionId']}", **query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def of(self, task: Json, **query: object) -> list[Json]:
        answer = self.grid.get(f"/tasks/running/{task['name']}", **query)
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def cancel(self, which: str, body: object = None, method: str = "DELETE") -> Any:
        return self.grid.ask(method, f"/tasks/executions/cancel/{which}", json=body)

    def run(self, execution: Json) -> Json:
        """The run, as the task API shows it."""
        items = self.grid.get("/api/runs", size=200).json()["data"]["items"]
        return next(item for item in items if item["uuid"] == execution["executionId"])


@pytest.fixture
def executions(grid) -> Iterator[Executions]:
    """The shared grid's."""
    made = Executions(grid)
    yield made
    made.tasks.clean()


@pytest.fixture
def task(executions) -> Json:
    return executions.tasks.make()


@pytest.fixture(scope="session")
def people(start_coordinator, visit, tmp_path_factory) -> dict[str, Executions]:
    """Everybody's view of one grid, by the names of their keys; each test leaves it without unfinished runs."""
    folder = tmp_path_factory.mktemp("executions")
    keys = keyed_record(folder, {who: (who, scopes) for who, scopes in KEYS.items()})
    url = start_coordinator(data=folder, auth="required", failed_auth_limit="1000/minute").url
    return {who: Executions(visit(url, key)) for who, key in keys.items()}


def detail(answer: Any, status: int) -> str:
    """What an error says: `{"detail"}` and nothing else."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"detail"}
    return str(answer.json()["detail"])
