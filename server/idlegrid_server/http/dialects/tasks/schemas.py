"""What the task API takes for tasks and runs. `null` is the same as nothing in a POST, and takes away in a PUT."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.http.dialects.idle.schemas import Wish
from idlegrid_server.http.dialects.nodes.schemas import NO_NUL
from idlegrid_server.http.dialects.tasks import fields as f
from idlegrid_server.http.instants import Instant

PriorityName = Literal["low", "normal", "high", "critical"]
TaskSort = Literal[
    "created_at", "updated_at", "id", "name", "priority", "status", "task_type", "last_run_at", "next_run_at"
]


class _TaskIn(f.Words):
    """What a task may have; what follows `metadata` is our addition."""

    description: f.Text | None = None
    arguments: f.Arguments | None = None
    schedule: f.Short | None = None
    priority: PriorityName | None = None
    retry_count: f.Retries | None = None
    timeout_seconds: f.Timeout | None = None
    dependencies: f.Parents | None = None
    tags: f.Tags | None = None
    metadata: f.Metadata | None = None
    code: f.Code | None = None
    requires: f.Requires | None = None
    resources: f.Resources | None = None
    interval_seconds: f.Interval | None = None
    max_instances: f.Instances | None = None
    job_type: f.Short | None = None
    job_category: f.Short | None = None
    parameters: f.Parameters | None = None
    min_sandbox: f.Level | None = None


class TaskIn(_TaskIn):
    """`POST /api/tasks`."""

    name: f.Name
    task_type: f.TaskType
    executor: f.Executor
    command: f.Command


class TaskChange(_TaskIn):
    """`PUT /api/tasks/{id}`: what is left out stays; these four cannot be taken away."""

    name: f.Name = ""
    task_type: f.TaskType = ""
    executor: f.Executor = ""
    command: f.Command = ""


class TriggerIn(f.Words):
    """`POST /api/tasks/{id}/trigger`: what is left out is the task's."""

    parameters: f.Parameters | None = None
    priority: PriorityName | None = None
    timeout_seconds: f.Timeout | None = None


class PageQuery(BaseModel):
    """Which part of a list."""

    page: int = Field(default=1, ge=1, le=1_000_000)
    size: int = Field(default=20, ge=1, le=200)
    order: Literal["asc", "desc"] = "desc"


class TasksQuery(PageQuery):
    """`GET /api/tasks`."""

    status: Literal["active", "paused", "completed", "failed"] | None = None
    task_type: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = None
    priority: PriorityName | None = None
    search: str = Field(default="", max_length=200, pattern=NO_NUL)
    sort: TaskSort = "created_at"


def _day(value: Any) -> Any:
    """Only as the document writes it: the parser would also take a time, or a number."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise PydanticCustomError("date", "a day is written YYYY-MM-DD")
    return value


Day = Annotated[date, BeforeValidator(_day)]


class RunsQuery(PageQuery):
    """`GET /api/runs`; the days are in UTC, and both included. `search` is a part of the task's name, or a number."""

    status: Literal["pending", "running", "completed", "failed", "aborted"] | None = None
    task_id: int | None = Field(default=None, ge=0, le=MAX_INT64)
    worker_id: Annotated[str, Field(max_length=200, pattern=NO_NUL)] | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    search: str = Field(default="", max_length=200, pattern=NO_NUL)
    submitter: Annotated[str, Field(max_length=200, pattern=NO_NUL)] | None = None
    since: Instant | None = None
    sort: Literal["created_at", "id", "started_at", "completed_at"] = "created_at"


class PreviewIn(Wish):
    """`POST /api/runs/explain`: what `/submit` takes, but the code; here what is unknown is refused."""

    model_config = ConfigDict(extra="forbid")


class LogsQuery(BaseModel):
    """`GET /api/runs/{id}/logs`; with `tail` the newest pieces, and `limit` is nothing."""

    after: int = Field(default=-1, ge=-1, le=MAX_INT64)
    limit: int = Field(default=1_000, ge=1, le=10_000)
    tail: int | None = Field(default=None, ge=1, le=10_000)
