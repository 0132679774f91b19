"""Logs: JSON lines when nobody watches, readable ones on a terminal; each has an `action` and ids."""

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Set up structlog, and pass the standard library's records through the same shape."""
    number = logging.getLevelNamesMapping()[level.upper()]
    final: structlog.types.Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        final = structlog.dev.ConsoleRenderer()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, final],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=final, foreign_pre_chain=shared))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
