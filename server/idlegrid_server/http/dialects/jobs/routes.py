"""`/api/v1/jobs`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from idlegrid_server.http.dialect import JOBS_PATH
from idlegrid_server.http.dialects.jobs import translate, views
from idlegrid_server.http.dialects.jobs.schemas import ExecutionPage, ExecutionsQuery, Job, JobPage, JobsQuery
from idlegrid_server.http.documentation import Responses
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(prefix=JOBS_PATH, tags=["jobs"], route_class=GridRoute)
JOBS: Final[Responses] = {200: {"description": "Some of the jobs", "model": JobPage}}
JOB: Final[Responses] = {200: {"description": "The job", "model": Job}}
EXECUTIONS: Final[Responses] = {200: {"description": "Some of the executions", "model": ExecutionPage}}


@router.get("", responses=JOBS)
async def jobs(query: Annotated[JobsQuery, Query()], call: Call) -> dict[str, Any]:
    """A page of jobs."""
    return await views.job_page(call.coordinator, query)


# Before the route of one job, which would take the word for a name; no task can be called so.
@router.get("/executions", responses=EXECUTIONS)
async def executions(query: Annotated[ExecutionsQuery, Query()], call: Call) -> dict[str, Any]:
    """A page of all executions."""
    return await views.execution_page(call.coordinator, translate.executions_wanted(query))


@router.get("/{job_id}", responses=JOB)
async def job(job_id: str, call: Call) -> dict[str, Any]:
    """A job by its number or its name."""
    return translate.job(await views.job(call.coordinator, job_id))


@router.get("/{job_id}/executions", responses=EXECUTIONS)
async def job_executions(job_id: str, query: Annotated[ExecutionsQuery, Query()], call: Call) -> dict[str, Any]:
    """A page of one job's executions."""
    task = await views.job(call.coordinator, job_id)
    return await views.execution_page(call.coordinator, translate.executions_of_wanted(query, task.id))
