"""What the coordinators logged: as rows, as text and CSV to keep, and where a line leads."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from idlegrid.display import visible
from idlegrid_console.data.clock import age
from idlegrid_console.data.text import moment, one_line

Entry = Mapping[str, Any]
"""A line of `GET /api/system/logs`: `timestamp`, `level`, `service`, `message`, `metadata`."""

COLUMNS = ("time", "age", "level", "service", "message", "trace")

_FORMULA = ("=", "+", "-", "@", "\t")
"""What a spreadsheet takes for a formula at the beginning of a cell (OWASP, CSV injection)."""

_PATH = re.compile(r"/api(?:/v1)?/(runs|tasks|webhooks)/(\d{1,18})(?:/|$)")
_PAGES = {"run": "run", "run_id": "run", "task": "task", "task_id": "task", "webhook_id": "webhook"}
"""Which of the metadata's words are ids of what has a page here."""


def table(entries: Iterable[Entry], now: datetime) -> pd.DataFrame:
    """One row per line, in their order; `level` is a list of one, which the table draws as a coloured label."""
    frame = pd.DataFrame([_row(entry, now) for entry in entries], columns=list(COLUMNS))
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    return frame


def _row(entry: Entry, now: datetime) -> dict[str, Any]:
    time = moment(entry.get("timestamp"))
    return {
        "time": time,
        "age": "" if time is None else age(time, now),
        "level": [one_line(entry.get("level") or "", 20)],
        "service": one_line(entry.get("service") or "", 40),
        "message": one_line(entry.get("message") or "", 400),
        "trace": one_line(trace(entry)),
    }


def trace(entry: Entry) -> str:
    """What caused the line: the id that all lines of that request or firing share; empty for none."""
    return str((entry.get("metadata") or {}).get("trace_id") or "")


def leads(entry: Entry) -> list[tuple[str, int]]:
    """What the line speaks of and has a page: `run`, `task` or `webhook`, with its number, each once."""
    metadata = entry.get("metadata") or {}
    named = [(_PAGES[word], value) for word, value in metadata.items() if word in _PAGES and isinstance(value, int)]
    pathed = [(kind[:-1], int(number)) for kind, number in _PATH.findall(str(metadata.get("path") or ""))]
    return list(dict.fromkeys(named + pathed))


def details(entry: Entry) -> str:
    """The line's metadata as JSON, made safe to look at."""
    return visible(json.dumps(entry.get("metadata") or {}, ensure_ascii=False, indent=2))


def since(span: float | None, now: datetime) -> datetime | None:
    """From when on lines are shown that are so many seconds old at most, by the whole minute: answers can be shared."""
    return None if span is None else now.replace(second=0, microsecond=0) - timedelta(seconds=span)


def position(entries: Sequence[Entry], chosen: Entry | None) -> list[int]:
    """The row of the chosen line as a list of one, or an empty list when it is not among them."""
    return [] if chosen is None else [index for index, entry in enumerate(entries) if entry == chosen][:1]


def as_text(entries: Iterable[Entry]) -> str:
    """One line each: time (UTC), level, service, message, metadata."""
    return "".join(f"{' '.join(_fields(entry))}\n" for entry in entries)


def as_csv(entries: Iterable[Entry]) -> str:
    """The same as a table (RFC 4180), with a heading; no cell of it is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("time", "level", "service", "message", "metadata"))
    writer.writerows([_harmless(field) for field in _fields(entry)] for entry in entries)
    return out.getvalue()


def _fields(entry: Entry) -> list[str]:
    time = moment(entry.get("timestamp"))
    clock = "-" if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds")
    said = [one_line(entry.get(word) or "-", 2_000) for word in ("level", "service", "message")]
    return [clock, *said, visible(json.dumps(entry.get("metadata") or {}, ensure_ascii=False))]


def _harmless(field: str) -> str:
    return f"'{field}" if field.startswith(_FORMULA) else field


def message(entry: Entry) -> str:
    """What was said, whole, made safe to look at."""
    return visible(entry.get("message") or "–")
