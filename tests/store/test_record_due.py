"""Which tasks are due, and in which order they are fired."""

from idlegrid_server.core.commands import CreateTask
from idlegrid_server.core.definitions import TaskDefinition, Timing
from idlegrid_server.record.tables import dependencies, tasks
from idlegrid_server.schedules import CronCalendar

from ..parts import START


def make(pen, name, due):
    """A task that is due that many seconds after the start; answers its id."""
    definition = TaskDefinition(name=name, timing=Timing(interval_seconds=due))
    command = CreateTask(calendar=CronCalendar(), parents=(), code="", definition=definition)
    return pen.do(command).id


def test_the_longest_due_comes_first_and_a_parent_before_its_child_that_is_due_with_it(pen, engine):
    grandchild, child, parent = (make(pen, name, 20.0) for name in ("grandchild", "child", "parent"))
    early, later = make(pen, "early", 10.0), make(pen, "later", 30.0)
    links = [(grandchild, child), (child, parent), (parent, later)]
    with engine.begin() as connection:
        rows = [{"task_id": task, "parent_id": of, "used_run_id": 0} for task, of in links]
        connection.execute(dependencies.insert(), rows)
    assert pen.reader.due_tasks(START + 20, 10) == [early, parent, child, grandchild]
    assert pen.reader.due_tasks(START + 20, 2) == [early, parent], "a child is not fired without its parent"
    assert pen.reader.due_tasks(START + 9.9, 10) == []


def test_thousands_of_tasks_due_at_one_instant_are_found_chunk_by_chunk(pen, engine):
    first = make(pen, "first", 10.0)
    with engine.begin() as connection:
        row = dict(connection.execute(tasks.select().where(tasks.c.id == first)).one()._mapping)
        del row["id"]
        connection.execute(tasks.insert(), [row | {"name": f"t{n}"} for n in range(5_000)])
    assert pen.reader.due_tasks(START + 10, 250) == list(range(first, first + 250))
