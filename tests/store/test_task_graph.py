"""The tasks around one, and how their newest runs went, on SQLite and on PostgreSQL."""

from idlegrid_server.core.model import RunState
from idlegrid_server.core.queries import RecentRun

from .test_task_reading import child, keep, keep_runs, task


def around(pen, number: int, most: int = 100) -> tuple[dict[int, int], list[tuple[int, int]], bool]:
    """Task → distance, in the order they come in; the edges; whether it is cut."""
    graph = pen.reader.graph(number, most)
    return {one.id: one.distance for one in graph.tasks}, list(graph.edges), graph.is_cut


def test_it_goes_both_ways_and_on_from_there_near_ones_first(pen, engine):
    keep(engine, task(1), child(2, 1), child(3, 2), task(4), child(5, 2, 4), task(6), child(7, 6))
    found = around(pen, 2)
    assert found == ({2: 0, 1: 1, 3: 1, 5: 1, 4: 2}, [(1, 2), (2, 3), (2, 5), (4, 5)], False)
    assert list(found[0]) == [2, 1, 3, 5, 4]
    assert around(pen, 6) == ({6: 0, 7: 1}, [(6, 7)], False)


def test_a_task_alone_is_its_own_graph_and_one_that_is_not_there_has_none(pen, engine):
    keep(engine, task(1))
    assert around(pen, 1) == ({1: 0}, [], False)
    assert around(pen, 2) == ({}, [], False)


def test_names_and_states_come_with_it(pen, engine):
    keep(engine, task(1, last_state=RunState.TIMED_OUT), child(2, 1))
    graph = pen.reader.graph(2, 100)
    assert [(one.name, one.status, one.last_state) for one in graph.tasks] == [
        ("t2", "active", None),
        ("t1", "active", RunState.TIMED_OUT),
    ]


def test_it_is_cut_where_it_has_more_tasks_than_are_wanted(pen, engine):
    keep(engine, task(1), *(child(number, 1) for number in range(2, 8)), child(8, 2))
    assert around(pen, 1, most=4) == ({1: 0, 2: 1, 3: 1, 4: 1}, [(1, 2), (1, 3), (1, 4)], True)
    assert around(pen, 1, most=7)[2] is True
    assert around(pen, 1, most=8) == (
        {1: 0, **dict.fromkeys(range(2, 8), 1), 8: 2},
        [*((1, number) for number in range(2, 8)), (2, 8)],
        False,
    )


def test_a_parent_that_is_gone_is_not_in_it(pen, engine):
    keep(engine, task(1), child(2, 1, 9))
    assert around(pen, 2) == ({2: 0, 1: 1}, [(1, 2)], False)


def test_the_newest_runs_of_each_task_come_newest_first(pen, engine):
    kept = keep(engine, task(1), task(2), task(3))
    ended = {"state": RunState.COMPLETED, "finished_at": 1.0}
    runs = [{"task_id": 1, **ended}, {"task_id": 2, **ended}, {"task_id": 1}, {"task_id": None}, {"task_id": 1}]
    first, second, third, _, last = keep_runs(pen, kept, *runs)
    done, pending = RunState.COMPLETED, RunState.PENDING
    assert pen.reader.recent_runs([1, 2, 3], 20) == {
        1: [RecentRun(last, pending), RecentRun(third, pending), RecentRun(first, done)],
        2: [RecentRun(second, done)],
    }
    assert pen.reader.recent_runs([1], 2) == {1: [RecentRun(last, pending), RecentRun(third, pending)]}
    assert pen.reader.recent_runs([], 2) == {}
