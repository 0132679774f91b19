"""Reading what an answer of the jobs API shows."""

from typing import Any

from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.definitions import GOOD_NAME, Task
from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.core.queries import Reader, RunFilter
from idlegrid_server.http.dialects.jobs import translate
from idlegrid_server.http.dialects.jobs.schemas import JobsQuery


async def job_page(coordinator: Coordinator, query: JobsQuery) -> dict[str, Any]:
    """One page of jobs."""
    tasks, total = await coordinator.read(coordinator.reader.tasks, translate.jobs_wanted(query))
    return translate.page([translate.job(task) for task in tasks], total, query.offset, query.limit)


async def job(coordinator: Coordinator, job_id: str) -> Task:
    """The task of that number or, where it is none, of that name. Raises NotFound."""
    task = await coordinator.read(_find, coordinator.reader, job_id)
    if task is None:
        raise NotFound(f"Job not found: {job_id}")
    return task


async def execution_page(coordinator: Coordinator, wanted: RunFilter) -> dict[str, Any]:
    """One page of executions."""
    return await coordinator.read(_execution_page, coordinator.reader, wanted)


def _find(reader: Reader, job_id: str) -> Task | None:
    if not GOOD_NAME.fullmatch(job_id):
        return None
    if job_id.isdigit():
        return reader.task(int(job_id)) if int(job_id) <= MAX_INT64 else None
    return reader.tasks_named([job_id]).get(job_id)


def _execution_page(reader: Reader, wanted: RunFilter) -> dict[str, Any]:
    """Translated in the thread that reads: a thousand results are much to parse."""
    found, total = reader.executions(wanted, translate.EXCERPT)
    return translate.page([translate.execution(of) for of in found], total, wanted.offset, wanted.size)
