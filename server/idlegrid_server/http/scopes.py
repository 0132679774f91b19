"""One table from endpoint to the scope that a key must have for it; None is open to all.

A route that is not in the table cannot be made, so none is ever open by accident.
"""

import re
from functools import cache
from typing import Final

from starlette.routing import compile_path

SCOPES: Final[dict[tuple[str, str], str | None]] = {
    ("GET", "/"): None,
    ("GET", "/health"): None,
    ("GET", "/readyz"): None,
    ("POST", "/submit"): "submit",
    ("POST", "/submit_many"): "submit",
    ("GET", "/status/{task_id}"): "submit",
    ("GET", "/results"): "submit",
    ("GET", "/stats"): "submit",
    ("WS", "/ws/updates"): "submit",
    ("GET", "/get_task"): "node",
    ("POST", "/submit_result"): "node",
    ("POST", "/internal/heartbeat"): "node",
    ("GET", "/internal/task"): "node",
    ("POST", "/internal/result"): "node",
    ("PUT", "/internal/files/{run}/{name:file}"): "node",
    ("GET", "/internal/task-files/{run}/{name:file}"): "node",
    ("GET", "/api/tasks"): "read:tasks",
    ("POST", "/api/tasks"): "write:tasks",
    ("GET", "/api/tasks/{task_id}"): "read:tasks",
    ("PUT", "/api/tasks/{task_id}"): "write:tasks",
    ("DELETE", "/api/tasks/{task_id}"): "write:tasks",
    ("POST", "/api/tasks/{task_id}/trigger"): "write:tasks",
    ("POST", "/api/tasks/{task_id}/pause"): "write:tasks",
    ("POST", "/api/tasks/{task_id}/resume"): "write:tasks",
    ("GET", "/api/tasks/{task_id}/files"): "read:tasks",
    ("GET", "/api/tasks/{task_id}/files/{name:file}"): "read:tasks",
    ("PUT", "/api/tasks/{task_id}/files/{name:file}"): "write:tasks",
    ("DELETE", "/api/tasks/{task_id}/files/{name:file}"): "write:tasks",
    ("GET", "/api/runs"): "read:runs",
    ("GET", "/api/runs/{run_id}"): "read:runs",
    ("GET", "/api/runs/{run_id}/logs"): "read:runs",
    ("GET", "/api/runs/{run_id}/files"): "read:runs",
    ("GET", "/api/runs/{run_id}/files/{name:file}"): "read:runs",
    ("POST", "/api/runs/{run_id}/abort"): "write:runs",
    ("POST", "/api/runs/{run_id}/restart"): "write:runs",
    ("GET", "/api/workers"): "read:workers",
    ("POST", "/api/workers"): "write:workers",
    ("GET", "/api/workers/{worker_id}"): "read:workers",
    ("PUT", "/api/workers/{worker_id}"): "write:workers",
    ("DELETE", "/api/workers/{worker_id}"): "write:workers",
    ("POST", "/api/workers/{worker_id}/heartbeat"): "write:workers",
    ("GET", "/api/system/health"): "read:system",
    ("GET", "/api/system/stats"): "read:system",
    ("GET", "/api/system/metrics"): "read:system",
    ("GET", "/api/system/logs"): "read:system",
    ("GET", "/api/system/timeline"): "read:system",
    ("GET", "/dist/simple/"): None,
    ("GET", "/dist/simple/{project}/"): None,
    ("GET", "/dist/files/{name}"): None,
}


def methods_of(path: str) -> list[str]:
    """The HTTP methods that a path has, in any of its routes."""
    found = {method for method, pattern in _patterns() if method != "WS" and pattern.match(path)}
    return sorted(found)


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(method, compile_path(route)[0]) for method, route in SCOPES]
