"""From the task API's words for tasks to the core's. Pure."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from idlegrid_server.core.commands.firing import TriggerWish
from idlegrid_server.core.commands.tasks import KEEP, Keep
from idlegrid_server.core.definitions import TaskDefinition, Timing
from idlegrid_server.core.model import Need, Priority
from idlegrid_server.core.queries import TaskFilter
from idlegrid_server.http.dialects.tasks.fields import MetadataIn, Resources
from idlegrid_server.http.dialects.tasks.schemas import TaskChange, TaskIn, TasksQuery, TriggerIn

Given = TaskIn | TaskChange
BLANK: Final = TaskDefinition(name="")
"""What a value becomes that is taken away."""


def _priority(name: str) -> Priority:
    return Priority[name.upper()]


def _unique(labels: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(labels))


def metadata_of(given: MetadataIn | None) -> dict[str, Any]:
    """The object as it was given; whole numbers stay whole."""
    return {} if given is None else {name: number(v) for name, v in given.model_dump(exclude_unset=True).items()}


def number(value: Any) -> Any:
    """A number of seconds without a point where it needs none; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


PLAIN: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "name": ("name", str),
    "description": ("description", str),
    "executor": ("executor", str),
    "command": ("command", str),
    "arguments": ("arguments", tuple),
    "priority": ("priority", _priority),
    "retry_count": ("retry_limit", int),
    "timeout_seconds": ("timeout", float),
    "tags": ("tags", _unique),
    "metadata": ("metadata", lambda given: json.dumps(metadata_of(given))),
    "parameters": ("parameters", json.dumps),
}
"""Field → where the definition has it, and how."""
HINTS: Final[Mapping[str, Callable[[TaskDefinition], Any]]] = {
    "interval_seconds": lambda of: of.timing.interval_seconds,
    "max_instances": lambda of: of.max_instances,
    "job_type": lambda of: of.job_type,
    "job_category": lambda of: of.job_category,
    "timezone": lambda of: of.timing.timezone,
}
"""Fields that may come inside `metadata`, too, and what a definition has for them."""


def definition(words: TaskIn) -> TaskDefinition:
    """A new task."""
    return changed(BLANK, words)


def edit(words: TaskChange) -> Callable[[TaskDefinition], TaskDefinition]:
    """What the words make of a task that is there."""
    return partial(changed, words=words)


def changed(old: TaskDefinition, words: Given) -> TaskDefinition:
    """The definition with what the words say; what they are silent about stays."""
    hints = _hints(old, words)
    timing = Timing(
        schedule=(words.schedule or "") if "schedule" in words.model_fields_set else old.timing.schedule,
        interval_seconds=hints.pop("interval_seconds"),
        timezone=hints.pop("timezone") or BLANK.timing.timezone,
    )
    return replace(old, **_plain(words), **hints, timing=timing, need=_need(old.need, words))


def _plain(words: Given) -> dict[str, Any]:
    given = {name: getattr(words, name) for name in PLAIN if name in words.model_fields_set}
    return {
        PLAIN[name][0]: getattr(BLANK, PLAIN[name][0]) if value is None else PLAIN[name][1](value)
        for name, value in given.items()
    }


def _hints(old: TaskDefinition, words: Given) -> dict[str, Any]:
    before = json.loads(old.metadata)
    after = metadata_of(words.metadata) if "metadata" in words.model_fields_set else None
    return {name: _hint(name, read(old), words, before, after) for name, read in HINTS.items()}


def _hint(name: str, now: Any, words: Given, before: Mapping[str, Any], after: Mapping[str, Any] | None) -> Any:
    """What is said at the top wins; what came from metadata that is replaced goes with it."""
    said = getattr(words, name, None)
    inside = None if after is None else after.get(name)
    if said is not None or inside is not None:
        return inside if said is None else said
    went = after is not None and name in before and before[name] == now
    return HINTS[name](BLANK) if went or name in words.model_fields_set else now


def _need(old: Need, words: Given) -> Need:
    given = words.model_fields_set
    if "task_type" in given:
        old = replace(old, task_type=words.task_type)
    if "requires" in given:
        old = replace(old, requires=tuple(sorted(set(words.requires or ()))))
    if "resources" in given:
        room = words.resources or Resources()
        old = replace(old, cpu=room.cpu, memory_mb=math.ceil(room.memory))
    return replace(old, min_sandbox=words.min_sandbox) if "min_sandbox" in given else old


def made_code(words: TaskIn) -> str | None:
    """The inline code of a new task."""
    return words.code or None


def code(words: TaskChange) -> str | Keep | None:
    """The inline code; nothing when it is taken away."""
    return (words.code or None) if "code" in words.model_fields_set else KEEP


def parents(words: Given) -> list[str] | None:
    """The tasks it depends on, as they were written; None leaves them as they are."""
    return (words.dependencies or []) if "dependencies" in words.model_fields_set else None


def new_name(words: TaskChange) -> str | None:
    """The name it is given."""
    return words.name if "name" in words.model_fields_set else None


def wish(words: TriggerIn, submitter: str, trace_id: str) -> TriggerWish:
    """A run by hand."""
    return TriggerWish(
        parameters=None if words.parameters is None else json.dumps(words.parameters),
        priority=None if words.priority is None else _priority(words.priority),
        timeout=words.timeout_seconds,
        submitter=submitter,
        trace_id=trace_id,
    )


def tasks_wanted(query: TasksQuery) -> TaskFilter:
    """Which tasks a list shows."""
    return TaskFilter(
        status=query.status,
        task_type=query.task_type,
        priority=None if query.priority is None else _priority(query.priority).value,
        search=query.search,
        sort=query.sort,
        descending=query.order == "desc",
        offset=(query.page - 1) * query.size,
        size=query.size,
    )
