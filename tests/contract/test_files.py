"""Files out: a node sends them before its report, a submitter lists and fetches them."""

import hashlib
import http.client
import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import quote, unquote, urlsplit

import pytest

MIB = 1 << 20
STRANGE = "dir a/ünï & 100% #1?/r'é\"s;u.txt"


class Held:
    """A run that a machine holds, and the raw requests that no library would send."""

    def __init__(self, grid) -> None:
        self.grid, self.machine = grid, grid.machine()
        self.run = grid.submit()
        self.attempt = self.machine.lease()

    def path(self, encoded: str, **words: str) -> str:
        attempt = {**self.attempt, **words}
        query = f"node_id={self.machine.id}&lease_id={attempt['lease_id']}"
        return f"/internal/files/{attempt['run']}/{encoded}?{query}"

    def put_raw(self, encoded: str, body=b"x", **words: str) -> tuple[int, str]:
        """Status and body; the path goes out as it stands."""
        connection = http.client.HTTPConnection(urlsplit(self.grid.url).netloc, timeout=30)
        try:
            connection.request("PUT", self.path(encoded, **words), body)
            with connection.getresponse() as answer:
                return answer.status, answer.read().decode()
        finally:
            connection.close()

    def put(self, name: str, body=b"hello", **words: str) -> int:
        return self.put_raw(quote(name), body, **words)[0]

    def listed(self):
        return self.grid.get(f"/api/runs/{self.run}/files").json()["data"]["items"]

    def names(self) -> list[str]:
        return [item["name"] for item in self.listed()]

    def fetch(self, name: str, **headers: str):
        return self.grid.ask("GET", f"/api/runs/{self.run}/files/{quote(name)}", headers=headers)

    def again(self) -> None:
        """The attempt is handed back, and the machine gets the next."""
        self.machine.report(self.attempt, "evicted")
        self.attempt = self.machine.lease()


@pytest.fixture
def held(grid) -> Held:
    return Held(grid)


@pytest.mark.parametrize("name", ["a.txt", "a/b/c.csv", "...", STRANGE])
def test_a_file_is_listed_and_comes_back_as_it_was_sent(held, name):
    body = b"\0\xff" + os.urandom(1000)
    assert held.put_raw(quote(name), body) == (200, '{"status":"ok"}')
    (item,) = held.listed()
    assert set(item) == {"name", "size", "media_type", "sha256", "created_at"}
    assert (item["name"], item["size"], item["sha256"]) == (name, 1002, hashlib.sha256(body).hexdigest())
    answer = held.fetch(name)
    assert (answer.status_code, answer.content) == (200, body)


def test_files_may_be_fetched_while_the_run_goes_on_and_when_it_has_ended(held):
    held.put("b.txt", b"2")
    held.put("a.txt", b"1")
    page = held.grid.get(f"/api/runs/{held.run}/files").json()["data"]
    assert ([item["name"] for item in page["items"]], page["total"]) == (["a.txt", "b.txt"], 2)
    assert held.machine.report(held.attempt).status_code == 200
    assert held.names() == ["a.txt", "b.txt"]
    assert held.grid.run(held.run)["files"] == 2
    assert held.fetch("b.txt").content == b"2"


def test_a_run_without_files_has_an_empty_list(held):
    assert held.grid.get(f"/api/runs/{held.run}/files").json()["data"] == {"items": [], "total": 0}
    assert held.grid.run(held.run)["files"] == 0
    assert held.fetch("a.txt").status_code == 404


def test_a_stranger_s_page_is_downloaded_and_never_shown(held):
    held.put("a/x.html", b"<script>alert(1)</script>")
    headers = held.fetch("a/x.html").headers
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''x.html"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox"
    assert headers["Content-Length"] == "25"
    assert (headers["Content-Type"], held.listed()[0]["media_type"]) == ("text/html", "text/html")


def test_a_download_is_named_by_the_last_part_of_the_name(held):
    held.put(STRANGE)
    kind, _, name = held.fetch(STRANGE).headers["Content-Disposition"].partition("filename*=UTF-8''")
    assert (kind, unquote(name)) == ("attachment; ", "r'é\"s;u.txt")
    assert set("\"'; ").isdisjoint(name)


