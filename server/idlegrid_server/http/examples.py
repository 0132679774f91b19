"""What the OpenAPI document shows by example: bodies to send, and which answer names what another endpoint takes."""

from http import HTTPStatus
from typing import Any, Final

Endpoint = tuple[str, str]

_TASK: Final = {
    "name": "data_processing",
    "description": "处理每日数据",
    "task_type": "python",
    "executor": "python",
    "command": "process_data.py",
    "arguments": ["--input", "data.csv"],
    "schedule": "0 2 * * *",
    "priority": "normal",
    "retry_count": 3,
    "timeout_seconds": 3600,
    "tags": ["data", "daily"],
}
_CODE: Final = {"code": "print(1 + 1)", "timeout": 300, "resources": {"cpu": 1.0, "memory": 512}}
_WORKER: Final = {
    "hostname": "server-01",
    "ip_address": "192.168.1.100",
    "port": 8080,
    "task_types": ["python", "shell"],
    "max_concurrent_tasks": 5,
}
_CANCEL: Final = "/tasks/executions/cancel/"
_EXECUTION: Final = "550e8400-e29b-41d4-a716-446655440000"
BODIES: Final[dict[Endpoint, dict[str, Any]]] = {
    ("POST", "/submit"): _CODE,
    ("POST", "/submit_many"): {"tasks": [_CODE]},
    ("POST", "/internal/heartbeat"): {"node_id": "lab-07-3f2a91c4", "status": "idle", "reason": "owner_away"},
    ("POST", "/api/runs/explain"): {"resources": {"cpu": 2, "memory": 1024}, "requires": ["gpu"]},
    ("POST", "/api/tasks"): _TASK,
    ("PUT", "/api/tasks/{task_id}"): {"priority": "high", "retry_count": 5},
    ("POST", "/api/tasks/{task_id}/trigger"): {"parameters": {"input": "data.csv"}, "priority": "normal"},
    ("POST", "/api/workers"): _WORKER,
    ("POST", "/api/keys"): {"name": "ann", "scopes": ["submit", "read:tasks"], "expires_in": 86_400},
    ("POST", "/api/auth/token"): {"scopes": ["read:runs"], "expires_in": 600},
    ("POST", "/api/webhooks"): {"url": "https://example.org/grid", "events": ["task.completed", "task.failed"]},
    ("PUT", "/api/webhooks/{webhook_id}"): {"events": ["*"], "active": True},
    ("PUT", "/api/workers/{worker_id}"): {"max_concurrent_tasks": 10, "status": "active"},
    ("POST", "/api/workers/{worker_id}/heartbeat"): {"current_task_count": 0, "current_tasks": [], "load_average": 0.4},
    **{("POST", f"/tasks/{{task_name}}/execute/{how}"): {"params": {"input": "data.csv"}} for how in ("manual", "api")},
    **{(method, _CANCEL + "by-ids"): {"executionIds": [_EXECUTION]} for method in ("POST", "DELETE")},
    **{(method, _CANCEL + "by-task-names"): {"taskNames": [_TASK["name"]]} for method in ("POST", "DELETE")},
}
"""The documents' own, each good on a fresh grid."""

