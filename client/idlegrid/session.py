"""One coordinator's HTTP, for everyone who calls it: JSON in, JSON out, errors of one tree.

Importing this module is cheap; httpx2 (about 20 MB) is imported by the first request.
"""

import json as jsonlib
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from idlegrid import trust
from idlegrid.errors import Unreachable, api_error

if TYPE_CHECKING:
    import httpx2

KEEP_ALIVE_SECONDS = 30.0
"""How long an unused connection is kept; longer than a node's 10 s heartbeat."""

RATE_PAUSE = 1.0
"""Seconds until a request that came too soon is sent again, where the server names none."""

LEAST_PAUSE = 0.05
"""Seconds; a server that names less than this is not asked faster."""

_NO_ADDRESS = "{} is no address of a coordinator: it looks like http://HOST:8000"


class Session:
    """A connection pool to the coordinator at `url`, safe to share between threads.

    `timeout` (seconds) bounds each wait for the network: to connect, and for the answer. Every method raises
    `Unreachable` when there is no answer and an `ApiError` when the answer is no. A connection that the
    server closed while it was idle is replaced unseen, but only where asking twice is harmless: for GET, for PUT,
    and for a POST with an `Idempotency-Key`. Those are also sent again after a 429, when the server says so
    (`Retry-After`), as long as that is within `timeout` seconds in all; else it raises `RateLimited` at once. Proxies
    of the environment are not used.

    `ca_file` (default: $IDLEGRID_CA_FILE) names a file of PEM certificates: over https the coordinator must show one
    of them, or one that they vouch for; without it, one that this system's authorities vouch for. It is checked for
    the name in the URL, or for $IDLEGRID_TLS_NAME.
    """

    def __init__(
        self, url: str, api_key: str | None = None, timeout: float = 30.0, *, ca_file: str | None = None
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise Unreachable(_NO_ADDRESS.format(repr(url)))
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._api_key = api_key
        self._ca_file = ca_file or os.environ.get("IDLEGRID_CA_FILE") or None
        self._tls_name = os.environ.get("IDLEGRID_TLS_NAME")
        self._client: httpx2.Client | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        *,
        unwrap: bool = False,
    ) -> Any:
        """Return the parsed answer to GET; parameters that are None are left out; `unwrap` as in `post`."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        return self._call("GET", path, params=given, timeout=timeout, unwrap=unwrap)

    def post(
        self,
        path: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        *,
        unwrap: bool = False,
    ) -> Any:
        """Return the parsed answer to POST; with `unwrap` the `data` of `{"success": true, "data": …}`."""
        return self._call("POST", path, body=json, headers=headers, timeout=timeout, unwrap=unwrap)

    def put(
        self,
        path: str,
        content: bytes | Iterable[bytes] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        unwrap: bool = False,
    ) -> Any:
        """Send bytes as they are, or `json`, and return the parsed answer; a broken connection makes it send them
        once more. `unwrap` as in `post`. Bytes in pieces must be there anew for each `iter`, and `headers` must then
        say the `Content-Length`.
        """
        return self._call("PUT", path, params=params, content=content, body=json, headers=headers, unwrap=unwrap)

    def delete(self, path: str) -> Any:
        """Return the parsed answer to DELETE."""
        return self._call("DELETE", path)

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes]]:
        """Give the answer to GET as it arrives, in pieces of bytes, in a block that may stop reading at any time."""
        client = self._opened()
        request = client.build_request("GET", path, headers={"Accept": "*/*"}, timeout=self.timeout)
        with self._translated(self.timeout):
            response = self._send(client, request, self.timeout, stream=True)
            try:
                if not response.is_success:
                    response.read()
                    _parsed(response, self.url)
                yield response.iter_bytes()
            finally:
                response.close()

    def use_key(self, api_key: str) -> None:
        """Send this key from the next request on."""
        with self._lock:
            self._api_key = api_key
            if self._client is not None:
                self._client.headers.update(_bearer(api_key))

    def close(self) -> None:
        """Close all connections; a later request raises `Unreachable`."""
        with self._lock:
            client, self._client = self._client, None
            self._closed.set()
        if client is not None:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        unwrap: bool = False,
    ) -> Any:
        patience = self.timeout if timeout is None else timeout
        client = self._opened()
        request = client.build_request(
            method, path, params=params or None, json=body, content=content, headers=headers, timeout=patience
        )
        with self._translated(patience):
            response = self._send(client, request, patience)
        payload = _parsed(response, self.url)
        return payload["data"] if unwrap and isinstance(payload, dict) and "data" in payload else payload

    def _opened(self) -> "httpx2.Client":
        with self._lock:
            if self._closed.is_set():
                raise Unreachable(self._is_closed)
            if self._client is None:
                self._client = _new_client(self.url, self._api_key, self._ca_file)
            return self._client

    @property
    def _is_closed(self) -> str:
        return f"the session with {self.url} is closed: make a new one"

    def _send(
        self, client: "httpx2.Client", request: "httpx2.Request", patience: float, *, stream: bool = False
    ) -> "httpx2.Response":
        """Send it, and again as long as it comes too soon and `patience` seconds allow."""
        until = time.monotonic() + patience
        response = self._send_now(client, request, stream=stream)
        while _came_too_soon(response) and _may_repeat(request) and self._pause(response, until):
            response.close()
            response = self._send_now(client, request, stream=stream)
        return response

    def _pause(self, response: "httpx2.Response", until: float) -> bool:
        """Wait as long as the server wishes; False, at once, when that is too long. Ends when the session is closed."""
        wished = _seconds(response.headers.get("Retry-After"))
        seconds = max(LEAST_PAUSE, RATE_PAUSE if wished is None else wished)
        if time.monotonic() + seconds > until:
            return False
        if self._closed.wait(seconds):
            raise Unreachable(self._is_closed)
        return True

    def _send_now(
        self, client: "httpx2.Client", request: "httpx2.Request", *, stream: bool = False
    ) -> "httpx2.Response":
        import httpx2

        if self._tls_name:
            request.extensions["sni_hostname"] = self._tls_name
        broken = (httpx2.ReadError, httpx2.WriteError, httpx2.CloseError, httpx2.RemoteProtocolError)
        try:
            return client.send(request, stream=stream)
        except broken:
            if self._closed.is_set() or not _may_repeat(request):
                raise
            return client.send(request, stream=stream)

    @contextmanager
    def _translated(self, patience: float) -> Iterator[None]:
        """Turn what the HTTP library raises in the block into `Unreachable`, with a sentence."""
        import httpx2

        try:
            yield
        except httpx2.ConnectTimeout as error:
            raise Unreachable(f"{self.url} could not be reached within {patience:g} s") from error
        except httpx2.TimeoutException as error:
            raise Unreachable(f"{self.url} did not answer within {patience:g} s") from error
        except httpx2.ConnectError as error:
            if doubt := trust.doubt(error, self.url):
                raise Unreachable(doubt) from error
            raise Unreachable(f"nothing answers at {self.url}: is the coordinator running? ({error})") from error
        except httpx2.TransportError as error:
            raise Unreachable(f"the connection to {self.url} broke: {error}") from error


def _new_client(url: str, api_key: str | None, ca_file: str | None) -> "httpx2.Client":
    import httpx2

    try:
        return httpx2.Client(
            base_url=url,
            headers={"Accept": "application/json", **_bearer(api_key)},
            verify=trust.context(url, ca_file),
            trust_env=False,
            limits=httpx2.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS),
        )
    except httpx2.InvalidURL as error:
        raise Unreachable(_NO_ADDRESS.format(repr(url))) from error


def _came_too_soon(response: "httpx2.Response") -> bool:
    return response.status_code == HTTPStatus.TOO_MANY_REQUESTS


def _may_repeat(request: "httpx2.Request") -> bool:
    """Whether asking twice is harmless."""
    return request.method in {"GET", "PUT"} or "Idempotency-Key" in request.headers


def _bearer(api_key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def _parsed(response: "httpx2.Response", url: str) -> Any:
    """Return the body of a good answer; an error for any other."""
    try:
        payload = jsonlib.loads(response.content) if response.content else None
    except ValueError as error:
        if response.is_success:
            raise Unreachable(f"{url} answers, but not in JSON: is it an idlegrid coordinator?") from error
        payload = None
    if response.is_success:
        return payload
    detail, code, details = refusal(payload)
    detail = detail or response.reason_phrase or "no reason given"
    retry_after = _seconds(response.headers.get("Retry-After"))
    raise api_error(response.status_code, detail, code=code, retry_after=retry_after, details=details)


def refusal(payload: Any) -> tuple[str, str, dict[str, Any]]:
    """Find sentence, code and details in each shape of an error: `detail`, and `error` of the envelope or JSON-RPC."""
    if not isinstance(payload, dict):
        return "", "", {}
    error = payload.get("error")
    if isinstance(error, dict):
        details = error.get("details") or error.get("data")
        named = details if isinstance(details, dict) else {}
        return str(error.get("message") or ""), str(error.get("code") or ""), named
    return str(payload.get("detail") or ""), "", {}


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After in seconds; its other form, a date, is not worth a clock here."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
