"""One try: a signed POST to the very address that was looked at, over after five seconds, whatever the endpoint does.

On an event loop, because there one timeout bounds it all: looking the name up, connecting, TLS, headers that drip. What
is said about a failure names the host at most: the rest of a URL may be secret.
"""

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import httpx2
from standardwebhooks import Webhook as Signature

from idlegrid_server import VERSION
from idlegrid_server.core.addresses import is_public
from idlegrid_server.core.webhooks import TRY_SECONDS, Delivery, Tried
from idlegrid_server.resolving import resolver

EXCERPT: Final = 200
"""Characters of an answer's body that stand in the error."""
CHUNK_BYTES: Final = 1_024
"""Where reading an answer's body ends; what comes in one piece, at most 64 KiB, is read before that is noticed."""
CONNECT_SECONDS: Final = 2.0
"""How long one of several addresses may keep the next one waiting."""
LOOKUPS: Final = 64
"""Names looked up at a time: a name whose servers are dead holds a thread for as long as the system likes."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host and port → addresses. Raises OSError, or UnicodeError for what cannot be a name."""


class Refused(Exception):
    """The endpoint cannot or may not be asked; the message says why."""


class Sender:
    """Sends deliveries. One for a process: the trusted certificates are read once."""

    def __init__(self, *, allow_private: bool, resolve: Resolve | None = None) -> None:
        self._allow_private, self._resolve = allow_private, resolve or resolver(LOOKUPS)
        self._trust = httpx2.create_ssl_context()

    async def send(self, url: str, secret: str, delivery: Delivery) -> Tried:
        """Try once; never raises for what the endpoint did or is."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(TRY_SECONDS):
                status, error = await self._post(httpx2.URL(url), secret, delivery)
        except TimeoutError:
            status, error = None, f"no answer within {TRY_SECONDS:g} s"
        except Refused as refusal:
            status, error = None, str(refusal)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as failure:
            status, error = None, in_words(failure)
        return Tried(status, error, time.monotonic() - began)

    async def _post(self, url: httpx2.URL, secret: str, delivery: Delivery) -> tuple[int, str]:
        addresses = await self._look_up(url.host, url.port or (443 if url.scheme == "https" else 80))
        headers = {"Host": url.netloc.decode("ascii"), **_headers(secret, delivery, datetime.now(UTC))}
        for address in addresses[:-1]:
            with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return await self._ask(url, address, headers, delivery.body, CONNECT_SECONDS)
        return await self._ask(url, addresses[-1], headers, delivery.body, None)

    async def _look_up(self, host: str, port: int) -> list[str]:
        """The addresses that may be connected to. Raises Refused when there are none."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise Refused(f"the host {host} cannot be found") from error
        allowed = [text for text in dict.fromkeys(found) if self._allow_private or is_public(text)]
        if not allowed:
            raise Refused(f"{host} leads to a private address, and webhooks may not go there")
        return allowed

    async def _ask(
        self, url: httpx2.URL, address: str, headers: dict[str, str], body: str, patience: float | None
    ) -> tuple[int, str]:
        # A client for one request: connections are pooled by address, and two hosts of one address must not share one.
        async with httpx2.AsyncClient(
            verify=self._trust, trust_env=False, timeout=httpx2.Timeout(None, connect=patience)
        ) as client:
            there, name = url.copy_with(host=address), {"sni_hostname": url.host}
            async with client.stream(
                "POST", there, headers=headers, content=body.encode(), extensions=name
            ) as response:
                if response.is_success:
                    return response.status_code, ""
                return response.status_code, _complaint(response, await _excerpt(response))


def _headers(secret: str, delivery: Delivery, now: datetime) -> dict[str, str]:
    """`now` must be in UTC."""
    return {
        "Content-Type": "application/json",
        "User-Agent": f"idlegrid/{VERSION}",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signature(secret).sign(delivery.id, now, delivery.body),
    }


async def _excerpt(response: httpx2.Response) -> str:
    """How the body begins, on one line; what does not come does not matter."""
    read = b""
    with suppress(httpx2.HTTPError):
        async for chunk in response.aiter_raw():
            read += chunk
            if len(read) >= CHUNK_BYTES:
                break
    text = " ".join(read[:CHUNK_BYTES].decode("utf-8", "replace").split())
    return "".join(filter(str.isprintable, text))[:EXCERPT]


def _complaint(response: httpx2.Response, excerpt: str) -> str:
    status = f"{response.status_code} {response.reason_phrase}".rstrip()
    if response.has_redirect_location:
        return f"{status}: redirects are not followed, and this one leads to {_named(response.headers['location'])}"
    if response.status_code == HTTPStatus.GONE:
        return f"{status}: the endpoint wants to hear no more"
    return f"{status}: {excerpt}" if excerpt else status


def _named(location: str) -> str:
    """Where a redirect leads, without what may be secret."""
    bare = location.partition("?")[0].partition("#")[0][:EXCERPT]
    scheme, slashes, rest = bare.partition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}"


def in_words(failure: BaseException) -> str:
    """Why there was no answer, in a few words: the deepest cause knows best."""
    for cause in _causes(failure):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS: the certificate was refused: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {(cause.reason or 'no handshake').replace('_', ' ').lower()}"
        if isinstance(cause, OSError) and cause.errno is not None:
            return f"cannot connect: {os.strerror(cause.errno)}"
    if isinstance(failure, httpx2.HTTPError):
        return f"the connection broke: {str(failure) or type(failure).__name__}"
    return f"this cannot be sent: {type(failure).__name__}"


def _causes(failure: BaseException) -> list[BaseException]:
    """It, and what led to it, the deepest first."""
    chain: list[BaseException] = []
    found: BaseException | None = failure
    while found is not None and found not in chain:
        chain.insert(0, found)
        found = found.__cause__ or found.__context__
    return chain
