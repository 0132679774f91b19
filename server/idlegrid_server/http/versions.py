"""`/api/v1/{tasks,runs,workers}` are the task API under the name that the idle API's document plans for it."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

VERSION_1: Final = "/api/v1/"
ROOTS: Final = frozenset({"tasks", "runs", "workers"})


class Versions:
    """Reads `/api/v1/runs/17` as `/api/runs/17`. The outermost layer: everything else knows one name for one thing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under the path that its endpoint has."""
        if scope["type"] == "http" and scope["path"].startswith(VERSION_1):
            scope = {**scope, "path": unversioned(scope["path"])}
        await self._app(scope, receive, send)


def unversioned(path: str) -> str:
    """The path without its version, where that makes no difference."""
    rest = path.removeprefix(VERSION_1)
    return f"/api/{rest}" if rest.partition("/")[0] in ROOTS else path
