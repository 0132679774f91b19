"""A coordinator with tasks, over a real record and the queue in memory; time goes by when a test lets it."""

from dataclasses import replace
from typing import Any

from idlegrid_server.core.commands import (
    CreateTask,
    LeaseRuns,
    Report,
    ReportRuns,
    TriggerTask,
    TriggerWish,
    UpdateTask,
)
from idlegrid_server.core.commands.tasks import KEEP
from idlegrid_server.core.definitions import Task, TaskDefinition, TaskStatus
from idlegrid_server.core.limits import Times
from idlegrid_server.core.matching import QueueOrder
from idlegrid_server.core.model import Outcome, Run
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.schedules import CronCalendar

from ...parts import Coordinator, offer

TIMES = Times()
CALENDAR = CronCalendar()
FIFO = QueueOrder.FIFO


class TaskStage:
    """Makes, triggers and runs tasks."""

    def __init__(self, engine, clock) -> None:
        self.clock, self.queue = clock, MemoryQueue(clock)
        self.coordinator = Coordinator(engine, self.queue, clock, TIMES)
        self.reader = self.coordinator.reader
        self._made = 0

    def do(self, command):
        return self.coordinator.do(command)

    def uuid(self) -> str:
        self._made += 1
        return f"u{self._made}"

    def create(self, name: str = "extract", code: str | None = "print(1)", parents=(), **words: Any) -> Task:
        definition = TaskDefinition(name=name, command="python", **words)
        return self.do(CreateTask(calendar=CALENDAR, parents=list(parents), code=code, definition=definition))

    def update(self, task: Task, code=KEEP, parents=None, **changes: Any) -> Task:
        return self.do(
            UpdateTask(
                calendar=CALENDAR,
                parents=parents,
                code=code,
                task_id=task.id,
                edit=lambda definition: replace(definition, **changes),
                new_name=changes.get("name"),
            )
        )

    def trigger(self, task: Task, **wish: Any) -> Run:
        return self.do(TriggerTask(task.id, self.uuid(), TriggerWish(**wish), FIFO))

    def task(self, task: Task) -> Task:
        found = self.reader.task(task.id)
        assert found is not None
        return found

    def runs(self, task: Task) -> list[Run]:
        views, _ = self.reader.runs(RunFilter(task_id=task.id, newest_first=False, size=200))
        return [view.run for view in views]

    def run(self, run: Run) -> Run:
        return self.reader.view(run.id).run

    def lease(self) -> list[Run]:
        leases = self.do(LeaseRuns(offer("n1", 50), [f"{n:032x}" for n in range(50)], TIMES.listing))
        return [lease.run for lease in leases]

    def finish(self, run: Run, outcome: Outcome = Outcome.COMPLETED) -> None:
        self.do(ReportRuns("n1", [Report(run_uuid=run.uuid, lease_id=self.run(run).lease_id, outcome=outcome)]))

    def work_off(self, outcome: Outcome = Outcome.COMPLETED) -> list[str | None]:
        """Run all that waits; answers the names of the tasks in order."""
        runs = self.lease()
        for run in runs:
            self.finish(run, outcome)
        self.coordinator.look()
        return [run.task_name for run in runs]

    def pass_time(self, seconds: float, step: float = 1) -> None:
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            self.coordinator.look()

    def counted(self, status: TaskStatus) -> int:
        return int(self.reader.totals().counted.get(f"tasks:{status}", 0))
