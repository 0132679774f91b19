"""Endpoints for a test, gone when it is over. Nobody delivers here: what is on its way can be looked at."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ..envelope import data

Json = dict[str, Any]
ADDRESS = "https://8.8.8.8/hook"
"""A public address, so that no name needs be looked up."""


class Webhooks:
    """Makes endpoints on a grid, and takes them away again."""

    def __init__(self, grid: Any) -> None:
        self.grid = grid
        self.made: list[int] = []

    def post(self, **words: object) -> Any:
        return self.grid.post("/api/webhooks", {"url": ADDRESS, "events": ["*"], **words})

    def make(self, **words: object) -> Json:
        made = dict(data(self.post(**words), 201))
        self.made.append(made["id"])
        return made

    def put(self, webhook: Json, **words: object) -> Any:
        return self.grid.ask("PUT", f"/api/webhooks/{webhook['id']}", json=words)

    def get(self, webhook: Json) -> Json:
        return dict(data(self.grid.get(f"/api/webhooks/{webhook['id']}")))

    def delete(self, webhook: Json) -> Any:
        return self.grid.ask("DELETE", f"/api/webhooks/{webhook['id']}")

    def test(self, webhook: Json) -> Json:
        return dict(data(self.grid.post(f"/api/webhooks/{webhook['id']}/test"), 202))

    def deliveries(self, webhook: Json, **query: object) -> Json:
        return dict(data(self.grid.get(f"/api/webhooks/{webhook['id']}/deliveries", **query)))

    def told(self, webhook: Json) -> list[Json]:
        """The bodies that are on their way to it, oldest first."""
        items = self.deliveries(webhook, size=200)["items"]
        return [json.loads(item["body"]) for item in reversed(items)]

    def clean(self) -> None:
        for webhook in self.made:
            self.grid.ask("DELETE", f"/api/webhooks/{webhook}")


@pytest.fixture
def webhooks(grid) -> Iterator[Webhooks]:
    """Makes endpoints on the shared grid."""
    made = Webhooks(grid)
    yield made
    made.clean()
