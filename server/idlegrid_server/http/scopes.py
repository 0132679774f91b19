"""One table from endpoint to what it asks of a caller's key; None is open to all.

A route that is not in the table cannot be made, so none is ever open by accident.
"""

import re
from functools import cache
from typing import Final

from starlette.routing import compile_path

from idlegrid_server.core.access import JOIN, NODE, Access

SCOPES: Final[dict[tuple[str, str], Access | None]] = {
    ("GET", "/"): None,
    ("GET", "/health"): None,
    ("GET", "/readyz"): None,
    ("POST", "/submit"): Access("submit"),
    ("POST", "/submit_many"): Access("submit"),
    ("GET", "/status/{task_id}"): Access("read:runs", own="submit"),
    ("GET", "/results"): Access("read:runs", own="submit"),
    ("GET", "/stats"): Access("read:system", own="submit"),
    ("WS", "/ws/updates"): Access("read:runs", own="submit"),
    ("GET", "/get_task"): Access(NODE),
    ("POST", "/submit_result"): Access(NODE),
    ("POST", "/internal/heartbeat"): Access(NODE),
    ("GET", "/internal/task"): Access(NODE),
    ("POST", "/internal/result"): Access(NODE),
    ("PUT", "/internal/files/{run}/{name:file}"): Access(NODE),
    ("GET", "/internal/task-files/{run}/{name:file}"): Access(NODE),
    ("PUT", "/internal/checkpoints/{run}"): Access(NODE),
    ("GET", "/internal/checkpoints/{run}"): Access(NODE),
    ("GET", "/api/tasks"): Access("read:tasks"),
    ("POST", "/api/tasks"): Access("write:tasks"),
    ("GET", "/api/tasks/{task_id}"): Access("read:tasks"),
    ("PUT", "/api/tasks/{task_id}"): Access("write:tasks"),
    ("DELETE", "/api/tasks/{task_id}"): Access("write:tasks"),
    ("POST", "/api/tasks/{task_id}/trigger"): Access("write:tasks"),
    ("POST", "/api/tasks/{task_id}/pause"): Access("write:tasks"),
    ("POST", "/api/tasks/{task_id}/resume"): Access("write:tasks"),
    ("GET", "/api/tasks/{task_id}/graph"): Access("read:tasks"),
    ("GET", "/api/tasks/{task_id}/files"): Access("read:tasks"),
    ("GET", "/api/tasks/{task_id}/files/{name:file}"): Access("read:tasks"),
    ("PUT", "/api/tasks/{task_id}/files/{name:file}"): Access("write:tasks"),
    ("DELETE", "/api/tasks/{task_id}/files/{name:file}"): Access("write:tasks"),
    ("GET", "/api/runs"): Access("read:runs", own="submit"),
    ("POST", "/api/runs/explain"): Access("submit"),
    ("GET", "/api/runs/{run_id}"): Access("read:runs", own="submit"),
    ("GET", "/api/runs/{run_id}/logs"): Access("read:runs", own="submit"),
    ("GET", "/api/runs/{run_id}/usage"): Access("read:runs", own="submit"),
    ("GET", "/api/runs/{run_id}/files"): Access("read:runs", own="submit"),
    ("GET", "/api/runs/{run_id}/files/{name:file}"): Access("read:runs", own="submit"),
    ("GET", "/api/runs/{run_id}/explain"): Access("read:runs", own="submit"),
    ("POST", "/api/runs/{run_id}/abort"): Access("write:runs", own="submit"),
    ("POST", "/api/runs/{run_id}/restart"): Access("write:runs", own="submit"),
    ("GET", "/api/workers"): Access("read:workers"),
    ("POST", "/api/workers"): Access("write:workers"),
    ("GET", "/api/workers/history"): Access("read:workers"),
    ("GET", "/api/workers/weeks"): Access("read:workers"),
    ("GET", "/api/workers/{worker_id}"): Access("read:workers"),
    ("GET", "/api/workers/{worker_id}/week"): Access("read:workers"),
    ("PUT", "/api/workers/{worker_id}"): Access("write:workers"),
    ("DELETE", "/api/workers/{worker_id}"): Access("write:workers"),
    ("POST", "/api/workers/{worker_id}/heartbeat"): Access("write:workers"),
    ("GET", "/api/system/health"): Access("read:system"),
    ("GET", "/api/system/stats"): Access("read:system"),
    ("GET", "/api/system/metrics"): Access("read:system"),
    ("GET", "/api/system/logs"): Access("read:system"),
    ("GET", "/api/system/timeline"): Access("read:system"),
    ("GET", "/api/system/overview"): Access("read:system"),
    ("GET", "/api/system/usage"): Access("read:system"),
    ("GET", "/api/system/attention"): Access("read:system"),
    ("GET", "/api/system/queues"): Access("read:system"),
    ("POST", "/internal/join"): Access(JOIN),
    ("POST", "/api/auth/token"): Access(""),
    ("GET", "/api/auth/me"): Access(""),
    ("GET", "/api/keys"): Access("admin"),
    ("POST", "/api/keys"): Access("admin"),
    ("DELETE", "/api/keys/{key_id}"): Access("admin"),
    ("GET", "/api/webhooks"): Access("webhooks"),
    ("POST", "/api/webhooks"): Access("webhooks"),
    ("GET", "/api/webhooks/{webhook_id}"): Access("webhooks"),
    ("PUT", "/api/webhooks/{webhook_id}"): Access("webhooks"),
    ("DELETE", "/api/webhooks/{webhook_id}"): Access("webhooks"),
    ("POST", "/api/webhooks/{webhook_id}/test"): Access("webhooks"),
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): Access("webhooks"),
    ("POST", "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/resend"): Access("webhooks"),
    ("POST", "/tasks/{task_name}/execute/manual"): Access("write:tasks"),
    ("POST", "/tasks/{task_name}/execute/api"): Access("write:tasks"),
    ("GET", "/tasks/running/execution/{execution_id}"): Access("read:runs", own="submit"),
    ("GET", "/tasks/running/{task_name}"): Access("read:runs", own="submit"),
    **{
        (method, f"/tasks/executions/cancel/{which}"): Access("write:runs", own="submit")
        for method in ("DELETE", "POST")
        for which in ("by-ids", "by-task-names", "all")
    },
    ("GET", "/api/v1/jobs"): Access("read:jobs"),
    ("GET", "/api/v1/jobs/executions"): Access("read:jobs"),
    ("GET", "/api/v1/jobs/{job_id}"): Access("read:jobs"),
    ("GET", "/api/v1/jobs/{job_id}/executions"): Access("read:jobs"),
    ("POST", "/mcp"): Access(""),
    ("GET", "/dist/simple/"): None,
    ("GET", "/dist/simple/{project}/"): None,
    ("GET", "/dist/files/{name}"): None,
}


def methods_of(path: str) -> list[str]:
    """The HTTP methods that a path has, in any of its routes; what stands in the table by itself has its own alone."""
    own = {method for method, route in SCOPES if route == path}
    return sorted((own or {method for method, pattern in _patterns() if pattern.match(path)}) - {"WS"})


def nobodys_names(route: str) -> list[str]:
    """Paths that stand in the table by themselves and look as if they were the route's, with a name in it."""
    pattern = compile_path(route)[0]
    return sorted({path for _, path in SCOPES if path != route and "{" not in path and pattern.match(path)})


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(method, compile_path(route)[0]) for method, route in SCOPES]
