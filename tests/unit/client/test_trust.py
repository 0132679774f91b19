"""Which coordinators at https:// are believed, over a real TLS server."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from idlegrid import Client, Session, Unreachable

from ...certificates import self_signed


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A caller who hangs up in the midst of a handshake is no news."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"), "DNS:localhost", "DNS:grid.lab")


@pytest.fixture(scope="module")
def port(pair):
    """Of a server that shows the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(url, ca_file=None):
    with Session(url, timeout=20, ca_file=ca_file) as session:
        return session.get("/")


def test_a_certificate_that_nobody_vouches_for_is_believed_when_it_is_given(port, pair, monkeypatch):
    url = f"https://localhost:{port}"
    assert ask(url, str(pair.cert)) == {}
    with Client(url, ca_file=str(pair.cert)) as client:
        assert client.stats() == {}
    monkeypatch.setenv("IDLEGRID_CA_FILE", str(pair.cert))
    assert ask(url) == {}


def test_it_is_not_believed_otherwise_and_the_sentence_says_what_to_do(port, monkeypatch, tmp_path):
    monkeypatch.delenv("IDLEGRID_CA_FILE", raising=False)
    url, stranger = f"https://localhost:{port}", self_signed(tmp_path, "DNS:localhost")
    for ca_file in (None, str(stranger.cert)):
        with pytest.raises(Unreachable, match=r"localhost:.* is not trusted: .*; name a file .* IDLEGRID_CA_FILE$"):
            ask(url, ca_file)


def test_it_is_believed_for_the_names_in_it_alone(port, pair, monkeypatch):
    url = f"https://127.0.0.1:{port}"
    with pytest.raises(Unreachable, match=r"is not trusted: .*not valid for '127\.0\.0\.1'$"):
        ask(url, str(pair.cert))
    monkeypatch.setenv("IDLEGRID_TLS_NAME", "grid.lab")
    assert ask(url, str(pair.cert)) == {}
    monkeypatch.setenv("IDLEGRID_TLS_NAME", "other.lab")
    with pytest.raises(Unreachable, match=r"not valid for 'other\.lab'"):
        ask(url, str(pair.cert))


def test_a_file_without_certificates_is_named(port, pair, tmp_path):
    for file, words in ((pair.key, "no PEM certificate in it"), (tmp_path / "none", "No such file")):
        with pytest.raises(Unreachable, match=f"{file.name} cannot be used: .*{words}"):
            ask(f"https://localhost:{port}", str(file))


def test_a_coordinator_that_speaks_plain_http_is_told_from_an_untrusted_one(grid, pair):
    with pytest.raises(Unreachable, match="does not speak https"):
        ask(grid.url.replace("http:", "https:"), str(pair.cert))
