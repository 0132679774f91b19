"""`/dist/simple/`: our own wheels, so that a spare machine installs the node from its coordinator (PEP 503)."""

import re
from html import escape
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse

from idlegrid_server.core.errors import NotFound
from idlegrid_server.http.deps import Grid
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(tags=["wheels"], include_in_schema=False, route_class=GridRoute)


@router.get("/dist/simple/")
async def projects(call: Call) -> HTMLResponse:
    """The projects offered."""
    return _page(sorted({(name, f"{name}/") for name in map(_project, _wheels(call.grid))}))


@router.get("/dist/simple/{project}/")
async def files(project: str, call: Call) -> HTMLResponse:
    """A project's wheels."""
    wheels = [wheel for wheel in _wheels(call.grid) if _project(wheel) == _normal(project)]
    if not wheels:
        raise NotFound(f"No wheel of {project} is offered here")
    return _page([(wheel.name, f"../../files/{wheel.name}") for wheel in wheels])


@router.get("/dist/files/{name}")
async def file(name: str, call: Call) -> FileResponse:
    """A wheel."""
    for wheel in _wheels(call.grid):
        if wheel.name == name:
            return FileResponse(wheel, media_type="application/octet-stream")
    raise NotFound(f"{name} is not offered here")


def _wheels(grid: Grid) -> list[Path]:
    folder = grid.settings.dist_dir
    return sorted(folder.glob("*.whl")) if folder else []


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _project(wheel: Path) -> str:
    return _normal(wheel.name.split("-")[0])


def _page(links: list[tuple[str, str]]) -> HTMLResponse:
    lines = (f'<a href="{escape(href)}">{escape(text)}</a><br>' for text, href in links)
    return HTMLResponse("<!DOCTYPE html><html><body>\n" + "\n".join(lines) + "\n</body></html>\n")
