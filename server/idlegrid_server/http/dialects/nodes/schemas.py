"""What nodes send. Unknown fields are ignored, so that nodes and coordinator can be upgraded apart."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from idlegrid_server.core.limits import MAX_CPU, MAX_MEMORY_MB, MAX_SANDBOX
from idlegrid_server.core.model import NodeState, Outcome
from idlegrid_server.http.dialects.nodes.policy import Told

MAX_SLOTS = 1024
Whole = BeforeValidator(lambda value: int(value) if isinstance(value, float) and value.is_integer() else value)
"""In JSON 5.0 is an integer, too."""
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
Seconds = Annotated[float, Field(ge=0, le=1e9)]
"""A span of time: at most thirty years, so that sums stay finite."""
When = Annotated[float, Field(ge=0, le=253_402_300_799)]
"""A point in time: at most the year 9999, the last that a date can show."""
NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text knows no NUL."""
Reason = Annotated[str, StringConstraints(max_length=100, pattern=NO_NUL)]
RunName = Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1), Whole]
Level = Annotated[int, Field(ge=0, le=MAX_SANDBOX), Whole]
Slots = Annotated[int, Field(ge=0, le=MAX_SLOTS), Whole]
Offset = Annotated[int, Field(ge=-86_400, le=86_400), Whole]
"""A clock's seconds east of UTC."""
Percent = Annotated[float, Field(ge=0, le=1e6)]
Cores = Annotated[float, Field(ge=0, le=MAX_CPU)]
Megabytes = Annotated[int, Field(ge=0, le=MAX_MEMORY_MB), Whole]


class Words(BaseModel):
    """A number is a number, a text a text; numbers are finite; anything unknown is ignored."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class UsageIn(Words):
    """Seconds, MB, and the most processes at once."""

    cpu_seconds: Seconds = 0.0
    wall_seconds: Seconds = 0.0
    max_memory_mb: Annotated[float, Field(ge=0, le=MAX_MEMORY_MB)] = 0.0
    processes: Count = 0


Quantity = Annotated[float, Field(ge=0, le=1e9)]
Point = Annotated[list[Quantity], Field(min_length=4, max_length=4)]
"""Seconds since an attempt began, CPU seconds until then, MB and processes at that time."""
Points = Annotated[list[Point], Field(max_length=60)]


class LogIn(Words):
    """A piece of output."""

    seq: Count
    time: When
    stream: Literal["stdout", "stderr"] = "stdout"
    text: str


class ResourcesIn(Words):
    """What a node offers."""

    cpu_cores: Cores = 1.0
    memory_mb: Megabytes = 0


class LoadIn(Words):
    """What a node's machine is doing."""

    cpu_percent: Percent = 0.0
    memory_percent: Percent = 0.0


class SandboxIn(Words):
    """How well a node shuts work in."""

    level: Level = 0
    backend: Reason = ""
    version: Reason = ""
    kernel: Reason = ""
    metering: Reason = ""
    reason: Annotated[str, StringConstraints(max_length=4000, pattern=NO_NUL)] = ""
    remedy: Annotated[str, StringConstraints(max_length=4000, pattern=NO_NUL)] = ""
    tested_at: When | None = None
    passed: Count = 0
    checks: Count = 0


class HeldIn(Words):
    """An attempt that the node holds."""

    run: RunName
    lease_id: Hex
    state: Literal["running", "frozen", "stopping"] = "running"
    usage: UsageIn = Field(default_factory=UsageIn)
    usage_points: Points = Field(default_factory=list)
    logs: list[LogIn] = Field(default_factory=list, max_length=1000)


class PolicyIn(Words):
    """An owner's policy, and what of the operator's wishes it does not take."""

    values: Told = Field(default_factory=dict)
    refused: Annotated[str, StringConstraints(max_length=4000, pattern=NO_NUL)] = ""


class ReclaimIn(Words):
    """An owner took the machine back."""

    at: When
    reason: Reason
    signal: Reason = ""
    frozen_s: Seconds | None = None
    memory_s: Seconds | None = None
    memory_mb: Annotated[float, Field(ge=0, le=MAX_MEMORY_MB)] = 0.0
    outcome: Literal["thawed", "evicted", "ended"]


class JoinIn(Words):
    """`POST /internal/join`."""

    node_id: Name


class HeartbeatIn(Words):
    """`POST /internal/heartbeat`."""

    node_id: Name
    status: Annotated[NodeState, Field(strict=False)] | None = None
    reason: Reason | None = None
    hostname: Annotated[str, StringConstraints(max_length=255, pattern=NO_NUL)] | None = None
    pid: Count | None = None
    version: Annotated[str, StringConstraints(max_length=50, pattern=NO_NUL)] | None = None
    python: Annotated[str, StringConstraints(max_length=20, pattern=NO_NUL)] | None = None
    profile: Annotated[str, StringConstraints(max_length=50, pattern=NO_NUL)] | None = None
    slots: Slots | None = None
    task_types: list[Label] | None = Field(default=None, max_length=50)
    joins: bool = False
    labels: list[Label] | None = Field(default=None, max_length=100)
    resources: ResourcesIn | None = None
    current_load: LoadIn | None = None
    sandbox: SandboxIn | None = None
    utc_offset: Offset | None = None
    policy: PolicyIn | None = None
    attempts: list[HeldIn] = Field(default_factory=list, max_length=MAX_SLOTS)
    reclaims: list[ReclaimIn] = Field(default_factory=list, max_length=100)


class NextIn(Words):
    """Room for more work."""

    slots: Slots = 1
    cpu: Cores | None = None
    memory: Megabytes | None = None


class ReportIn(Words):
    """How one attempt ended."""

    run: RunName
    lease_id: Hex
    outcome: Annotated[Outcome, Field(strict=False)]
    reason: Reason = ""
    result: str | None = None
    error: str | None = None
    exit_code: Annotated[int, Field(ge=-(2**31), le=2**31 - 1), Whole] | None = None
    truncated: bool = False
    usage: UsageIn = Field(default_factory=UsageIn)
    usage_points: Points = Field(default_factory=list)
    sandbox: Level | None = None
    logs: list[LogIn] = Field(default_factory=list, max_length=10_000)


class ReportsIn(Words):
    """`POST /internal/result`: many reports, or one flat."""

    node_id: Name
    results: list[ReportIn] = Field(max_length=50)
    next: NextIn | None = None
    flat: SkipJsonSchema[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _wrap(cls, words: Any) -> Any:
        if not isinstance(words, dict):
            return words
        if "results" in words:
            return {**words, "flat": False}
        return {"node_id": words.get("node_id"), "next": words.get("next"), "results": [words], "flat": True}