_ON_TASK: Final = (
    ("GET", "/api/tasks/{task_id}"),
    ("PUT", "/api/tasks/{task_id}"),
    ("DELETE", "/api/tasks/{task_id}"),
    ("POST", "/api/tasks/{task_id}/trigger"),
    ("POST", "/api/tasks/{task_id}/pause"),
    ("POST", "/api/tasks/{task_id}/resume"),
    ("GET", "/api/tasks/{task_id}/graph"),
    ("GET", "/api/tasks/{task_id}/files"),
)
_ON_JOB: Final = (("GET", "/api/v1/jobs/{job_id}"), ("GET", "/api/v1/jobs/{job_id}/executions"))
_ON_RUN: Final = (
    ("GET", "/api/runs/{run_id}"),
    ("GET", "/api/runs/{run_id}/logs"),
    ("GET", "/api/runs/{run_id}/usage"),
    ("GET", "/api/runs/{run_id}/files"),
    ("GET", "/api/runs/{run_id}/explain"),
    ("POST", "/api/runs/{run_id}/abort"),
    ("POST", "/api/runs/{run_id}/restart"),
)
_ON_NAME: Final = (
    ("POST", "/tasks/{task_name}/execute/manual"),
    ("POST", "/tasks/{task_name}/execute/api"),
    ("GET", "/tasks/running/{task_name}"),
)
_ON_EXECUTION: Final = {
    ("GET", "/tasks/running/execution/{execution_id}"): {"execution_id": "$response.body#/executionId"}
}
_ON_WORKER: Final = (
    ("GET", "/api/workers/{worker_id}"),
    ("GET", "/api/workers/{worker_id}/week"),
    ("PUT", "/api/workers/{worker_id}"),
    ("DELETE", "/api/workers/{worker_id}"),
    ("POST", "/api/workers/{worker_id}/heartbeat"),
)
_ON_WEBHOOK: Final = (
    ("GET", "/api/webhooks/{webhook_id}"),
    ("PUT", "/api/webhooks/{webhook_id}"),
    ("DELETE", "/api/webhooks/{webhook_id}"),
    ("POST", "/api/webhooks/{webhook_id}/test"),
    ("GET", "/api/webhooks/{webhook_id}/deliveries"),
)
_FILE: Final = "/api/tasks/{task_id}/files/{name}"
_SAME_FILE: Final = {"task_id": "$request.path.task_id", "name": "$request.path.name"}
LINKS: Final[dict[Endpoint, dict[Endpoint, dict[str, str]]]] = {
    ("POST", "/submit"): {
        ("GET", "/status/{task_id}"): {"task_id": "$response.body#/task_id"},
        **{to: {"run_id": "$response.body#/task_id"} for to in _ON_RUN},
    },
    ("POST", "/api/tasks"): {
        **{to: {"task_id": "$response.body#/data/id"} for to in _ON_TASK},
        **{to: {"job_id": "$response.body#/data/name"} for to in _ON_JOB},
        **{to: {"task_name": "$response.body#/data/name"} for to in _ON_NAME},
    },
    ("PUT", "/api/tasks/{task_id}/files/{name:file}"): {("GET", _FILE): _SAME_FILE, ("DELETE", _FILE): _SAME_FILE},
    ("POST", "/api/tasks/{task_id}/trigger"): {to: {"run_id": "$response.body#/data/run_id"} for to in _ON_RUN},
    ("POST", "/tasks/{task_name}/execute/manual"): _ON_EXECUTION,
    ("POST", "/tasks/{task_name}/execute/api"): _ON_EXECUTION,
    ("POST", "/api/runs/{run_id}/restart"): {to: {"run_id": "$response.body#/data/new_run_id"} for to in _ON_RUN},
    ("POST", "/api/webhooks"): {to: {"webhook_id": "$response.body#/data/id"} for to in _ON_WEBHOOK},
    ("POST", "/api/keys"): {("DELETE", "/api/keys/{key_id}"): {"key_id": "$response.body#/data/id"}},
    ("POST", "/api/workers"): {to: {"worker_id": "$response.body#/data/id"} for to in _ON_WORKER},
}
"""Endpoint → what may follow its success, with the parameters that its answer (or its own path) gives."""
_SUCCESSES: Final = {("PUT", "/api/tasks/{task_id}/files/{name:file}"): (HTTPStatus.OK, HTTPStatus.CREATED)}
"""Of those that have several."""


def body_of(method: str, path: str) -> dict[str, Any]:
    """An example of what the endpoint takes, as `openapi_extra`."""
    body = BODIES.get((method, path))
    return {} if body is None else {"requestBody": {"content": {"application/json": {"example": body}}}}


def links_of(method: str, path: str, status: int) -> dict[int, dict[str, Any]]:
    """What may follow, for each status of success."""
    links = {_name(*to): _link(*to, given) for to, given in LINKS.get((method, path), {}).items()}
    statuses = _SUCCESSES.get((method, path), (status,))
    return {int(one): links for one in statuses} if links else {}


def _name(method: str, path: str) -> str:
    """Like `post.api.tasks.task_id.pause`."""
    return ".".join([method.lower(), *(part.strip("{}") for part in path.split("/") if part)])


def _link(method: str, path: str, parameters: dict[str, str]) -> dict[str, Any]:
    pointer = path.replace("~", "~0").replace("/", "~1")
    return {"operationRef": f"#/paths/{pointer}/{method.lower()}", "parameters": parameters}
