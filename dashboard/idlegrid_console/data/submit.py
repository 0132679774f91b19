"""What is submitted: from what stands on the page to what is sent, and what the grid says to it beforehand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idlegrid import Explanation
from idlegrid_console.data import runs
from idlegrid_console.data.examples import EXAMPLES, Example
from idlegrid_console.data.task_form import WrongField, json_object
from idlegrid_console.data.text import one_line
from idlegrid_console.data.waiting import LONGEST
from idlegrid_console.texts import _

LONGEST_CODE = 10_000
"""The coordinator's limit for code that is submitted by itself, in characters."""

MOST_BYTES = 10 * 2**20
"""The coordinator's limit for all the files of a task."""

KINDS = ("python", "shell", "http")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")

SCRIPTS = {".py": "python", ".sh": "shell"}
"""By a file's ending: what opens in the editor, and as what."""

Draft = Mapping[str, Any]
"""What stands on the page, by the names of `BLANK`."""

BLANK: Draft = {
    "kind": "python", "code": EXAMPLES["hello"].text, "url": "", "method": "GET", "headers": "", "body": "",
    "parameters": "", "timeout": 300.0, "cpu": 1.0, "memory": 512, "priority": "normal", "retry_count": 0,
    "requires": "", "min_sandbox": 0,
}  # fmt: skip
"""A page that nobody has touched; seconds, cores and MB are the defaults of `/submit`."""

EDITED = ("kind", "code", "url", "method", "headers", "body", "parameters")
"""What an example or an opened file replaces: the work itself, not what it needs."""


class WrongFile(ValueError):
    """A file that cannot be taken; its text is a sentence for people."""


def started_from(example: Example) -> dict[str, Any]:
    """What stands in the editor when somebody starts from this example."""
    text = "url" if example.kind == "http" else "code"
    blank = {field: BLANK[field] for field in EDITED} | {"code": ""}
    return {**blank, "kind": example.kind, text: example.text, "parameters": example.parameters}


def is_own(draft: Draft) -> bool:
    """Whether the editor holds anything that somebody wrote, and would miss."""
    edited = {field: draft[field] for field in EDITED}
    known = [{**started_from(example), "code": example.text} for example in EXAMPLES.values()]
    empty = {**edited, "code": "", "url": "", "headers": "", "body": "", "parameters": ""}
    return edited not in (*map(started_from, EXAMPLES.values()), *known, empty)


def body_of(draft: Draft) -> dict[str, Any]:
    """The arguments of `Client.submit`. Raises WrongField."""
    kind, given = draft["kind"], json_object("parameters", draft["parameters"])
    return {
        "code": draft["url"].strip() if kind == "http" else draft["code"],
        **needs_of(draft),
        "parameters": given or None,
        "request": _request(draft) if kind == "http" else None,
        "retry_count": int(draft["retry_count"] or 0),
    }


def needs_of(draft: Draft) -> dict[str, Any]:
    """What of it is asked of a node, as `Client.preview` takes it; a field left empty asks for its default."""
    asked = {field: BLANK[field] if draft[field] is None else draft[field] for field in ("timeout", "cpu", "memory")}
    return {
        **asked,
        "priority": draft["priority"],
        "requires": draft["requires"].replace(",", " ").split(),
        "min_sandbox": draft["min_sandbox"] or None,
        "task_type": draft["kind"],
    }


def task_of(draft: Draft) -> dict[str, Any]:
    """The arguments of `Client.create_task` for the same work, which then may have files. Raises WrongField."""
    body = body_of(draft)
    text = {"code": body["code"]} if body["task_type"] == "python" else {"command": body["code"]}
    same = {field: body[field] for field in ("priority", "requires", "retry_count", "min_sandbox", "task_type")}
    needs = {"resources": {"cpu": body["cpu"], "memory": body["memory"]}, "timeout_seconds": body["timeout"]}
    return text | same | needs | {"parameters": body["parameters"] or {}}


def name_for(files: Sequence[str], now: datetime) -> str:
    """A name for the task that these files are for, as nobody else is likely to have chosen: `data_20250304_100500`."""
    stem = (files[0] if files else "").rpartition("/")[2].partition(".")[0]
    kept = "".join(letter for letter in stem if letter.isascii() and (letter.isalnum() or letter in "-_"))[:40]
    return f"{kept or 'task'}_{now:%Y%m%d_%H%M%S}"


@dataclass(frozen=True, slots=True)
class Room:
    """What the grid says of work that was not submitted yet: `colour` at a glance, then in words."""

    colour: str
    sentence: str
    reasons: tuple[str, ...]


def room(told: Explanation) -> Room:
    """Whether nodes could take it, and have room now; else why not, in the coordinator's sentences."""
    able, free = (int(told.nodes.get(word) or 0) for word in ("able", "free"))
    words = _("Needs {needs}: {able} of {known} nodes could take it, {free} with room now.")
    needs, known = runs.resources(told.needs), int(told.nodes.get("known") or 0)
    sentence = words.format(needs=needs, able=able, known=known, free=free)
    reasons = tuple(one_line(reason.message, LONGEST) for reason in told.reasons)
    colour = "red" if not able else "orange" if reasons or not free else "green"
    return Room(colour, sentence, reasons)


def opened(name: str, content: bytes) -> dict[str, Any]:
    """A file as it opens in the editor: its kind and text. Raises WrongFile for one that is no program."""
    shown, kind = one_line(name), SCRIPTS.get(name[-3:].lower(), "python")
    if not content.strip():
        raise WrongFile(_("{name} is empty.").format(name=shown))
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise WrongFile(_("{name} is no text (UTF-8), so it is no program.").format(name=shown)) from error
    if "\0" in text:
        raise WrongFile(_("{name} is no text (UTF-8), so it is no program.").format(name=shown))
    if len(text) > LONGEST_CODE:
        words = _(
            "{name} has {number} characters, and code that is submitted by itself at most {most}. Add it as a file of "
            "the working folder instead, and start it from there with a few lines."
        )
        raise WrongFile(words.format(name=shown, number=f"{len(text):,}", most=f"{LONGEST_CODE:,}"))
    return {"kind": kind, "code": text}


def refused(files: Iterable[tuple[str, int]]) -> str | None:
    """Why these files, of names and sizes in bytes, cannot be a task's; None when they can."""
    known = list(files)
    total = sum(length for _name, length in known)
    if total > MOST_BYTES:
        words = _("The files have {total:,.1f} MiB in all; a task takes at most {most} MiB.")
        return words.format(total=total / 2**20, most=MOST_BYTES // 2**20)
    empty = next((name for name, length in known if not length), None)
    if empty is not None:
        return _("{name} is empty.").format(name=one_line(empty))
    names = [name for name, _length in known]
    twice = next((name for name in names if names.count(name) > 1), None)
    return _("Two files are named {name}.").format(name=one_line(twice)) if twice else None


def _request(draft: Draft) -> dict[str, Any]:
    """What is sent to the URL. Raises WrongField."""
    headers = json_object("headers", draft["headers"])
    if not all(isinstance(value, str) for value in headers.values()):
        raise WrongField("headers", _('a header is a text: write {"name": "value"}'))
    given = {"method": draft["method"], "headers": headers, "body": draft["body"]}
    return {word: value for word, value in given.items() if value}
