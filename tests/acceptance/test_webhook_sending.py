"""One try to deliver, against real endpoints: what it may connect to, whose certificate it believes, what it says."""

import asyncio
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Signature

from idlegrid_server.core.webhooks import EventType, Tried, new_delivery
from idlegrid_server.housekeeping.webhooks.sending import Resolve, Sender

from .endpoints import endpoint

SECRET = "whsec_" + "c2VjcmV0" * 4
PUBLIC = "203.0.113.7"
"""An address that is looked up, and must not be connected to."""


def tried(url: str, *, allow_private: bool = True, resolve: Resolve | None = None) -> Tried:
    """What comes of one try."""

    async def send() -> Tried:
        sender = Sender(allow_private=allow_private, resolve=resolve)
        return await sender.send(url, SECRET, new_delivery(1, EventType.TASK_CREATED, '{"a":1}', time.time()))

    return asyncio.run(send())


def names(*answers: str) -> Resolve:
    """Names stand for one of these addresses at each look, in turn: what a rebinding name server does."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return [left.pop(0)]

    return resolve


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"])
def test_a_name_or_address_that_leads_inside_is_refused(host: str) -> None:
    with endpoint() as inside:
        answer = tried(f"http://{host}:{inside.port}/?token=s3cret", allow_private=False)
        assert answer.status_code is None
        assert "private address" in answer.error
        assert "s3cret" not in answer.error
        assert inside.heard == []


def test_a_name_that_was_public_a_moment_ago_is_refused_where_it_leads_now() -> None:
    with endpoint() as inside:
        resolve = names("127.0.0.1")
        assert (
            "private address"
            in tried(f"http://rebound.test:{inside.port}/", allow_private=False, resolve=resolve).error
        )
        assert inside.heard == []


def test_the_address_connected_to_is_the_one_that_was_looked_up_and_it_is_looked_up_once() -> None:
    with endpoint() as there:
        answer = tried(f"http://nowhere.test:{there.port}/hook?x=1", resolve=names("127.0.0.1"))
        assert (answer.status_code, answer.error) == (204, "")
        assert there.heard[0].headers["host"] == f"nowhere.test:{there.port}"
        assert there.heard[0].path == "/hook?x=1"
        Signature(SECRET).verify(there.heard[0].body, there.heard[0].headers)


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint() as proxy, endpoint() as there:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert tried(there.url).status_code == 204
        assert proxy.heard == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of its own for `hooks.test`, with its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-days", "2", "-subj", "/CN=hooks.test", "-addext", "subjectAltName=DNS:hooks.test"]
    subprocess.run([*words, "-keyout", key, "-out", made], check=True, capture_output=True)
    made.write_text(made.read_text() + key.read_text())
    return made


def test_a_certificate_must_be_trusted_and_be_the_names(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with endpoint(tls=context) as there:
        url = f"https://hooks.test:{there.port}/"
        assert "certificate was refused: self-signed" in tried(url, resolve=names("127.0.0.1")).error
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert tried(url, resolve=names("127.0.0.1")).status_code == 204
        other = f"https://other.test:{there.port}/"
        assert "certificate was refused: Hostname mismatch" in tried(other, resolve=names("127.0.0.1")).error
        assert len(there.heard) == 1


def test_each_way_to_fail_has_its_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refusing = taken.getsockname()[1]
    assert tried(f"http://127.0.0.1:{refusing}/").error == "cannot connect: Connection refused"
    assert tried("http://nowhere.invalid/").error == "the host nowhere.invalid cannot be found"
    with endpoint((503, {}, b"down for\n  now\0")) as there:
        assert tried(there.url).error == "503 Service Unavailable: down for now"
        assert tried(there.url.replace("http", "https")).error.startswith("TLS: ")
    with endpoint((410, {}, b"")) as gone:
        assert tried(gone.url).error == "410 Gone: the endpoint wants to hear no more"
