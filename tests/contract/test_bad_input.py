"""Whatever is sent, the answer is a clear error with a `detail` that is a text, and nothing is recorded."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

JSON = {"Content-Type": "application/json"}


def refused(answer, *statuses: int) -> bool:
    """Whether the answer is an error of the idle API's shape with one of these statuses."""
    body = answer.json()
    return answer.status_code in statuses and set(body) == {"detail"} and isinstance(body["detail"], str)


@pytest.fixture
def nothing_recorded(grid):
    """The grid; when the test is over it holds as many tasks as before."""
    before = grid.task_count()
    yield grid
    assert grid.task_count() == before


CODE = [
    ("", 400, "Code cannot be empty"),
    ("   ", 400, "Code cannot be empty"),
    ("\n\t\r\n", 400, "Code cannot be empty"),
    ("x" * 10_001, 400, "Code too long (max 10000 characters)"),
    ("é" * 10_001, 400, "Code too long (max 10000 characters)"),
    ("print('\0')", 422, "Code cannot contain NUL characters"),
]


@pytest.mark.parametrize(("code", "status", "detail"), CODE, ids=[f"{d[:14]}-{n}" for n, (_, _, d) in enumerate(CODE)])
def test_code_that_cannot_be_run(nothing_recorded, code, status, detail):
    answer = nothing_recorded.post("/submit", {"code": code})
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_ten_thousand_characters_are_fine(grid, letter):
    assert grid.submit(letter * 10_000) > 0


WRONG = [
    ("code", 7),
    ("code", None),
    ("code", ["print(1)"]),
    ("code", {"a": 1}),
    ("code", True),
    ("timeout", "300"),
    ("timeout", None),
    ("timeout", True),
    ("timeout", [300]),
    ("timeout", 0),
    ("timeout", -1),
    ("timeout", 1e12),
    ("timeout", 10**400),
    ("resources", 1),
    ("resources", None),
    ("resources", []),
    ("resources", "1 core"),
    ("resources.cpu", 0),
    ("resources.cpu", -1),
    ("resources.cpu", "1"),
    ("resources.cpu", None),
    ("resources.cpu", 1e9),
    ("resources.memory", 0),
    ("resources.memory", -512),
    ("resources.memory", "512"),
    ("resources.memory", True),
    ("resources.memory", 1e300),
    ("priority", "urgent"),
    ("priority", 1),
    ("requires", "gpu"),
    ("requires", [1]),
    ("requires", [""]),
    ("requires", ["a b"]),
    ("requires", ["a/b"]),
    ("requires", ["a\n"]),
    ("requires", ["a" * 101]),
    ("requires", ["a"] * 21),
    ("min_sandbox", 0),
    ("min_sandbox", 5),
    ("min_sandbox", "3"),
    ("min_sandbox", 3.5),
    ("min_sandbox", True),
    ("min_sandbox", [3]),
    ("parameters", []),
    ("parameters", "x"),
    ("parameters", None),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=[f"{f}={str(v)[:12]!a}" for f, v in WRONG])
def test_a_wrong_type_or_a_value_out_of_range_names_its_field(nothing_recorded, field, value):
    body = {"code": "print(1)"}
    first, _, rest = field.partition(".")
    body[first] = {rest: value} if rest else value
    answer = nothing_recorded.post("/submit", body)
    assert refused(answer, 422)
    assert answer.json()["detail"].startswith(field)


def test_a_missing_field_is_named(nothing_recorded):
    answer = nothing_recorded.post("/submit", {"timeout": 300})
    assert (answer.status_code, answer.json()) == (400, {"detail": "code: Field required"})


RAW = {
    "nothing": b"",
    "cut off": b'{"code": "print(',
    "words": b"print(1)",
    "a list": b"[]",
    "a text": b'"print(1)"',
    "null": b"null",
    "two objects": b'{"code": "1"}{"code": "2"}',
    "single quotes": b"{'code': 'print(1)'}",
    "not UTF-8": b'\xff\xfe{"code": "1"}',
    "bytes in a text that are not UTF-8": b'{"code": "print(\xff)"}',
    "a lone surrogate": b'{"code": "print(\\ud800)"}',
    "a lone surrogate as bytes": b'{"code": "print(\xed\xa0\x80)"}',
    "a lone surrogate in the parameters": b'{"code": "1", "parameters": {"a": "\\udfff"}}',
    "a lone surrogate in a name": b'{"code": "1", "parameters": {"\\udfff": 1}}',
    "NaN": b'{"code": "1", "timeout": NaN}',
    "Infinity": b'{"code": "1", "resources": {"cpu": Infinity}}',
    "minus Infinity": b'{"code": "1", "resources": {"memory": -Infinity}}',
    "a number beyond all bounds": b'{"code": "1", "timeout": 1e999}',
    "NaN in the parameters": b'{"code": "1", "parameters": {"a": NaN}}',
    "a number beyond all bounds in the parameters": b'{"code": "1", "parameters": {"a": [1e999]}}',
    "a number of five thousand digits": b'{"code": "1", "timeout": ' + b"9" * 5000 + b"}",
    "nested without end": b'{"code": "1", "parameters": {"a": ' + b"[" * 50_000,
}


