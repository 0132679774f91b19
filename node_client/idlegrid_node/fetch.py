"""The program that makes the request of an `http` run: started as a run is, with the network and without any
submitted code. Standard library alone: it is handed to the interpreter as text.

Its parameters (JSON in `$IDLEGRID_PARAMETERS`) are `url`, `request` (`method`, `headers`, `body`, each of which may
be absent) and `network`: `public` connects to public addresses only, `any` to all. The response's body goes to
stdout, one byte more of it than is kept; what went wrong goes to stderr, with exit status 1.
"""

import base64
import contextlib
import http.client
import ipaddress
import json
import os
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

KEEP_BYTES = 2**20
"""How much of a body is the result: the protocol's 1 MiB."""
EXCERPT_CHARACTERS = 2000
"""How much of a refusal's body stands in the error."""
CONNECT_SECONDS = 15.0
"""How long one of a host's addresses may keep the others waiting."""
MAX_REDIRECTS = 5
REDIRECTS = {301, 302, 303, 307, 308}
SAFE = "%/:?#[]@!$&'()*+,;=~"
"""What stays as it is in a path or query: the reserved characters, and what is quoted already (RFC 3986, 2.2)."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses inside IPv6 ones (RFC 6052)."""
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where systems keep their certificate authorities; an interpreter built elsewhere may look in another place."""
SECRETS = {"authorization", "cookie", "proxy-authorization"}
"""Headers that another host than the one they were meant for does not get."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """The request cannot or may not be made; the message is for who wanted it."""


@dataclass(frozen=True)
class Request:
    """One request, as it goes out."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class Response:
    """What came back; `body` is cut one byte after what is kept."""

    status: int
    reason: str
    body: bytes


def request_of(parameters: Mapping[str, Any]) -> Request:
    """Read what was asked for; a body that is no text goes as JSON, and without a method makes it a POST."""
    given = parameters.get("request") or {}
    headers = {str(name): str(value) for name, value in (given.get("headers") or {}).items()}
    body, kind = _encoded(given.get("body"))
    if kind and "content-type" not in map(str.lower, headers):
        headers["Content-Type"] = kind
    method = str(given.get("method") or ("GET" if body is None else "POST")).upper()
    return Request(str(parameters["url"]), method, headers, body)


def _encoded(body: Any) -> tuple[bytes | None, str]:
    if body is None:
        return None, ""
    if isinstance(body, str):
        return body.encode("utf-8", "replace"), "text/plain; charset=utf-8"
    return json.dumps(body).encode(), "application/json"


def is_public(text: str) -> bool:
    """Tell whether an address belongs to the Internet at large, also one that wraps another."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return _at_large(address)
    if address.ipv4_mapped is not None:
        return _at_large(address.ipv4_mapped)
    # Site-local is deprecated, and private wherever it still is in use (RFC 3879).
    return not address.is_site_local and all(map(_at_large, (address, *_wrapped(address))))


def _at_large(address: Address) -> bool:
    return address.is_global and not address.is_multicast


def _wrapped(address: ipaddress.IPv6Address) -> Iterator[Address]:
    if address in NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()


def split(url: str) -> SplitResult:
    """Take a URL apart. Raises `Refused` for what is no HTTP address."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise Refused(f"{url[:200]!r} is no address of the form http://HOST/ or https://HOST/")
    return parts


def target_of(parts: SplitResult) -> str:
    """Return the path and query, quoted where that was forgotten."""
    path = quote(parts.path, safe=SAFE) or "/"
    return f"{path}?{quote(parts.query, safe=SAFE)}" if parts.query else path


def redirected(request: Request, status: int, location: str) -> Request:
    """Return the request that a redirect asks for: what browsers do (Fetch standard, 4.4).

    Another host gets no secrets.
    """
    url = urljoin(request.url, location)
    there, here = split(url), split(request.url)
    headers = dict(request.headers)
    if (there.scheme, there.netloc) != (here.scheme, here.netloc):
        headers = {name: value for name, value in headers.items() if name.lower() not in SECRETS}
    becomes_get = (status == 303 and request.method != "HEAD") or (status in {301, 302} and request.method == "POST")
    if not becomes_get:
        return replace(request, url=url, headers=headers)
    kept = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
    return Request(url, "GET", kept)


