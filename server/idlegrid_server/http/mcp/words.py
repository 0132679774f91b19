"""What each tool takes, with words for a model. Ranges and defaults are those of the endpoint that it asks."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from idlegrid_server.core import limits
from idlegrid_server.core.limits import MAX_INT64, MAX_WAIT

MAX_LINES = 1_000
LINES = 200

JobId = Annotated[
    str, Field(min_length=1, max_length=200, description="The job's name, such as `sync_klines_1h`, or its number.")
]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


class Words(BaseModel):
    """Arguments of a tool. What is unknown is refused, so that a misspelt argument is noticed; a number may be a text,
    since models write both.
    """

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, allow_inf_nan=False)


class Page(Words):
    """Which part of a list of the jobs API."""

    search: str | None = Field(default=None, max_length=200, description="Only what has this in it, in any case.")
    limit: int = Field(default=50, ge=1, le=1_000, description="How many to give, at most. Ask for few.")
    offset: int = Field(default=0, ge=0, le=MAX_INT64, description="How many to leave out at the beginning.")


class ListJobs(Page):
    """`datahub_list_jobs`."""

    search: str | None = Field(
        default=None, max_length=200, description="A part of the name, job_type or job_category, in any case."
    )
    order_by: str = Field(
        default="name",
        description="The field to sort by: name, id, job_type, job_category, schedule, interval_seconds, "
        "timeout_seconds, max_instances, enabled, last_run_at, next_run_at, created_at or updated_at.",
    )
    order_desc: bool = Field(default=False, description="Whether the greatest or latest comes first.")


class GetJob(Words):
    """`datahub_get_job`."""

    job_id: JobId


class ListExecutions(Page):
    """`datahub_list_job_executions`."""

    search: str | None = Field(
        default=None,
        max_length=200,
        description="A part of the job's name, or a status: pending, running, success, failed, timeout.",
    )
    order_by: str = Field(
        default="started_at", description="The field to sort by: started_at, completed_at, created_at or id."
    )
    order_desc: bool = Field(default=True, description="Whether the latest comes first.")
    before: str | None = Field(
        default=None, description="Only executions created earlier than this: ISO 8601, in UTC unless it names a zone."
    )
    after: str | None = Field(
        default=None, description="Only executions created from this moment on, such as 2026-01-01T00:00:00Z."
    )


class GetExecutions(ListExecutions):
    """`datahub_get_job_executions`."""

    job_id: JobId
    search: str | None = Field(
        default=None, max_length=200, description="A status: pending, running, success, failed or timeout."
    )


class SubmitCode(Words):
    """`submit_code`."""

    code: str = Field(
        max_length=limits.MAX_CODE_CHARS, description="The whole Python program. What it prints is its result."
    )
    timeout: float = Field(
        default=limits.DEFAULT_TIMEOUT, gt=0, le=limits.MAX_TIMEOUT, description="Seconds after which it is ended."
    )
    cpu: float = Field(default=limits.DEFAULT_CPU, gt=0, le=limits.MAX_CPU, description="Cores it needs.")
    memory: float = Field(
        default=limits.DEFAULT_MEMORY_MB,
        gt=0,
        le=limits.MAX_MEMORY_MB,
        description="MB of memory it needs; with more it is ended.",
    )
    priority: Literal["low", "normal", "high", "critical"] = Field(
        default="normal", description="How urgent it is among all that waits."
    )
    requires: list[Label] = Field(
        default_factory=list, max_length=20, description="Labels that the machine must carry, such as `gpu`."
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="Given to the program, as JSON in the variable IDLEGRID_PARAMETERS."
    )
    min_sandbox: int | None = Field(
        default=None,
        ge=1,
        le=limits.MAX_SANDBOX,
        description="The least isolation of the machine: 1 limits only, 2 no files or network, 3 isolated, "
        "4 isolated and metered by the kernel. Left out: 3.",
    )


class OneRun(Words):
    """`cancel_run`, `explain_wait`."""

    run_id: int = Field(ge=0, le=MAX_INT64, description="The run's number, as submit_code gave it.")


class GetRun(OneRun):
    """`get_run`."""

    wait: float = Field(
        default=0,
        ge=0,
        le=MAX_WAIT,
        description="Seconds to wait for the run's end first; it is answered at once when that comes.",
    )


class TailLog(OneRun):
    """`tail_log`."""

    lines: int = Field(default=LINES, ge=1, le=MAX_LINES, description="How many lines to give, at most.")
    after: int | None = Field(
        default=None,
        ge=-1,
        le=MAX_INT64,
        description="The `last` of the answer before: gives what came since then, instead of the newest lines.",
    )


class ListNodes(Words):
    """`list_nodes`."""

    status: Literal["active", "draining", "offline"] | None = Field(
        default=None, description="Only nodes with this status; left out: all."
    )
