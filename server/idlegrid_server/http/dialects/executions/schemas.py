"""What the execution API takes. Unknown fields of a body are ignored; wrong types are refused."""

from typing import Annotated, Any, Final

from fastapi import Path, Query
from pydantic import Field, StringConstraints

from idlegrid_server.http.dialects.nodes.schemas import NO_NUL, Words
from idlegrid_server.http.dialects.tasks.fields import Parameters

MAX_IDS: Final = 10_000
"""Executions named in one call."""
MAX_NAMES: Final = 1_000
"""Tasks named in one call."""
Id = Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL)]
Name = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL)]

ExecutionId = Annotated[str, Path(max_length=64, pattern=NO_NUL)]
TaskName = Annotated[str, Path(max_length=200, pattern=NO_NUL)]
After = Annotated[str, Query(pattern=r"^([0-9]{1,18}(\.[0-9]{1,18}){3})?$")]
"""A `logsAfter`; numbers that every database holds."""
Limit = Annotated[int, Query(ge=1, le=1_000)]


class ExecuteIn(Words):
    """`POST /tasks/{taskName}/execute/manual|api`."""

    params: Parameters = Field(default_factory=dict[str, Any])


class ByIds(Words):
    """`…/cancel/by-ids`."""

    executionIds: list[Id] = Field(max_length=MAX_IDS)  # noqa: N815 - the document's name


class ByTaskNames(Words):
    """`…/cancel/by-task-names`."""

    taskNames: list[Name] = Field(max_length=MAX_NAMES)  # noqa: N815 - the document's name
