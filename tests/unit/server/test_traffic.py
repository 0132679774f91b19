"""What the middleware counts, and what becomes of a log line."""

import json

import pytest

from idlegrid_server import logs
from idlegrid_server.http.dialects.tasks.system_translate import instant, levels
from idlegrid_server.http.dialects.tasks.workers_translate import uptime
from idlegrid_server.http.machine import Machine
from idlegrid_server.http.traffic import BUCKETS, Traffic, api_of, is_long_poll

from ...parts import FakeClock


def test_requests_are_counted_in_the_bucket_that_holds_them():
    traffic = Traffic(FakeClock().monotonic)
    for seconds in (0.0005, 0.001, 0.002, 99.0):
        traffic.note("/submit", "POST", seconds)
    known = traffic.latencies["idle", "POST"]
    bounds = dict(known.cumulative())
    assert (bounds[0.001], bounds[0.0025], bounds[BUCKETS[-1]], bounds[float("inf")]) == (2, 3, 3, 4)
    assert known.seconds == pytest.approx(99.0035)


def test_strange_methods_make_no_series_of_their_own():
    traffic = Traffic(FakeClock().monotonic)
    traffic.note("/", "BREW", 0.1)
    assert list(traffic.latencies) == [("idle", "other")]


def test_lately_is_the_last_minute():
    clock = FakeClock()
    traffic = Traffic(clock.monotonic)
    assert traffic.lately() == (0.0, 0.0)
    for seconds in (0.1, 0.3):
        traffic.note("/", "GET", seconds)
    clock.advance(30)
    traffic.note("/", "GET", 0.2)
    assert traffic.lately() == (pytest.approx(3 / 60), pytest.approx(0.2))
    clock.advance(40)
    assert traffic.lately() == (pytest.approx(1 / 60), pytest.approx(0.2))
    clock.advance(60)
    assert traffic.lately() == (0.0, 0.0)
    traffic.note("/", "GET", 0.5)
    assert traffic.lately() == (pytest.approx(1 / 60), 0.5)


@pytest.mark.parametrize(
    ("path", "api"),
    [("/submit", "idle"), ("/internal/task", "nodes"), ("/api/runs", "tasks"), ("/api/v1/x", "executions")],
)
def test_a_path_belongs_to_an_api(path, api):
    assert api_of(path) == api


def test_long_polls_are_told_by_path_or_query():
    assert is_long_poll("/internal/task", b"")
    assert is_long_poll("/status/1", b"wait=20")
    assert not is_long_poll("/status/1", b"")


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("idlegrid_server.housekeeping.keeper", "scheduler"),
        ("idlegrid_server.core.writer", "scheduler"),
        ("idlegrid_server.http.limits", "api"),
        ("idlegrid_server.http.dialects.nodes.routes", "nodes"),
        ("idlegrid_server.queue.jobs", "queue"),
        ("idlegrid_server.record.journal", "database"),
        ("uvicorn.error", "uvicorn"),
        ("", "scheduler"),
    ],
)
def test_a_logger_speaks_for_a_service(name, service):
    assert logs.service_of(name) == service


def test_an_entry_is_what_every_database_can_hold():
    words = {"event": "a\0b\ud800", "level": "info", "timestamp": "x", "run": 7, "what": object}
    entry = logs.entry_of("idlegrid_server.app", "info", words, 1.0)
    assert (entry.message, entry.service, entry.at) == ("a␀b?", "scheduler", 1.0)
    assert json.loads(entry.metadata) == {"run": 7, "what": str(object)}


def test_a_very_long_entry_is_cut():
    words = {"event": "x" * 10_000, "level": "info", "exception": "y" * 100_000}
    entry = logs.entry_of("", "info", words, 1.0)
    assert (len(entry.message), len(json.loads(entry.metadata)["cut"])) == (logs.MAX_MESSAGE, logs.MAX_METADATA)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-5, "0d 0h 0m"), (59.9, "0d 0h 0m"), (7 * 86_400 + 12 * 3_600 + 30 * 60, "7d 12h 30m")]
)
def test_spans_of_time_are_written_as_the_document_has_them(seconds, shown):
    assert uptime(seconds) == shown


def test_a_level_stands_for_itself_and_all_above():
    assert levels("warn") == ("warn", "error")
    assert levels(None) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-02T00:00:00Z", 86_400), ("1970-01-02", 86_400), ("1970-01-01T01:00:00+01:00", 0), (None, None)],
)
def test_a_time_without_a_zone_is_utc(text, seconds):
    assert instant("start_time", text) == seconds


def test_the_machine_is_measured(tmp_path):
    machine = Machine(tmp_path)
    first = machine.usage()
    assert 0 <= first.cpu_percent <= 100
    assert first.memory_mb > 0
    assert 0 < first.disk_percent <= 100
    assert machine.usage().cpu_percent == first.cpu_percent
