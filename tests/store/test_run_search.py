"""Lists of runs by a part of their task's name and by instants: what they find, and how on SQLite."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from idlegrid_server.core.definitions import TaskDefinition
from idlegrid_server.core.model import RunState
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.record.census import DAY
from idlegrid_server.record.reader import SqlReader

from ..parts import START, open_record
from .conftest import Pen
from .test_record_reading import DONE
from .test_record_reading import ids as listed
from .test_task_reading import keep, keep_runs, task

FAILED = {**DONE, "state": RunState.FAILED}


@pytest.fixture
def runs(pen, engine) -> None:
    """Runs of `sync-1`, of `Sync-2` (called otherwise when they were made), of a task that is gone, and of none."""
    tasks = keep(engine, task(1, TaskDefinition(name="sync-1")), task(2, TaskDefinition(name="Sync-2")))
    rows = [{"task_id": 1}, {"task_id": 2}, {"task_id": 2, **FAILED}, {"task_id": 9}, {}, FAILED, {"task_id": 1}]
    keep_runs(pen, tasks, *rows)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({"search": "sync"}, [7, 3, 2, 1]),
        ({"search": "SYNC-2"}, [3, 2]),
        ({"search": "sync-2", "or_states": ["failed"]}, [6, 3, 2]),
        ({"search": "sync", "or_states": ["failed"], "states": ["pending"]}, [7, 2, 1]),
        ({"search": "t2"}, []),
        ({"search": "t2", "or_states": ["failed"]}, [6, 3]),
        ({"search": "t2", "or_states": ["failed"], "states": ["pending"]}, []),
        ({"search": "%"}, []),
        ({"search": "sync", "task_id": 2}, [3, 2]),
        ({"search": "sync", "task_id": 9}, []),
        ({"search": "sync", "task_id": 9, "or_states": ["pending"]}, [4]),
        ({"search": "", "or_states": ["failed"]}, [7, 6, 5, 4, 3, 2, 1]),
        ({"search": "t2", "or_states": [state.value for state in RunState]}, [7, 6, 5, 4, 3, 2, 1]),
        ({"search": "sync", "submitter": "ann", "or_states": ["failed"]}, [7, 6, 3, 2, 1]),
        ({"search": "sync", "submitter": "bob"}, []),
    ],
)
def test_a_list_by_name_finds_what_is_called_so_now_or_stands_so(pen, runs, words, found):
    assert listed(pen, **words) == found
    assert pen.reader.runs(RunFilter(**words))[1] == len(found)


@pytest.mark.parametrize("sort", ["id", "started_at", "finished_at"])
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({"search": "1", "or_id": 1}, [7, 1]),
        ({"search": "1", "or_id": 3}, [7, 3, 1]),
        ({"search": "2", "or_id": 5}, [5, 3, 2]),
        ({"search": "2", "or_id": 6, "since": START}, [6, 3, 2]),
        ({"search": "2", "or_id": 6, "states": ["failed"]}, [6, 3]),
        ({"search": "2", "or_id": 6, "states": ["pending"]}, [2]),
        ({"search": "4", "or_id": 4}, [4]),
        ({"search": "4", "or_id": 4, "states": []}, []),
        ({"search": "4", "or_id": 4, "submitter": "bob"}, []),
        ({"search": "4", "or_id": 4, "submitter": "ann", "since": START - 1}, [4]),
        ({"search": "99", "or_id": 99}, []),
        ({"search": "sync", "or_id": None}, [7, 3, 2, 1]),
    ],
)
def test_a_number_finds_the_run_beside_what_is_called_so(pen, runs, sort, words, found):
    for newest_first in (True, False):
        pages = [
            pen.reader.runs(RunFilter(**words, sort=sort, newest_first=newest_first, offset=offset, size=2))
            for offset in (0, 2)
        ]
        shown = [view.run.id for page, _ in pages for view in page]
        assert sorted(shown, reverse=True) == found
        assert {total for _, total in pages} == {len(found)}
        if sort == "id":
            assert shown == (found if newest_first else found[::-1])


# --- how SQLite looks ---


@contextmanager
def plans(engine) -> Iterator[list[str]]:
    """How each query about runs that is asked meanwhile is answered, after its end."""
    asked: list[tuple[str, object]] = []
    found: list[str] = []

    def note(_connection, _cursor, statement, parameters, *_) -> None:
        if "FROM runs" in statement:
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        for statement, parameters in asked:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found += [row[-1] for row in rows if " runs" in row[-1]]


@pytest.mark.parametrize("sort", ["id", "started_at", "finished_at"])
@pytest.mark.parametrize(
    "words",
    [
        {"since": START - 3 * DAY, "until": START + 0.5},
        {"since": START - 1, "until": START + 1.5, "states": ["completed", "pending"]},
        {"search": "sync"},
        {"search": "sync", "or_states": ["failed"]},
        {"search": "sync", "submitter": "ann"},
        {"search": "sync", "since": START - 1},
        {"search": "sync", "or_id": 3},
        {"search": "sync", "submitter": "ann", "since": START - 1, "or_id": 3},
    ],
)
def test_no_list_is_found_by_a_look_at_all_rows(tmp_path, clock, sort, words):
    engine = open_record(tmp_path)
    pen = Pen(engine, clock)
    tasks = keep(engine, *(task(number, TaskDefinition(name=f"sync-{number}")) for number in (1, 2)))
    keep_runs(pen, tasks, {"task_id": 1, **DONE}, {"task_id": 2}, FAILED, {})
    with plans(engine) as found:
        assert SqlReader(engine).runs(RunFilter(sort=sort, **words))[1] >= 2
    engine.dispose()
    assert found
    by_index = ("USING COVERING INDEX", "USING INDEX runs_by_state", "USING INTEGER PRIMARY KEY (rowid=?)")
    assert [plan for plan in found if not any(words in plan for words in by_index)] == []
