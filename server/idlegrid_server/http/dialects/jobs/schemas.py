"""What the jobs API takes, and what its answers hold. The answers' models only describe: `translate` makes them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.http.dialects.nodes.schemas import NO_NUL
from idlegrid_server.http.instants import Instant

JobSort = Literal[
    "name",
    "id",
    "job_type",
    "job_category",
    "schedule",
    "interval_seconds",
    "timeout_seconds",
    "max_instances",
    "enabled",
    "last_run_at",
    "next_run_at",
    "created_at",
    "updated_at",
]
ExecutionSort = Literal["started_at", "completed_at", "created_at", "id"]


class _ListQuery(BaseModel):
    """Which part of a list."""

    search: str = Field(default="", max_length=200, pattern=NO_NUL)
    limit: int = Field(default=50, ge=1, le=1_000)
    offset: int = Field(default=0, ge=0, le=MAX_INT64)


class JobsQuery(_ListQuery):
    """`GET /api/v1/jobs`."""

    order_by: JobSort = "name"
    order_desc: bool = False


class ExecutionsQuery(_ListQuery):
    """`GET /api/v1/jobs/executions`, also of one job; without a zone a time is in UTC."""

    order_by: ExecutionSort = "started_at"
    order_desc: bool = True
    before: Instant | None = None
    after: Instant | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Job(_Answer):
    """A task."""

    id: str
    job_type: str
    name: str
    job_category: str | None
    description: str
    schedule_type: Literal["cron", "interval"] | None
    schedule: str | None
    interval_seconds: float | None
    parameters: dict[str, Any]
    timeout_seconds: float
    max_instances: int
    enabled: bool
    last_run_at: datetime | None
    next_run_at: datetime | None
    created_at: datetime
    updated_at: datetime


class JobExecution(_Answer):
    """A run; of one that was submitted by itself job and name are null."""

    id: str
    job_id: str | None
    job_name: str | None
    status: Literal["PENDING", "RUNNING", "SUCCESS", "FAILURE", "TIMEOUT"]
    started_at: datetime | None
    completed_at: datetime | None
    duration_ms: int | None
    result: dict[str, Any] | None
    error: str | None
    trace_id: str | None
    worker_id: str | None
    parameters_snapshot: dict[str, Any]
    created_at: datetime


class Pagination(_Answer):
    """Where in a list the answer lies."""

    page: int
    page_size: int
    total: int
    total_pages: int
    has_next: bool
    has_prev: bool


class JobPage(_Answer):
    """Some of the jobs."""

    data: list[Job]
    pagination: Pagination


class ExecutionPage(_Answer):
    """Some of the executions."""

    data: list[JobExecution]
    pagination: Pagination
