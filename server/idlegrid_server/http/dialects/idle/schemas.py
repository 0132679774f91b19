"""What the idle API takes. Unknown fields are ignored; wrong types and ranges are refused."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from idlegrid_server.core import limits
from idlegrid_server.http.dialects.tasks.fields import MAX_METADATA_BYTES, in_bytes, plain

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


class Words(BaseModel):
    """Strict: a number is a number, a text a text."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class Resources(Words):
    """Cores and MB."""

    cpu: float = Field(default=limits.DEFAULT_CPU, gt=0, le=limits.MAX_CPU)
    memory: float = Field(default=limits.DEFAULT_MEMORY_MB, gt=0, le=limits.MAX_MEMORY_MB)


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class RequestIn(Words):
    """What an http task asks for beside its URL; without a method it is a GET, and with a body a POST."""

    method: Annotated[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], BeforeValidator(_upper)] = (
        Field(default="GET")
    )
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None


def _small(given: RequestIn) -> RequestIn:
    in_bytes(plain(given.model_dump(exclude_unset=True)), MAX_METADATA_BYTES)
    return given


Request = Annotated[RequestIn, AfterValidator(_small)]
"""No larger than a task's, which stands in its metadata."""


class Coded(Words):
    """What `/submit` cannot do without."""

    code: str


class Wish(Words):
    """What a run may ask for; what follows `resources` is our addition."""

    timeout: float = Field(default=limits.DEFAULT_TIMEOUT, gt=0, le=limits.MAX_TIMEOUT)
    resources: Resources = Field(default_factory=Resources)
    priority: Literal["low", "normal", "high", "critical"] = "normal"
    requires: list[Label] = Field(default_factory=list, max_length=20)
    parameters: dict[str, Any] = Field(default_factory=dict)
    min_sandbox: int | None = Field(default=None, ge=1, le=limits.MAX_SANDBOX)
    # Where these say nothing an Idempotency-Key is tied to the same words as before they were there.
    task_type: Literal["python", "shell", "http"] = Field(default="python", exclude_if=lambda kind: kind == "python")
    request: Request | None = Field(default=None, exclude_if=lambda request: request is None)
    retry_count: int = Field(default=0, ge=0, le=limits.MAX_RETRIES, exclude_if=lambda count: count == 0)


class SubmitIn(Wish, Coded):
    """`POST /submit`."""


class SubmitManyIn(Words):
    """`POST /submit_many`."""

    tasks: list[SubmitIn] = Field(min_length=1, max_length=limits.MAX_BATCH)


class ResultIn(Words):
    """`POST /submit_result`, from a legacy worker."""

    task_id: int
    result: str
    error: str | None = None
    lease_id: str | None = None
