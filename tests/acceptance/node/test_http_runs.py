"""`http` runs: the node makes a request itself, as far as its owner lets it out."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from .machines import ALWAYS, Keyboard, machine

MIB = 2**20


class Site(BaseHTTPRequestHandler):
    """What a request can meet, by its path."""

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].strip("/")
        getattr(self, f"on_{name}", self.on_missing)()

    do_POST = do_PUT = do_GET  # noqa: N815 - the library's names

    def on_echo(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        said = {"method": self.command, "path": self.path, "body": self.rfile.read(length).decode()}
        self.answer(200, json.dumps(said | {"headers": {k.lower(): v for k, v in self.headers.items()}}).encode())

    def on_large(self) -> None:
        self.answer(200, b"x" * (2 * MIB))

    def on_latin(self) -> None:
        self.answer(200, "größe".encode("latin-1"), **{"Content-Type": "text/plain; charset=iso-8859-1"})

    def on_cut(self) -> None:
        self.answer(200, b"half", **{"Content-Length": "8"})

    def on_around(self) -> None:
        self.answer(302, b"", Location="/around")

    def on_over(self) -> None:
        self.answer(307, b"", Location="/echo")

    def on_elsewhere(self) -> None:
        self.answer(302, b"", Location="file:///etc/passwd")

    def on_slow(self) -> None:
        self.server.asked.set()
        self.server.done.wait(60)

    def on_missing(self) -> None:
        self.answer(404, b"nothing of that name " + b"." * 5000)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    server.asked, server.done = threading.Event(), threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.done.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with machine(tmp_path_factory.mktemp("node"), *ALWAYS, "--network", "any", "--slots", "2") as there:
        yield there


def fetch(node, url, timeout=60.0, **request):
    return node.run("", timeout, task_type="http", command=url, request=request)


def test_only_a_node_whose_owner_allows_network_offers_http(node, grid):
    assert node.grid.heartbeats[-1]["task_types"] == ["python", "shell", "http"]
    assert grid.heartbeats[-1]["task_types"] == ["python", "shell"]
    report = grid.run("", task_type="http", command="http://127.0.0.1/")
    assert (report["outcome"], report["reason"]) == ("returned", "task_type")


def test_the_body_is_the_result(node, site):
    report = fetch(node, f"{site.url}/echo?a=b c")
    said = json.loads(report["result"])
    assert (report["outcome"], report["exit_code"], report["truncated"]) == ("completed", 0, False)
    assert (said["method"], said["path"], said["body"]) == ("GET", "/echo?a=b%20c", "")
    assert report["usage"]["wall_seconds"] > 0


def test_method_headers_and_body_go_out_as_given(node, site):
    given = {"method": "PUT", "headers": {"X-Mark": "m", "content-type": "text/csv"}, "body": "1,ü"}
    said = json.loads(fetch(node, f"{site.url}/echo", **given)["result"])
    assert (said["method"], said["body"], said["headers"]["x-mark"]) == ("PUT", "1,ü", "m")
    assert said["headers"]["content-type"] == "text/csv"


def test_any_other_body_goes_as_json(node, site):
    said = json.loads(fetch(node, f"{site.url}/over", body={"a": [1, None]})["result"])
    assert (said["method"], json.loads(said["body"])) == ("POST", {"a": [1, None]})
    assert said["headers"]["content-type"] == "application/json"


def test_a_refusal_is_a_failure_that_shows_what_was_said(node, site):
    report = fetch(node, f"{site.url}/nowhere")
    assert (report["outcome"], report["reason"]) == ("failed", "user_error")
    assert report["error"].startswith("HTTP 404 Not Found\nnothing of that name ...")
    assert len(report["error"]) < 3000


def test_a_body_is_cut_and_its_encoding_understood(node, site):
    large = fetch(node, f"{site.url}/large")
    assert (large["outcome"], large["truncated"], len(large["result"])) == ("completed", True, MIB)
    assert fetch(node, f"{site.url}/latin")["result"] == "größe"


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("/around", "more than 5 redirects"),
        ("/elsewhere", "is no address of the form"),
        ("/cut", "the request failed: IncompleteRead"),
    ],
)
def test_what_goes_wrong_is_said_in_a_sentence(node, site, path, complaint):
    report = fetch(node, site.url + path)
    assert (report["outcome"], report["reason"]) == ("failed", "user_error")
    assert complaint in report["error"]
    assert "Traceback" not in report["error"]


def test_what_cannot_be_reached_is_named(node, site):
    closed = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    closed.server_close()
    report = fetch(node, f"http://127.0.0.1:{closed.server_port}/")
    assert f"127.0.0.1 cannot be reached on port {closed.server_port}: Connection refused" in report["error"]
    assert "cannot be found" in fetch(node, "http://no-such-host.invalid/")["error"]
    assert "Traceback" not in fetch(node, f"{site.url}/echo", headers={"X": "a\r\nHost: b"})["error"]


def test_the_run_s_timeout_ends_a_request(node, site):
    report = fetch(node, f"{site.url}/slow", timeout=1.0)
    assert (report["outcome"], report["reason"]) == ("timed_out", "timeout")


def test_a_public_node_refuses_what_is_near(site, tmp_path):
    with machine(tmp_path, *ALWAYS, settings={"IDLEGRID_NODE_NETWORK": "public"}) as there:
        port = site.server_port
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "169.254.1.1", "10.0.0.1"):
            report = fetch(there, f"http://{host}:{port}/echo")
            assert report["outcome"] == "failed"
            assert "no public address, and this node's owner allows no others" in report["error"]
        code = f"import socket\ntry: socket.create_connection(('127.0.0.1', {port}))\nexcept OSError: print('shut')"
        assert there.run(code)["result"] == "shut"


def test_a_request_stands_still_while_the_owner_is_there(site, tmp_path):
    keyboard = Keyboard(tmp_path)
    site.asked.clear()
    with machine(tmp_path, "--network", "any", policy=keyboard.policy()) as there:
        attempt = there.grid.submit("", task_type="http", command=f"{site.url}/slow", request={})
        assert site.asked.wait(60)

        def typing():
            keyboard.press()
            return there.grid.states_of(attempt)[-1:] == ["frozen"]

        there.grid.wait(typing, "a heartbeat: frozen")
        there.grid.order("stop", attempt, "cancelled")
        assert there.grid.report_of(attempt)["outcome"] == "cancelled"
