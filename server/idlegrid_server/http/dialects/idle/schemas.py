"""What the idle API takes. Unknown fields are ignored; wrong types and ranges are refused."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from idlegrid_server.core import limits

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


class Words(BaseModel):
    """Strict: a number is a number, a text a text."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class Resources(Words):
    """Cores and MB."""

    cpu: float = Field(default=limits.DEFAULT_CPU, gt=0, le=limits.MAX_CPU)
    memory: float = Field(default=limits.DEFAULT_MEMORY_MB, gt=0, le=limits.MAX_MEMORY_MB)


class SubmitIn(Words):
    """`POST /submit`; what follows `resources` is our addition."""

    code: str
    timeout: float = Field(default=limits.DEFAULT_TIMEOUT, gt=0, le=limits.MAX_TIMEOUT)
    resources: Resources = Field(default_factory=Resources)
    priority: Literal["low", "normal", "high", "critical"] = "normal"
    requires: list[Label] = Field(default_factory=list, max_length=20)
    parameters: dict[str, Any] = Field(default_factory=dict)
    min_sandbox: int | None = Field(default=None, ge=1, le=limits.MAX_SANDBOX)


class SubmitManyIn(Words):
    """`POST /submit_many`."""

    tasks: list[SubmitIn] = Field(min_length=1, max_length=limits.MAX_BATCH)


class ResultIn(Words):
    """`POST /submit_result`, from a legacy worker."""

    task_id: int
    result: str
    error: str | None = None
    lease_id: str | None = None
