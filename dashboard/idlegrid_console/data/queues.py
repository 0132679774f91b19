"""Queues and waiting times as rows and words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from idlegrid_console.data.system import megabytes
from idlegrid_console.data.text import duration, one_line
from idlegrid_console.texts import PRIORITY, TASK_TYPE, _, name

Queue = Mapping[str, Any]
"""A queue as `GET /api/system/queues` answers it."""

COLUMNS = ("served", "priority", "needs", "waiting", "executing", "oldest", "able", "taking")
WAIT_COLUMNS = ("priority", "needs", "started", "p50", "p95")

MOST_ROWS = 200
"""Queues that the table shows: with lanes there may be thousands, and the first are those that matter."""

_CLASS = re.compile(r"(?P<cpu>[\d.]+) cores?, (?P<memory>\d+) MB(?:, (?P<labels>.+))?")
"""A class of needs in the coordinator's words: `1 core, 512 MB, gpu+lab`."""


class Unserved(NamedTuple):
    """A queue with waiting runs that no node could take: what it asks for, how many wait, the oldest of them."""

    needs: str
    waiting: int
    run_id: int | None


class Totals(NamedTuple):
    """Runs that wait and that nodes hold, and how many seconds the oldest has waited (None: none waits)."""

    waiting: int | None
    executing: int
    oldest: float | None


def served(queue: Queue) -> str:
    """Whether nodes serve a queue, as a code of `system_texts.QUEUE_SERVED`."""
    if not queue.get("able"):
        return "unserved"
    return "served" if queue.get("taking") or not queue.get("pending") else "held"


def stuck(queue: Queue) -> bool:
    """Whether runs wait in it that no node could ever take."""
    return bool(queue.get("pending")) and served(queue) == "unserved"


def table(queues: Iterable[Queue]) -> pd.DataFrame:
    """One row per queue: those that no node can serve first, then by how long their oldest run has waited.

    `served` is a list of one, which the table draws as a coloured label.
    """
    ordered = sorted(queues, key=lambda queue: (not stuck(queue), -(queue.get("oldest_seconds") or 0.0)))
    return pd.DataFrame([_row(queue) for queue in ordered[:MOST_ROWS]], columns=list(COLUMNS))


def _row(queue: Queue) -> dict[str, Any]:
    return {
        "served": [served(queue)],
        "priority": name(queue.get("priority"), PRIORITY),
        "needs": needs(queue),
        "waiting": queue.get("pending"),
        "executing": queue.get("executing"),
        "oldest": waited(queue.get("oldest_seconds")),
        "able": queue.get("able"),
        "taking": queue.get("taking"),
    }


def needs(queue: Queue) -> str:
    """What a queue's runs ask of a node: `Python, 1 core, 512 MB, sandbox 3, labels gpu + lab`."""
    parts = [name(queue.get("task_type"), TASK_TYPE), _cores(queue.get("cpu")), megabytes(queue.get("memory"))]
    if level := queue.get("min_sandbox"):
        parts.append(_("sandbox {level} or better").format(level=level))
    if labels := queue.get("requires"):
        parts.append(_("labels {labels}").format(labels=" + ".join(one_line(label, 60) for label in labels)))
    return ", ".join(part for part in parts if part)


def _cores(cpu: float | None) -> str:
    if cpu is None:
        return ""
    return _("1 core") if cpu == 1 else _("{cores:g} cores").format(cores=cpu)


def class_needs(of: str) -> str:
    """The same for a class in the coordinator's words; what is said otherwise is shown as it is."""
    if (found := _CLASS.fullmatch(of)) is None:
        return one_line(of)
    labels = found["labels"].split("+") if found["labels"] else []
    return needs({"cpu": float(found["cpu"]), "memory": float(found["memory"]), "requires": labels})


def unserved(queues: Iterable[Queue]) -> list[Unserved]:
    """The queues with waiting runs that no node could take, the fullest first."""
    found = [Unserved(needs(queue), int(queue["pending"]), queue.get("oldest_run")) for queue in queues if stuck(queue)]
    return sorted(found, key=lambda one: -one.waiting)


def reason(told: str | None) -> str:
    """Why no node takes it, as far as the coordinator has told."""
    return one_line(told or _("No node that is there offers all of this."), 400)


def waits(answer: Mapping[str, Any]) -> pd.DataFrame:
    """One row per priority and class: how many runs started, and the p50 and p95 of their waits in seconds."""
    ordered = sorted(answer.get("waits") or [], key=lambda wait: -(wait.get("p95") or 0.0))
    rows = [
        {
            "priority": name(wait.get("priority"), PRIORITY),
            "needs": class_needs(str(wait.get("class") or "")),
            **{column: wait.get(column) for column in ("started", "p50", "p95")},
        }
        for wait in ordered[:MOST_ROWS]
    ]
    return pd.DataFrame(rows, columns=list(WAIT_COLUMNS))


def totals(answer: Mapping[str, Any]) -> Totals:
    """The sums over all queues of the answer."""
    queues: Sequence[Queue] = answer.get("queues") or []
    ages = [queue["oldest_seconds"] for queue in queues if queue.get("oldest_seconds") is not None]
    executing = sum(queue.get("executing") or 0 for queue in queues)
    return Totals(answer.get("waiting"), executing, max(ages, default=None))


def waited(seconds: float | None) -> str:
    """How long something has waited, without the fractions that only flicker; a dash for None."""
    return duration(None if seconds is None else int(seconds))
