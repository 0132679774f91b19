"""What a handler is given, and what stands before it: the key's scope, and JSON as the wire allows it.

Handlers take a `Call` and nothing through FastAPI's `Depends`, which costs more per request than all the rest.
"""

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, TypeVar, get_type_hints

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException

from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.errors import InvalidInput, MissingInput
from idlegrid_server.http.deps import Grid, admit, grid_of
from idlegrid_server.http.errors import NOT_JSON
from idlegrid_server.http.scopes import SCOPES

T = TypeVar("T")
MAX_KEY = 200
"""Characters of an Idempotency-Key."""


class FileName(Convertor[str]):
    """The rest of a path, line breaks and all: Starlette's own `path` stops at one, and would take another name."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """As it stands."""
        return value

    def to_string(self, value: str) -> str:
        """As it stands."""
        return value


register_url_convertor("file", FileName())


class HungUp(HTTPException):
    """Nobody reads the answer any more."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, "The caller has hung up")


class Call(Request):
    """A request by a caller who may make it. `submitter` is the key's name, empty without keys."""

    submitter: str = ""

    @property
    def grid(self) -> Grid:
        """The grid that this application serves."""
        return grid_of(self)

    @property
    def coordinator(self) -> Coordinator:
        """Its verbs."""
        return grid_of(self).coordinator

    @property
    def idempotency_key(self) -> str:
        """The header, or nothing. Raises InvalidInput when it is too long."""
        key = self.headers.get("idempotency-key", "")
        if len(key) > MAX_KEY:
            raise InvalidInput(f"Idempotency-Key: at most {MAX_KEY} characters")
        return key

    async def while_connected(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's answer; the work is cancelled as soon as the caller hangs up. Raises HungUp then."""
        doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(self._hang_up())
        try:
            await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            raise HungUp
        finally:
            doing.cancel()
            leaving.cancel()

    async def _hang_up(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def json(self) -> Any:
        """The body as UTF-8 with whole characters and finite numbers, nested at most 200 deep.

        Python's own parser lets lone surrogates and NaN through, which neither a database nor another parser takes.
        Raises HTTPException 400, which FastAPI lets through, saying where it is malformed.
        """
        try:
            return from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, f"The body is not valid JSON: {error}") from error


class GridRoute(APIRoute):
    """For every router: `APIRouter(route_class=GridRoute)`. Raises KeyError for a route without a row in `SCOPES`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler over a Call, after the caller's key was looked at."""
        handler = direct_handler(self.endpoint) or super().get_route_handler()
        scopes = {method: SCOPES[method, self.path] for method in self.methods or ()}

        async def guarded(request: Request) -> Response:
            call = Call(request.scope, request.receive)
            call.submitter = await admit(call, scopes[request.method])
            return await handler(call)

        return guarded


def direct_handler(endpoint: Callable[..., Any]) -> Callable[[Any], Coroutine[Any, Any, Response]] | None:
    """A short way to an endpoint that takes just `(words: Model, call: Call)`; None for any other.

    The busiest endpoints are of this shape, and FastAPI's solver of dependencies would take a third of their time.
    The signature still describes them in the OpenAPI document.
    """
    hints = {name: hint for name, hint in get_type_hints(endpoint).items() if name != "return"}
    if list(hints) != ["words", "call"]:
        return None
    model: type[BaseModel] = hints["words"]

    async def direct(call: Call) -> Response:
        if not _is_json(call.headers.get("content-type", "")):
            raise MissingInput(NOT_JSON)
        try:
            words = model.model_validate(await call.json())
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from error
        return JSONResponse(await endpoint(words=words, call=call))

    return direct


def _is_json(content_type: str) -> bool:
    """Anything else a web page could send without asking first."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
