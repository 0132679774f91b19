"""One table from endpoint to the scope that a key must have for it; None is open to all.

A route that is not in the table cannot be made, so none is ever open by accident.
"""

from typing import Final

SCOPES: Final[dict[tuple[str, str], str | None]] = {
    ("GET", "/"): None,
    ("GET", "/health"): None,
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
    ("GET", "/api/runs"): "read:runs",
    ("GET", "/api/runs/{run_id}"): "read:runs",
    ("GET", "/api/runs/{run_id}/logs"): "read:runs",
    ("GET", "/api/runs/{run_id}/files"): "read:runs",
    ("GET", "/api/runs/{run_id}/files/{name:file}"): "read:runs",
    ("POST", "/api/runs/{run_id}/abort"): "write:runs",
    ("GET", "/api/workers"): "read:workers",
    ("GET", "/api/system/timeline"): "read:system",
    ("GET", "/dist/simple/"): None,
    ("GET", "/dist/simple/{project}/"): None,
    ("GET", "/dist/files/{name}"): None,
}
