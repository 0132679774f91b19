"""The task API's endpoints, all of them."""

from fastapi import APIRouter

from idlegrid_server.http.dialects.tasks import run_routes, system, task_routes, watching, workers

router = APIRouter()
for part in (task_routes, run_routes, workers, system, watching):
    router.routes.extend(part.router.routes)
