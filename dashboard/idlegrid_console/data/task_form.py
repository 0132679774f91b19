"""The form of a task: from the coordinator's fields to what stands in the form, and back."""

import json
from collections.abc import Mapping
from typing import Any

from idlegrid_console.data import syntax
from idlegrid_console.texts import _, n_

Draft = Mapping[str, Any]
"""What stands in the form, by the names of `BLANK`."""

CODE = """\
import idlegrid

print(idlegrid.parameters())
"""
"""What the editor of a new task holds: short, and it shows where parameters come from."""

BLANK: Draft = {
    "name": "", "description": "", "task_type": "python", "source": "code", "code": CODE, "command": "",
    "arguments": "", "due": "never", "schedule": "", "interval": 3600.0, "zone": "UTC", "priority": "normal",
    "retry_count": 3, "timeout": 3600.0, "max_instances": 1, "dependencies": "", "tags": "", "parameters": "",
    "requires": "", "cpu": 1.0, "memory": 512.0, "min_sandbox": 0, "metadata": "", "job_type": "", "job_category": "",
}  # fmt: skip
"""The form of a new task; numbers are the task API's defaults, times in seconds, memory in MB."""

FIELD = {
    "name": n_("Name"),
    "description": n_("Description"),
    "task_type": n_("Type"),
    "code": n_("Code"),
    "command": n_("Command"),
    "arguments": n_("Arguments"),
    "schedule": n_("Schedule"),
    "interval_seconds": n_("Interval"),
    "priority": n_("Priority"),
    "retry_count": n_("Retries"),
    "timeout_seconds": n_("Time limit"),
    "max_instances": n_("Runs at a time"),
    "dependencies": n_("Depends on"),
    "tags": n_("Tags"),
    "parameters": n_("Parameters"),
    "requires": n_("Labels"),
    "resources": n_("Resources"),
    "min_sandbox": n_("Sandbox"),
    "headers": n_("Headers"),
    "job_type": n_("Job type"),
    "job_category": n_("Category"),
    "metadata": n_("Metadata"),
    "metadata.timezone": n_("Time zone"),
}
"""The words for the wire's fields, as they stand at the form."""


class WrongField(ValueError):
    """A field of the form that cannot be sent as it is: `field` is the wire's name."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(field, problem)
        self.field = field
        self.problem = problem


def draft_of(task: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the form of a task that is there: `task` is the answer of `GET /api/tasks/{id}`."""
    metadata = dict(task.get("metadata") or {})
    zone = metadata.pop("timezone", None) or task.get("timezone")
    asked = task.get("resources") or {}
    given = {
        "source": "code" if task.get("code") else "file",
        "due": "cron" if task.get("schedule") else "interval" if task.get("interval_seconds") else "never",
        "code": task.get("code") or "",
        "arguments": _lines(task.get("arguments") or []),
        "interval": _float(task.get("interval_seconds")),
        "zone": zone,
        "timeout": _float(task.get("timeout_seconds")),
        "parameters": _json(task.get("parameters")),
        "metadata": _json(metadata),
        "cpu": _float(asked.get("cpu")),
        "memory": _float(asked.get("memory")),
        **{name: ", ".join(map(str, task.get(name) or [])) for name in ("dependencies", "tags", "requires")},
    }
    same = ("name", "description", "task_type", "command", "schedule", "priority", "retry_count", "max_instances",
            "min_sandbox", "job_type", "job_category")  # fmt: skip
    known = {name: task.get(name) for name in same} | given
    return {name: BLANK[name] if known.get(name) is None else known[name] for name in BLANK}


def body_of(draft: Draft) -> dict[str, Any]:
    """The body of `POST /api/tasks`: every field, None for those it has not. Raises WrongField."""
    kind = str(draft["task_type"] or "").strip()
    inline = kind == "python" and draft["source"] == "code"
    return {
        "name": draft["name"].strip(),
        "description": draft["description"],
        "task_type": kind,
        "executor": kind,
        "command": draft["command"].strip() or (kind if inline else ""),
        "code": draft["code"] if inline else None,
        "arguments": _arguments(draft["arguments"]),
        "schedule": draft["schedule"].strip() if draft["due"] == "cron" else None,
        "interval_seconds": _whole(draft["interval"]) if draft["due"] == "interval" else None,
        "priority": draft["priority"],
        "retry_count": draft["retry_count"],
        "timeout_seconds": _whole(draft["timeout"]),
        "max_instances": draft["max_instances"],
        "dependencies": draft["dependencies"].replace(",", " ").split(),
        "tags": [tag.strip() for tag in draft["tags"].split(",") if tag.strip()],
        "parameters": json_object("parameters", draft["parameters"]),
        "requires": draft["requires"].replace(",", " ").split(),
        "resources": {"cpu": _whole(draft["cpu"]), "memory": _whole(draft["memory"])},
        "min_sandbox": draft["min_sandbox"] or None,
        "job_type": draft["job_type"].strip() or None,
        "job_category": draft["job_category"].strip() or None,
        "metadata": _metadata(draft),
    }


def changes(task: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    """The body of `PUT /api/tasks/{id}`: what the draft changes of the task as it was when the form was opened."""
    before, after = body_of(draft_of(task)), body_of(draft)
    return {name: value for name, value in after.items() if value != before[name]}


def json_object(field: str, text: str) -> dict[str, Any]:
    """The text as an object; {} for none. Raises WrongField when it is something else."""
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongField(field, _("this is not JSON: {error}").format(error=error)) from error
    if not isinstance(value, dict):
        raise WrongField(field, _('this is JSON, but not an object: write {"name": value}'))
    return value


def syntax_error(code: str) -> str | None:
    """What is wrong with Python code, with the line; None when nothing is, or this Python cannot tell."""
    problem = syntax.find(code)
    if problem is None:
        return None
    doubt = _("save again to send it all the same")
    return f"{problem}: {problem.text.strip()}; {doubt}" if problem.text.strip() else f"{problem}; {doubt}"


def _metadata(draft: Draft) -> dict[str, Any]:
    """The metadata with the schedule's time zone in it, where the task API has that; UTC goes without saying."""
    metadata = json_object("metadata", draft["metadata"])
    return metadata if draft["zone"] in ("", "UTC", None) else {**metadata, "timezone": draft["zone"]}


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _whole(value: float) -> float:
    """Without a point where it needs none."""
    return int(value) if value == int(value) else value


def _json(value: Mapping[str, Any] | None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) if value else ""


def _lines(arguments: list[str]) -> str:
    """One argument per line; as a JSON list those that would not come back as they are."""
    text = "\n".join(arguments)
    plain = all(line.strip() and line.splitlines() == [line] for line in arguments)
    return text if plain and not text.lstrip().startswith("[") else json.dumps(arguments, ensure_ascii=False)


def _arguments(text: str) -> list[str]:
    """The arguments of the lines; a JSON list is taken as that. Raises WrongField for one that is broken."""
    if not text.lstrip().startswith("["):
        return [line for line in text.splitlines() if line.strip()]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongField("arguments", _("this is not JSON: {error}").format(error=error)) from error
    if not all(isinstance(item, str) for item in value):
        raise WrongField("arguments", _("a JSON list of arguments has texts only"))
    return list(value)