def test_who_has_a_file_is_not_sent_it_again(held):
    held.put("a.txt", b"one")
    tag = held.fetch("a.txt").headers["ETag"]
    assert tag == f'"{hashlib.sha256(b"one").hexdigest()}"'
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = held.fetch("a.txt", **{"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)
    held.put("a.txt", b"two")
    assert held.fetch("a.txt", **{"If-None-Match": tag}).content == b"two"


def test_an_empty_file_is_a_file(held):
    assert held.put("empty", b"") == 200
    answer = held.fetch("empty")
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


def test_the_same_name_again_replaces(held):
    held.put("a.txt", b"one")
    held.put("a.txt", b"two!")
    assert [(item["name"], item["size"]) for item in held.listed()] == [("a.txt", 4)]


def test_a_body_in_pieces_without_its_length_is_taken_too(held):
    assert held.put("a", iter([b"one", b"two"])) == 200
    assert held.fetch("a").content == b"onetwo"


BAD = [
    *("", "..%2Fx", "../x", "a/../../x", "%2e%2e/x", "./a", "a/.", "a//b", "/etc/passwd", "%2Fetc", "a/", "a%00b"),
    *("a%0Ab", "a%0A", "a%7F", "a%C2%85b", "a%5Cb", "%FF", "%ED%A0%80", "x" * 256, "/".join("a" * 17)),
]


@pytest.mark.parametrize("encoded", BAD, ids=[name[:20] for name in BAD])
def test_a_name_that_could_lead_astray_is_refused(held, encoded):
    status, body = held.put_raw(encoded)
    assert (status, "name is a relative path" in body) == (400, True), body
    assert held.names() == []


@pytest.mark.parametrize("encoded", ["..%2F..%2Fruns", "%2e%2e/logs", "a%0A", "%00", "%FF"])
def test_a_bad_name_is_not_found_and_nothing_else_either(held, encoded):
    held.put("a")
    connection = http.client.HTTPConnection(urlsplit(held.grid.url).netloc, timeout=30)
    connection.request("GET", f"/api/runs/{held.run}/files/{encoded}")
    with connection.getresponse() as answer:
        assert answer.status == 404
    connection.close()


def test_the_longest_names_are_fine(held):
    for name in ("x" * 255, "/".join("a" * 16), "é" * 255):
        assert held.put(name) == 200, name
    assert len(held.names()) == 3


def test_only_the_newest_attempt_sends_files(held):
    old = held.attempt
    held.again()
    status, body = held.put_raw("a.txt", lease_id=old["lease_id"])
    assert (status, "newer attempt" in body) == (409, True)
    assert held.put("a.txt") == 200


def test_after_the_report_no_file_is_taken(held):
    held.put("a.txt", b"one")
    held.machine.report(held.attempt)
    status, body = held.put_raw("a.txt", b"two")
    assert (status, "has ended" in body) == (409, True)
    assert held.fetch("a.txt").content == b"one"


def test_a_cancelled_run_takes_no_file(held):
    held.grid.post(f"/api/runs/{held.run}/abort")
    assert held.put("a.txt") == 409


def test_an_unknown_run_has_no_files(held):
    assert held.put("a.txt", run="0b9f0000-0000-0000-0000-000000000000") == 404
    assert held.put("a.txt", run="%00") == 422


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("node_id=n", 400), (f"lease_id={'0' * 32}", 400), ("node_id=n&lease_id=short", 422)],
)
def test_node_and_lease_must_be_named(held, query, status):
    answer = held.grid.ask("PUT", f"/internal/files/{held.attempt['run']}/a?{query}", data=b"x")
    assert (answer.status_code, "_id" in answer.json()["detail"]) == (status, True)


def test_files_of_an_older_attempt_stay_until_a_newer_one_sends_its_first(held):
    held.put("old")
    held.again()
    assert held.names() == ["old"]
    held.put("new")
    assert held.names() == ["new"]
    held.machine.report(held.attempt)
    assert held.names() == ["new"]


def test_a_hundred_files_are_taken_and_no_more(held):
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(held.put, (f"{number}.txt" for number in range(100)))) == {200}
    status, body = held.put_raw("one-more")
    assert (status, "at most 100 files" in body) == (413, True)
    assert held.put("7.txt", b"replaced") == 200
    assert held.grid.run(held.run)["files"] == 100


def test_all_files_of_an_attempt_together_may_have_fifty_mebibytes(held):
    body = os.urandom(MIB) * 49
    assert held.put("large", body) == 200
    assert held.fetch("large").content == body
    for pieces in (bytes(MIB + 1), iter([bytes(MIB), b"x"])):
        status, words = held.put_raw("rest", pieces)
        assert (status, "50 MiB" in words) == (413, True)
    assert held.put("rest", bytes(MIB)) == 200
    assert held.put("large", b"now small") == 200
    assert held.put("more", bytes(MIB)) == 200


@pytest.mark.parametrize("sized", [True, False])
def test_a_single_file_over_fifty_mebibytes_is_too_large(held, sized):
    body = bytes(50 * MIB + 1)
    pieces = body if sized else (body[start : start + MIB] for start in range(0, len(body), MIB))
    with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
        assert held.put("large", pieces) == 413
    assert held.names() == []


def test_a_sender_who_hangs_up_leaves_nothing_behind(held, eventually):
    for _ in range(3):
        address = urlsplit(held.grid.url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            head = f"PUT {held.path('a.txt')} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 3000000\r\n\r\n"
            connection.sendall(head.encode() + bytes(2 * MIB))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert held.put("b.txt") == 200
    assert held.names() == ["b.txt"]


def test_a_stale_file_is_refused_at_once_however_large_it_is(held):
    held.machine.report(held.attempt)
    address = urlsplit(held.grid.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        head = f"PUT {held.path('a.txt')} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 40000000\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 409"


def test_a_foreign_page_neither_sends_nor_fetches(held):
    held.put("a.txt")
    foreign = {"Origin": "https://evil.example"}
    assert held.fetch("a.txt", **foreign).status_code == 403
    assert held.grid.ask("PUT", held.path("a.txt"), data=b"x", headers=foreign).status_code == 403
    assert held.grid.ask("OPTIONS", held.path("a.txt"), headers=foreign).status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_node_only_puts(held, method):
    assert held.grid.ask(method, held.path("a.txt")).status_code == 405
