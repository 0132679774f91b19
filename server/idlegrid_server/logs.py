"""Logs: JSON lines when nobody watches, readable ones on a terminal; each has an `action` and ids.

Everything of level `info` and above is also handed to the journal, whatever level the terminal shows.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import structlog

from idlegrid_server.core.system_queries import JournalEntry

Keep = Callable[[JournalEntry], None]

SERVICES: Final = (
    ("idlegrid_server.http.dialects.nodes", "nodes"),
    ("idlegrid_server.http", "api"),
    ("idlegrid_server.core.nodedesk", "nodes"),
    ("idlegrid_server.queue", "queue"),
    ("idlegrid_server.record", "database"),
    ("idlegrid_server", "scheduler"),
)
"""Which part of the grid a logger speaks for: the first that its name begins with."""
JOURNAL_LEVELS: Final = {"info": "info", "warning": "warn", "error": "error", "exception": "error", "critical": "error"}
NOT_METADATA: Final = frozenset({"event", "level", "timestamp", "_record", "_from_structlog"})
SECRETS: Final = re.compile(r"(?<!\w)(ig_[a-z]{1,10}_|whsec_|eyJ|api_key=|Bearer )[\w.+/=~-]{8,}")
"""Keys, secrets of webhooks, tokens, and what stands where a key belongs; the beginning says which."""
MAX_MESSAGE: Final = 2_000
MAX_METADATA: Final = 20_000
"""Characters of an entry in the journal; the log itself has all of it."""


class NamedLines(structlog.PrintLogger):
    """Lines on standard error by a logger that knows its name."""

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stderr)
        self.name = name


def configure(level: str, keep: Keep | None = None) -> None:
    """Set up structlog, and pass the standard library's records through the same shape; `keep` is the journal."""
    number = logging.getLevelNamesMapping()[level.upper()]
    final: structlog.types.Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        final = structlog.dev.ConsoleRenderer()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_secrets,
        *([] if keep is None else [_journaling(keep)]),
    ]
    structlog.configure(
        processors=[*shared, _from_level(number), final],
        wrapper_class=structlog.make_filtering_bound_logger(min(number, logging.INFO)),
        logger_factory=NamedLines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=final, foreign_pre_chain=shared))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


def _without_secrets(_logger: Any, _method: str, words: structlog.types.EventDict) -> structlog.types.EventDict:
    """Nobody logs a key on purpose; but it may stand in an address, or in what another's library says."""
    for name, said in words.items():
        if isinstance(said, str):
            words[name] = SECRETS.sub(r"\1…", said)
    return words


def _journaling(keep: Keep) -> structlog.types.Processor:
    def hand_over(logger: Any, _method: str, words: structlog.types.EventDict) -> structlog.types.EventDict:
        level = JOURNAL_LEVELS.get(words["level"])
        if level is not None:
            keep(entry_of(_name(logger, words), level, words, time.time()))
        return words

    return hand_over


def _name(logger: Any, words: structlog.types.EventDict) -> str:
    record = words.get("_record")
    return str(getattr(logger, "name", "") if record is None else record.name)


def entry_of(name: str, level: str, words: structlog.types.EventDict, at: float) -> JournalEntry:
    """The entry for what a logger of this name said."""
    said = {key: value for key, value in words.items() if key not in NOT_METADATA}
    metadata = json.dumps(said, default=str)
    if len(metadata) > MAX_METADATA:
        metadata = json.dumps({"cut": metadata[:MAX_METADATA]})
    return JournalEntry(at, level, service_of(name), _storable(str(words.get("event", ""))), metadata)


def service_of(name: str) -> str:
    """Which part of the grid a logger of this name speaks for."""
    ours = (service for prefix, service in SERVICES if name == prefix or name.startswith(f"{prefix}."))
    return next(ours, name.partition(".")[0][:40] or "scheduler")


def _storable(message: str) -> str:
    """As every database can hold it: no NUL, whole characters."""
    return message[:MAX_MESSAGE].replace("\0", "␀").encode("utf-8", "replace").decode()


def _from_level(number: int) -> structlog.types.Processor:
    """Drop what the terminal is not to show."""
    levels = logging.getLevelNamesMapping()

    def drop_below(_logger: Any, _method: str, words: structlog.types.EventDict) -> structlog.types.EventDict:
        if levels.get(words["level"].upper(), logging.ERROR) < number:
            raise structlog.DropEvent
        return words

    return drop_below
