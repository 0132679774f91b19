"""Tasks: what runs are made of, as plain data, and the rules a definition keeps. Times are epoch seconds (UTC)."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.limits import DEFAULT_RETRIES, DEFAULT_TASK_TIMEOUT
from idlegrid_server.core.model import Need, Priority, RunState

GOOD_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
"""A task's name: it stands in paths, so it is neither a number nor a word that a path has."""
TAKEN_NAMES: Final = frozenset({"executions"})
NO_SUCH_FILE: Final = "no_such_file"
"""Reason of a run whose task lacks the file that it is to execute."""
DEPENDENCY: Final = "dependency"
"""Reason of a run that waits for a run of another task."""
DEPENDENCY_FAILED: Final = "dependency_failed"
HTTP_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REQUEST: Final = ("method", "headers", "body")
"""What an http task may say beside its URL."""


class TaskStatus(StrEnum):
    """Where a task stands. The last two say how the latest run of an unscheduled task ended."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"


class Trigger(StrEnum):
    """What caused a run."""

    SUBMIT = "submit"
    """Submitted by itself; it is of no task."""
    MANUAL = "manual"
    API = "api"
    SCHEDULE = "schedule"
    DEPENDENCY = "dependency"
    """Its task's parents completed."""
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a task is due: by a five-field cron line in a time zone, every so many seconds, or never by itself."""

    schedule: str = ""
    interval_seconds: float | None = None
    timezone: str = "UTC"

    @property
    def is_scheduled(self) -> bool:
        """Whether time alone makes it due."""
        return bool(self.schedule) or self.interval_seconds is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """What its author says of a task. Its inline code is kept apart, because it may be long."""

    name: str
    description: str = ""
    executor: str = ""
    """A label for people; it steers nothing."""
    command: str = ""
    arguments: tuple[str, ...] = ()
    timing: Timing = field(default_factory=Timing)
    need: Need = field(default_factory=Need)
    """Also the task's type."""
    priority: Priority = Priority.NORMAL
    retry_limit: int = DEFAULT_RETRIES
    timeout: float = DEFAULT_TASK_TIMEOUT
    dependencies: tuple[int, ...] = ()
    """Ids of tasks that must have completed, ascending."""
    tags: tuple[str, ...] = ()
    metadata: str = "{}"
    """A JSON object as text."""
    parameters: str = "{}"
    """A JSON object as text."""
    max_instances: int = 1
    """Unfinished runs above which a firing is skipped."""
    job_type: str = ""
    job_category: str = ""


@dataclass(slots=True, kw_only=True)
class Task:
    """A task as the record has it. Mutable, but only inside the batch that loaded it."""

    id: int
    definition: TaskDefinition
    submitter: str
    created_at: float
    updated_at: float
    has_code: bool = False
    """Whether it has inline code."""
    status: TaskStatus = TaskStatus.ACTIVE
    next_run_at: float | None = None
    last_run_at: float | None = None
    """When its latest run started."""
    last_run_id: int | None = None
    last_state: RunState | None = None
    """Of its latest run."""
    last_completed_id: int = 0
    """Its latest run that completed; 0 before the first."""
    total_runs: int = 0
    completed_runs: int = 0
    failed_runs: int = 0
    cancelled_runs: int = 0
    unfinished: int = 0
    run_seconds: float = 0.0
    """From start to end, over its completed runs."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.definition.name

    @property
    def expected_seconds(self) -> float | None:
        """How long a run of it takes by experience; None without any."""
        return self.run_seconds / self.completed_runs if self.completed_runs else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """That a task depends on another, with what is known of the parent."""

    task_id: int
    parent_id: int
    parent_name: str
    used_run_id: int
    """The parent's run that last triggered the task; 0 for none."""
    last_completed_id: int
    """The parent's latest run that completed; 0 for none."""
    noted_run_id: int | None
    """Its latest unfinished run, else its latest finished one; None before the first."""
    noted_state: RunState | None

    @property
    def is_satisfied(self) -> bool:
        """Whether a run made now would not have to wait for this parent."""
        return self.noted_state is RunState.COMPLETED

    @property
    def is_new(self) -> bool:
        """Whether the parent has completed since it last triggered the task."""
        return self.last_completed_id > self.used_run_id


@dataclass(frozen=True, slots=True)
class Wait:
    """That a run waits for a run of a parent task; `parent_run_id` is None for the first to come."""

    parent_id: int
    parent_name: str
    parent_run_id: int | None
    parent_state: RunState | None


def check_definition(definition: TaskDefinition, *, has_code: bool) -> None:
    """Raise InvalidInput, with field and rule, for what no task may be, whoever asks for it."""
    name, timing = definition.name, definition.timing
    if not GOOD_NAME.fullmatch(name) or name.isdigit() or name in TAKEN_NAMES:
        words = "1 to 200 letters, digits, `_`, `.` or `-`, not all digits, not `executions`, no `.` or `-` in front"
        raise InvalidInput(f"A task's name is {words}", field="name", rule="pattern", value=name)
    if timing.schedule and timing.interval_seconds is not None:
        words = "A task has a schedule or an interval_seconds, not both"
        raise InvalidInput(words, field="interval_seconds", rule="exclusive", value=timing.interval_seconds)
    if definition.need.task_type == "http":
        _check_http(definition)
    elif has_code and definition.need.task_type != "python":
        raise InvalidInput("Only a python task has inline code", field="code", rule="task_type", value=None)


def _check_http(definition: TaskDefinition) -> None:
    check_request(definition.command, json.loads(definition.metadata), "command", "metadata")


def check_request(url: str, request: Mapping[str, Any], place: str, beside: str) -> None:
    """Raise InvalidInput for what no http task may ask for: the field `place` has the URL, `beside` has the rest."""
    if not _is_address(url):
        words = f"The {place} of an http task is a URL that begins with http:// or https://"
        raise InvalidInput(words, field=place, rule="url", value=url)
    method, headers = request.get("method", "GET"), request.get("headers", {})
    if not isinstance(method, str) or method.upper() not in HTTP_METHODS:
        words = f"The method of an http task is one of {', '.join(HTTP_METHODS)}"
        raise InvalidInput(words, field=f"{beside}.method", rule="enum", value=method)
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        words = "The headers of an http task are an object of texts"
        raise InvalidInput(words, field=f"{beside}.headers", rule="type", value=headers)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def work_of(definition: TaskDefinition) -> str:
    """What a node is told beside code and parameters of a task's runs (`work`)."""
    is_http = definition.need.task_type == "http"
    request = json.loads(definition.metadata) if is_http else None
    return work(definition.command, definition.arguments, request)


def work(command: str, arguments: Sequence[str] = (), request: Mapping[str, Any] | None = None) -> str:
    """What a node is told beside code and parameters, as JSON: command, arguments, and an http task's request."""
    told: dict[str, Any] = {"command": command, "arguments": list(arguments)}
    if request is not None:
        told["request"] = {name: request[name] for name in REQUEST if name in request}
    return json.dumps(told)
