"""A call of our own HTTP API, in this process, for who has called a tool.

It goes through everything that a request from outside does, with the caller's key and address: so its scopes, its
reach, its limits, what is valid, the words of an error and the log of who came are the same, and written once.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import httpx2
from starlette.requests import Request

from idlegrid.errors import ApiError, api_error
from idlegrid.session import refusal
from idlegrid_server.http.deps import address_of, presented_key
from idlegrid_server.http.request_log import part_of

Json = dict[str, Any]

BASE: Final = httpx2.URL("http://coordinator")
"""Where it lies does not matter; whom the caller has called does, and is passed on."""
PASSED_ON: Final = ("host", "idempotency-key")
"""Headers of the caller that say whom he has called, and whether this is the same call again."""


class Ask:
    """Asks the API in the name of one caller."""

    def __init__(self, caller: Request) -> None:
        """`caller` is the request that asks for the tool."""
        app = part_of(caller.scope, caller.app)
        self._transport = httpx2.ASGITransport(app, client=(address_of(caller.scope), 0))
        self._headers = {name: caller.headers[name] for name in PASSED_ON if name in caller.headers}
        if key := presented_key(caller):
            self._headers["authorization"] = f"Bearer {key}"

    async def __call__(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Json:
        """The answer, out of its envelope. Raises ApiError with the sentence of a refusal."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        headers, content = self._headers, None
        if body is not None:
            headers, content = {**headers, "content-type": "application/json"}, json.dumps(body).encode()
        request = httpx2.Request(method, BASE.join(path), params=given, headers=headers, content=content)
        response = await self._transport.handle_async_request(request)
        return _answered(response.status_code, response.headers, await response.aread())


def _answered(status: int, headers: Mapping[str, str], content: bytes) -> Json:
    payload: Json = json.loads(content)
    if status >= 400:
        raise _refused(status, headers, payload)
    return dict(payload["data"]) if "success" in payload else payload


def _refused(status: int, headers: Mapping[str, str], payload: Json) -> ApiError:
    detail, code, details = refusal(payload)
    seconds = float(headers["retry-after"]) if "retry-after" in headers else None
    return api_error(status, detail, code=code, details=details, retry_after=seconds)