@pytest.mark.parametrize("what", RAW)
@pytest.mark.parametrize("key", ["", "a-key-that-is-never-good"])
def test_a_body_that_is_no_good_json(nothing_recorded, what, key):
    headers = JSON | ({"Idempotency-Key": key} if key else {})
    assert refused(nothing_recorded.ask("POST", "/submit", data=RAW[what], headers=headers), 400, 422)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense", ""]
)
def test_a_body_that_is_not_sent_as_json(nothing_recorded, kind):
    answer = nothing_recorded.ask("POST", "/submit", data=b'{"code": "1"}', headers={"Content-Type": kind})
    assert refused(answer, 400)
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/problem+json"])
def test_json_by_another_spelling_is_fine(grid, kind):
    assert grid.ask("POST", "/submit", data=b'{"code": "1"}', headers={"Content-Type": kind}).status_code == 200


def in_pieces(body: bytes):
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


LARGE = json.dumps({"code": "print(1)", "parameters": {"a": "x" * (1 << 20)}}).encode()


@pytest.mark.parametrize("path", ["/submit", "/submit_many"])
@pytest.mark.parametrize("send", [bytes, in_pieces], ids=["sized", "chunked"])
def test_a_body_over_a_mebibyte_is_too_large(nothing_recorded, path, send):
    answer = nothing_recorded.ask("POST", path, data=send(LARGE), headers=JSON)
    assert refused(answer, 413)
    assert answer.json()["detail"] == "The body is too large (max 1048576 bytes)"


def test_a_body_in_pieces_below_that_is_fine(grid):
    body = json.dumps({"code": "print(1)", "parameters": {"a": "x" * 200_000}}).encode()
    assert grid.ask("POST", "/submit", data=in_pieces(body), headers=JSON).status_code == 200


def test_a_size_that_is_no_number_is_refused(nothing_recorded):
    connection = http.client.HTTPConnection(urlsplit(nothing_recorded.url).netloc, timeout=20)
    connection.request("POST", "/submit", headers={**JSON, "Content-Length": "many"})
    with connection.getresponse() as answer:
        assert answer.status == 400
    connection.close()


@pytest.mark.parametrize(("cpu", "memory"), [(1, 2**29), (4000, 512), (0.001, 0.5)])
def test_more_than_any_node_has_is_accepted_and_says_so(grid, cpu, memory):
    grid.machine(resources={"cpu_cores": 8, "memory_mb": 16384})
    status = grid.status(grid.submit(resources={"cpu": cpu, "memory": memory}))
    assert status["status"] == "pending"
    if memory > 16384:
        assert status["waiting_for"] == f"No node offers {memory} MB of memory; the largest offers 16384 MB."
    elif cpu > 8:
        assert status["waiting_for"] == f"No node offers {cpu} cores; the largest offers 8."
    else:
        assert status["waiting_for"] is None


PATHS = ["/status/{}", "/api/runs/{}", "/api/runs/{}/logs"]


@pytest.mark.parametrize("run", ["999999999", "9223372036854775807", "9223372036854775808", "1" + "0" * 40])
@pytest.mark.parametrize("path", PATHS)
def test_an_id_that_nobody_has_is_not_found(grid, path, run):
    assert grid.get(path.format(run)).status_code == 404


@pytest.mark.parametrize("run", ["abc", "1e3", "0x10", "1.5", "%00", "%F0%9F%98%80", "1;2", "NaN", "9" * 5000])
@pytest.mark.parametrize("path", PATHS)
def test_an_id_that_is_no_number_is_refused(grid, path, run):
    answer = grid.get(path.format(run))
    assert answer.status_code in (404, 422)
    assert answer.headers["Content-Type"] == "application/json"


