"""JSON as the wire allows it: UTF-8 with whole characters, finite numbers, nested at most 200 deep.

Python's own parser lets lone surrogates and NaN through, which neither a database nor another JSON parser takes.
"""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.exceptions import HTTPException


class StrictRequest(Request):
    """A request whose JSON is read strictly."""

    async def json(self) -> Any:
        """The body. Raises HTTPException 400, which FastAPI lets through, saying where it is malformed."""
        try:
            return from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, f"The body is not valid JSON: {error}") from error


class StrictRoute(APIRoute):
    """For every router that takes a body: `APIRouter(route_class=StrictRoute)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler over a StrictRequest."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


def storable(text: str | None) -> str | None:
    """PostgreSQL's text knows no NUL; it is shown as the symbol for it."""
    return None if text is None else text.replace("\0", "\u2400")