def addresses(host: str, port: int, network: str) -> list[str]:
    """Return the addresses of a host that may be connected to. Raises `Refused` when there are none."""
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise Refused(f"the host {host} cannot be found: {error}") from error
    allowed = [text for text in dict.fromkeys(found) if network == "any" or is_public(text)]
    if not allowed:
        raise Refused(f"{host} has no public address, and this node's owner allows no others")
    return allowed


def connect(host: str, port: int, network: str) -> socket.socket:
    """Connect to the first address that answers, of those that were looked at. Raises `Refused`."""
    failure = ""
    for address in addresses(host, port, network):
        try:
            connection = socket.create_connection((address, port), timeout=CONNECT_SECONDS)
        except OSError as error:
            failure = f"{host} cannot be reached on port {port}: {error.strerror or error}"
        else:
            connection.settimeout(None)  # the run's own timeout is who ends it
            return connection
    raise Refused(failure)


def secure(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """Wrap a connection in TLS, and see that it is the host's. Raises OSError."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        for path in filter(os.path.exists, AUTHORITIES):
            context.load_verify_locations(path)
    return context.wrap_socket(plain, server_hostname=host)


def ask(request: Request, network: str) -> http.client.HTTPResponse:
    """Send one request and return the beginning of its answer. Raises `Refused`, or what the network raises."""
    parts = split(request.url)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    line = http.client.HTTPConnection(host, port)
    plain = connect(host, port, network)
    line.sock = secure(plain, host) if parts.scheme == "https" else plain
    line.default_port = 443 if parts.scheme == "https" else 80
    line.request(request.method, target_of(parts), body=request.body, headers=_headers(request, parts))
    return line.getresponse()


def _headers(request: Request, parts: SplitResult) -> dict[str, str]:
    """Return what was given, as it was written, and of ours what was not."""
    ours = {"Accept-Encoding": "identity", "User-Agent": "idlegrid", "Connection": "close", **_credentials(parts)}
    given = {name.lower() for name in request.headers}
    return {name: value for name, value in ours.items() if name.lower() not in given} | dict(request.headers)


def _credentials(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def follow(request: Request, network: str) -> Response:
    """Return the last response of a chain of redirects. Raises `Refused`, or what the network raises."""
    for _ in range(MAX_REDIRECTS + 1):
        with ask(request, network) as answer:
            location = answer.getheader("Location")
            if answer.status not in REDIRECTS or not location:
                return Response(answer.status, answer.reason, _text(answer))
        request = redirected(request, answer.status, location)
    raise Refused(f"more than {MAX_REDIRECTS} redirects, the last to {request.url[:200]}")


def _text(answer: http.client.HTTPResponse) -> bytes:
    """Return the body in UTF-8 where it says that it is in another encoding."""
    body = answer.read(KEEP_BYTES + 1)
    if len(body) <= KEEP_BYTES and answer.length:
        raise http.client.IncompleteRead(body, answer.length)
    charset = answer.headers.get_content_charset("utf-8")
    with contextlib.suppress(LookupError):
        return body if charset in {"utf-8", "utf8"} else body.decode(charset, "replace").encode()
    return body


def complaint(response: Response) -> str:
    """Return the error that a status of 400 or above makes, or nothing."""
    if response.status < 400:
        return ""
    excerpt = response.body.decode("utf-8", "replace")[:EXCERPT_CHARACTERS].strip()
    return f"HTTP {response.status} {response.reason}".rstrip() + (f"\n{excerpt}" if excerpt else "")


def perform(parameters: Mapping[str, Any]) -> tuple[bytes, str]:
    """Make the request; returns the body and the error, which is empty when it went well."""
    try:
        response = follow(request_of(parameters), parameters["network"])
    except Refused as error:
        return b"", str(error)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return b"", f"the request failed: {str(error) or type(error).__name__}"
    return response.body, complaint(response)


def main() -> int:
    """Make the request of this process's parameters; returns its exit status."""
    body, error = perform(json.loads(os.environ["IDLEGRID_PARAMETERS"]))
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()
    print(error, file=sys.stderr, end="")
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main())