SENDING = [
    ("/submit_result", {"result": "1"}, 400),
    ("/submit_result", {"task_id": 1}, 400),
    ("/submit_result", {"task_id": "1", "result": "1"}, 422),
    ("/submit_result", {"task_id": 1.5, "result": "1"}, 422),
    ("/submit_result", {"task_id": True, "result": "1"}, 422),
    ("/submit_result", {"task_id": None, "result": "1"}, 422),
    ("/submit_result", {"task_id": 1, "result": 42}, 422),
    ("/submit_result", {"task_id": 1, "result": None}, 422),
    ("/submit_result", {"task_id": 1, "result": "1", "error": 5}, 422),
    ("/submit_result", {"task_id": 1, "result": "1", "lease_id": 5}, 422),
    ("/submit_many", {}, 400),
    ("/submit_many", {"tasks": {}}, 422),
    ("/submit_many", {"tasks": "print(1)"}, 422),
    ("/submit_many", {"tasks": [None]}, 422),
]


@pytest.mark.parametrize(("path", "body", "status"), SENDING, ids=[f"{p}-{json.dumps(b)}" for p, b, _ in SENDING])
def test_the_other_bodies_are_checked_too(nothing_recorded, path, body, status):
    assert refused(nothing_recorded.post(path, body), status)


NODES = [
    ("/internal/heartbeat", {}, 400),
    ("/internal/heartbeat", {"node_id": ""}, 422),
    ("/internal/heartbeat", {"node_id": "a b"}, 422),
    ("/internal/heartbeat", {"node_id": "n\0"}, 422),
    ("/internal/heartbeat", {"node_id": "n" * 101}, 422),
    ("/internal/heartbeat", {"node_id": "n", "status": "asleep"}, 422),
    ("/internal/heartbeat", {"node_id": "n", "hostname": "a\0b"}, 422),
    ("/internal/heartbeat", {"node_id": "n", "slots": -1}, 422),
    ("/internal/heartbeat", {"node_id": "n", "resources": {"cpu_cores": -1}}, 422),
    ("/internal/heartbeat", {"node_id": "n", "current_load": {"memory_percent": 1e308}}, 422),
    ("/internal/heartbeat", {"node_id": "n", "sandbox": {"level": 5}}, 422),
    ("/internal/heartbeat", {"node_id": "n", "sandbox": {"tested_at": 1e18}}, 422),
    ("/internal/heartbeat", {"node_id": "n", "sandbox": {"passed": -1}}, 422),
    ("/internal/heartbeat", {"node_id": "n", "attempts": [{"run": "u", "lease_id": "short"}]}, 422),
    ("/internal/result", {"node_id": "n"}, 400),
    ("/internal/result", {"node_id": "n", "results": [{}]}, 400),
    ("/internal/result", {"node_id": "n", "results": [{"run": "u", "lease_id": "0" * 32, "outcome": "fine"}]}, 422),
    (
        "/internal/result",
        {"node_id": "n", "run": "u", "lease_id": "0" * 32, "outcome": "failed", "usage": {"cpu_seconds": 1e308}},
        422,
    ),
    (
        "/internal/result",
        {"node_id": "n", "results": [{"run": "u", "lease_id": "0" * 32, "outcome": "failed"}] * 51},
        422,
    ),
]


@pytest.mark.parametrize(("path", "body", "status"), NODES, ids=[f"{p}-{json.dumps(b)[:70]}" for p, b, _ in NODES])
def test_what_nodes_send_is_checked_too(nothing_recorded, path, body, status):
    assert refused(nothing_recorded.post(path, body), status)


def test_a_log_from_the_year_ten_thousand_does_not_spoil_the_log(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    piece = {"seq": 0, "time": 1e18, "stream": "stdout", "text": "late"}
    assert machine.report(attempt, logs=[piece]).status_code == 422
    assert grid.get(f"/api/runs/{run}/logs").status_code == 200


METHODS = [
    ("GET", "/submit"),
    ("PUT", "/submit"),
    ("DELETE", "/status/1"),
    ("POST", "/get_task"),
    ("GET", "/submit_result"),
    ("POST", "/results"),
    ("PATCH", "/"),
    ("GET", "/internal/heartbeat"),
]


@pytest.mark.parametrize(("method", "path"), METHODS)
def test_a_wrong_method_is_refused_and_the_right_one_named(nothing_recorded, method, path):
    answer = nothing_recorded.ask(method, path)
    assert refused(answer, 405)
    assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/status", "/internal", "/internal/nothing", "/submit/more", "/%00", "/../x"]
)
def test_an_unknown_path_is_not_found(grid, path):
    assert refused(grid.get(path), 404)
