"""What a handler is given, and what stands before it: the key's scope, and JSON as the wire allows it.

Handlers take a `Call` and nothing through FastAPI's `Depends`, which costs more per request than all the rest.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from functools import cache
from http import HTTPStatus
from typing import Any, Final, TypeVar, get_type_hints

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.utils import create_model_field
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException

from idlegrid_server.core.access import ANYONE, Caller
from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.errors import InvalidInput, MissingInput, NotAuthenticated, NotAuthorized, OutOfReach
from idlegrid_server.http.access.gate import INVALID
from idlegrid_server.http.deps import Grid, admit, grid_of, note_refusal
from idlegrid_server.http.dialect import speaks_envelope
from idlegrid_server.http.documentation import errors_of, success_of
from idlegrid_server.http.errors import NOT_JSON
from idlegrid_server.http.examples import body_of, links_of
from idlegrid_server.http.offences import BadRequest
from idlegrid_server.http.request_log import TRACE
from idlegrid_server.http.scopes import SCOPES, nobodys_names

T = TypeVar("T")
MAX_KEY: Final = 200
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
    """A request by a caller who may make it."""

    caller: Caller = ANYONE
    confined_to: str | None = None
    """The submitter whose runs alone are in the caller's reach; None is no bound."""

    @property
    def submitter(self) -> str:
        """The key's name, empty without keys."""
        return self.caller.name

    @property
    def grid(self) -> Grid:
        """The grid that this application serves."""
        return grid_of(self)

    @property
    def coordinator(self) -> Coordinator:
        """Its verbs."""
        return grid_of(self).coordinator

    @property
    def trace_id(self) -> str:
        """What the runs that it makes are a part of."""
        return str(self.scope.get(TRACE, ""))

    @property
    def idempotency_key(self) -> str:
        """The header, or nothing. Raises InvalidInput when it is too long."""
        key = self.headers.get("idempotency-key", "")
        if len(key) > MAX_KEY:
            words = f"Idempotency-Key: at most {MAX_KEY} characters"
            raise InvalidInput(words, field="Idempotency-Key", rule="max_length", value=key)
        return key

    @property
    def has_body(self) -> bool:
        """Whether a body comes, or may come."""
        return self.headers.get("content-length", "0") != "0" or "transfer-encoding" in self.headers

    async def check_reach(self, run_id: int) -> None:
        """Raise OutOfReach, a NotFound, for a run of somebody else, in the words for one that is not there.

        Before all else of an endpoint that names a run: nothing of it, nor how long it took, tells whether there is
        such a run. Raises NotAuthorized where it can be seen but not changed. Asks nothing for who has no bound.
        """
        if self.confined_to is not None:
            what = "Run" if speaks_envelope(self.scope["path"]) else "Task"
            submitter = await self.coordinator.submitter_of(run_id)
            self.caller.check_run(submitter, self.confined_to, f"{what} {run_id} not found")

    async def while_connected(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's answer; the work is cancelled as soon as the caller hangs up or his key opens nothing any more.

        Raises HungUp and NotAuthenticated then.
        """
        doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(self._hang_up())
        try:
            with self.grid.gate.ring.watching(self.caller.key_id) as gone:
                waits: set[asyncio.Future[Any]] = {doing, leaving, gone}
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            raise NotAuthenticated(INVALID) if gone.done() else HungUp
        finally:
            doing.cancel()
            leaving.cancel()

    async def _hang_up(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def json(self) -> Any:
        """The body as UTF-8 with whole characters and finite numbers, nested at most 200 deep.

        Python's own parser lets lone surrogates and NaN through, which neither a database nor another parser takes.
        Raises BadRequest, which FastAPI lets through, saying where it is malformed.
        """
        try:
            return from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            words = f"The body is not valid JSON: {error}"
            raise BadRequest(HTTPStatus.BAD_REQUEST, words, field="body", rule="json") from error


class GridRoute(APIRoute):
    """For every router: `APIRouter(route_class=GridRoute)`. Raises KeyError for a route without a row in `SCOPES`.

    Documents what every endpoint of its API may answer.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **words: Any) -> None:
        status = int(words.get("status_code") or HTTPStatus.OK)
        success = success_of(path, status, get_type_hints(endpoint).get("return"))
        words["responses"] = {**errors_of(path), **success, **(words.get("responses") or {})}
        _illustrate(path, status, words)
        documented = words.pop("responses")
        super().__init__(path, endpoint, **words)
        if others := nobodys_names(path):
            # With a method that they lack they are a 405, and not a run or a worker of that name.
            self.path_regex = re.compile(f"(?!(?:{'|'.join(map(re.escape, others))})$){self.path_regex.pattern}")
        self.responses = documented
        self.response_fields = {code: field_of(told["model"]) for code, told in documented.items() if "model" in told}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler over a Call, after the caller's key was looked at."""
        handler = direct_handler(self.endpoint, self.status_code or HTTPStatus.OK) or super().get_route_handler()
        scopes = {method: SCOPES[method, self.path] for method in self.methods or ()}
        takes_json = self.body_field is not None and speaks_envelope(self.path)

        async def guarded(request: Request) -> Response:
            call = Call(request.scope, request.receive)
            call.caller, call.confined_to = await admit(call, scopes[request.method])
            if takes_json and call.has_body:
                check_media_type(call.headers.get("content-type", ""))
            try:
                return await handler(call)
            except (NotAuthorized, OutOfReach) as refusal:
                note_refusal(call, refusal, call.caller)
                raise

        return guarded


@cache
def field_of(model: type[BaseModel]) -> Any:
    """What FastAPI makes of the model of an answer, for all routes: by itself it makes one for each answer of each."""
    return create_model_field(model.__name__, model, mode="serialization")


def _illustrate(path: str, status: int, words: dict[str, Any]) -> None:
    """Add to a route's words what the document shows by example."""
    method = next(iter(words.get("methods") or ("GET",)))
    if body := body_of(method, path):
        words["openapi_extra"] = {**(words.get("openapi_extra") or {}), **body}
    for code, links in links_of(method, path, status).items():
        words["responses"][code] = {**words["responses"].get(code, {}), "links": links}


def check_media_type(content_type: str) -> None:
    """Raise BadRequest 415 for a body that is not sent as JSON."""
    if not _is_json(content_type):
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise BadRequest(status, NOT_JSON, field="Content-Type", rule="media_type", value=content_type or None)


def direct_handler(endpoint: Callable[..., Any], status: int) -> Callable[[Any], Coroutine[Any, Any, Response]] | None:
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
            problems = error.errors(include_url=False)
            raise RequestValidationError([{**p, "loc": ("body", *p["loc"])} for p in problems]) from error
        return JSONResponse(await endpoint(words=words, call=call), status)

    return direct


def _is_json(content_type: str) -> bool:
    """Anything else a web page could send without asking first."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
