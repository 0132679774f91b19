"""Making an answer small enough for an assistant, whose memory is short. Pure; every cut is named in the answer."""

import json
from collections.abc import Sequence
from typing import Any, Final

Json = dict[str, Any]

MAX_TEXT: Final = 20_000
"""Characters of one text: about five thousand tokens."""
MAX_ENTRIES: Final = 100
"""Entries of a run's story, and of the list of its attempts."""
STORIES: Final = ("attempt_list", "events")


def run(found: Json) -> Json:
    """A run whole, but its texts; `cut` names the fields of which a part is missing.

    Of a program and its result the beginning stays; of an error, which ends with what matters, of a log and of a story
    the end.
    """
    short = {
        "code": _beginning(found["code"]),
        "result": _beginning(found["result"]),
        "parameters": _small(found["parameters"]),
        "error_message": _end(found["error_message"]),
        "logs": newest(found["logs"], "message"),
        **{name: found[name][-MAX_ENTRIES:] for name in STORIES},
    }
    return {**found, **short, "cut": [name for name, kept in short.items() if kept != found[name]]}


def _beginning(text: str | None) -> str | None:
    return text and text[:MAX_TEXT]


def _end(text: str | None) -> str | None:
    return text and text[-MAX_TEXT:]


def _small(value: Json) -> Json | str:
    """As it stands while it is small, else the beginning of its text."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_TEXT else text[:MAX_TEXT]


def newest(pieces: Sequence[Json], field: str = "text") -> list[Json]:
    """The last pieces whose texts have at most `MAX_TEXT` characters; of the first of them perhaps the end alone."""
    kept: list[Json] = []
    room = MAX_TEXT
    for piece in reversed(pieces):
        if room <= 0:
            break
        kept.append({**piece, field: piece[field][-room:]})
        room -= len(piece[field])
    return kept[::-1]


def last_lines(pieces: Sequence[Json], lines: int) -> list[Json]:
    """The pieces with the last `lines` lines; a piece has one or several."""
    kept: list[Json] = []
    for piece in reversed(pieces):
        if lines <= 0:
            break
        texts = piece["text"].splitlines(keepends=True)
        kept.append({**piece, "text": "".join(texts[-lines:])})
        lines -= len(texts)
    return kept[::-1]


def first_pieces(pieces: Sequence[Json]) -> list[Json]:
    """The first pieces whose texts have at most `MAX_TEXT` characters, at least one; of that the beginning alone."""
    kept: list[Json] = []
    room = MAX_TEXT
    for piece in pieces:
        room -= len(piece["text"])
        if kept and room < 0:
            break
        kept.append({**piece, "text": piece["text"][:MAX_TEXT]})
    return kept


def end_of_log(page: Json, lines: int) -> Json:
    """The last `lines` lines of a page that ends a log, as far as there is room."""
    wanted = last_lines(page["items"], lines)
    kept = newest(wanted)
    return {**page, "items": kept, "cut": kept != wanted}


def next_of_log(page: Json) -> Json:
    """The beginning of a page, as far as there is room; the rest is for the next time."""
    kept = first_pieces(page["items"])
    if kept == page["items"]:
        return {**page, "cut": False}
    whole = len(kept) == len(page["items"])
    return {"items": kept, "last": kept[-1]["id"], "finished": page["finished"] and whole, "cut": True}
