"""`POST /submit` and `POST /submit_many`: what they take, what they answer, and at most once with a key."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..envelope import data


def test_only_code_is_required_and_the_rest_has_its_documented_default(grid):
    run = grid.run(grid.submit("print(1)"))
    assert run["timeout_seconds"] == 300
    assert run["resources"] == {"cpu": 1.0, "memory": 512}
    assert (run["priority"], run["parameters"]) == ("normal", {})


def test_what_is_given_is_kept(grid):
    words = {
        "timeout": 12.5,
        "resources": {"cpu": 2, "memory": 2048},
        "priority": "high",
        "parameters": {"n": 3, "name": "Zoë"},
    }
    run = grid.run(grid.submit("print(2)", **words))
    assert run["code"] == "print(2)"
    assert run["timeout_seconds"] == 12.5
    assert run["resources"] == {"cpu": 2, "memory": 2048}
    assert (run["priority"], run["parameters"]) == ("high", {"n": 3, "name": "Zoë"})


def test_resources_may_be_given_in_part(grid):
    assert grid.run(grid.submit(resources={"cpu": 0.5}))["resources"] == {"cpu": 0.5, "memory": 512}
    assert grid.run(grid.submit(resources={"memory": 64}))["resources"] == {"cpu": 1.0, "memory": 64}


def test_a_shell_run_has_its_line_as_its_command(grid):
    machine = grid.machine()
    run = grid.run(grid.submit("echo $0", task_type="shell", retry_count=2, parameters={"n": 1}))
    assert (run["code"], run["command"], run["arguments"], run["min_sandbox"]) == ("", "echo $0", [], 3)
    assert grid.get("/get_task").json()["task_id"] is None
    machine.beat(task_types=["python", "shell"])
    attempt = machine.lease()
    told = {name: attempt[name] for name in ("task_type", "code", "command", "arguments", "request", "parameters")}
    assert told == {
        "task_type": "shell",
        "code": "",
        "command": "echo $0",
        "arguments": [],
        "request": None,
        "parameters": {"n": 1},
    }
    machine.report(attempt, "failed", reason="user_error")
    assert (grid.run(run["id"])["status"], grid.run(run["id"])["retry_count"]) == ("pending", 1)


def test_an_http_run_has_its_request(grid):
    machine = grid.machine(task_types=["http"])
    request = {"method": "post", "headers": {"X-Word": "w"}, "body": {"a": [1, None]}}
    ids = [grid.submit("https://example.org/a", task_type="http", request=asked) for asked in (request, None, {})]
    attempts = [machine.lease() for _ in ids]
    assert {attempt["command"] for attempt in attempts} == {"https://example.org/a"}
    assert [attempt["request"] for attempt in attempts] == [{**request, "method": "POST"}, {}, {}]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ({"task_type": "fortran"}, "task_type"),
        ({"retry_count": -1}, "retry_count"),
        ({"retry_count": 101}, "retry_count"),
        ({"request": {}}, "request"),
        ({"task_type": "shell", "request": {"body": "x"}}, "request"),
        ({"task_type": "http"}, "http://"),
        ({"code": "ftp://example.org", "task_type": "http"}, "http://"),
        ({"code": "http://[", "task_type": "http"}, "http://"),
        ({"code": "http://a", "task_type": "http", "request": {"method": "HUG"}}, "request.method"),
        ({"code": "http://a", "task_type": "http", "request": {"headers": {"a": 1}}}, "request.headers"),
        ({"code": "http://a", "task_type": "http", "request": {"body": "x" * 70_000}}, "request"),
        ({"code": "http://a", "task_type": "http", "request": {"body": ["\0"]}}, "NUL"),
    ],
)
def test_what_is_no_such_run_is_refused_with_what_is_wrong(grid, words, names):
    before = grid.task_count()
    answer = grid.post("/submit", {"code": "print(1)", **words})
    assert (answer.status_code, names in answer.json()["detail"]) == (422, True), answer.text
    assert grid.task_count() == before


def test_many_may_be_of_several_types(grid):
    tasks = [{"code": "1"}, {"code": "ls", "task_type": "shell"}, {"code": "http://a", "task_type": "http"}]
    ids = grid.post("/submit_many", {"tasks": tasks}).json()["task_ids"]
    assert [(run["code"], run["command"]) for run in map(grid.run, ids)] == [("1", None), ("", "ls"), ("", "http://a")]
    again = data(grid.post(f"/api/runs/{ids[1]}/abort")) and data(grid.post(f"/api/runs/{ids[1]}/restart"))
    assert grid.run(again["new_run_id"])["command"] == "ls"


def test_unknown_fields_are_ignored(grid):
    assert grid.submit("print(1)", colour="red", resources={"cpu": 1, "gpu": 8}) > 0


def test_the_code_reaches_the_worker_as_it_was_sent(grid):
    code = "print('naïve 😀')\r\n\tif True: pass\n"
    grid.submit(code)
    assert grid.get("/get_task").json()["code"] == code


def test_many_answers_its_ids_in_order(grid):
    answer = grid.post("/submit_many", {"tasks": [{"code": f"print({n})"} for n in range(5)]})
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"task_ids", "status", "server_id", "message"}
    assert (body["status"], body["message"]) == ("submitted", "5 tasks have been queued")
    assert body["server_id"] == grid.get("/").json()["server_id"]
    assert [grid.run(run)["code"] for run in body["task_ids"]] == [f"print({n})" for n in range(5)]


def test_many_takes_a_thousand_and_no_more(grid):
    tasks = [{"code": "print(1)", "requires": ["nobody-has-this"]}] * 1001
    before = grid.task_count()
    refused = grid.post("/submit_many", {"tasks": tasks})
    assert refused.status_code == 422
    assert "1000" in refused.json()["detail"]
    assert grid.task_count() == before
    ids = grid.post("/submit_many", {"tasks": tasks[:1000]}).json()["task_ids"]
    assert ids == sorted(set(ids))
    assert len(ids) == 1000
    assert grid.task_count() == before + 1000


def test_many_refuses_an_empty_list(grid):
    assert grid.post("/submit_many", {"tasks": []}).status_code == 422


@pytest.mark.parametrize("bad", [{"code": ""}, {"code": "print(1)", "timeout": -1}, {"code": 7}, {}, "print(1)"])
def test_many_is_all_or_nothing(grid, bad):
    before = grid.task_count()
    answer = grid.post("/submit_many", {"tasks": [{"code": "print(1)"}, bad, {"code": "print(3)"}]})
    assert answer.status_code in (400, 422)
    assert isinstance(answer.json()["detail"], str)
    assert grid.task_count() == before


def submit_with(grid, key: str, code: str = "print(1)", path: str = "/submit"):
    body = {"code": code} if path == "/submit" else {"tasks": [{"code": code}, {"code": code}]}
    return grid.post(path, body, headers={"Idempotency-Key": key})


@pytest.fixture
def key() -> str:
    return secrets.token_hex(8)


@pytest.mark.parametrize("path", ["/submit", "/submit_many"])
def test_the_same_key_again_answers_the_same_and_makes_nothing(grid, key, path):
    first = submit_with(grid, key, path=path)
    before = grid.task_count()
    again = submit_with(grid, key, path=path)
    assert (again.status_code, again.json()) == (200, first.json())
    assert grid.task_count() == before


def test_the_same_key_is_good_after_the_run_has_ended(grid, key):
    first = submit_with(grid, key).json()["task_id"]
    machine = grid.machine()
    machine.report(machine.lease())
    assert submit_with(grid, key).json()["task_id"] == first
    assert grid.status(first)["status"] == "completed"


def test_a_key_used_for_other_words_is_refused(grid, key):
    submit_with(grid, key)
    before = grid.task_count()
    other = submit_with(grid, key, code="print(2)")
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["detail"]
    assert grid.task_count() == before


def test_another_key_makes_another_run(grid, key):
    first = submit_with(grid, key).json()["task_id"]
    assert submit_with(grid, key + "x").json()["task_id"] != first


def test_no_key_makes_a_run_each_time(grid):
    assert grid.submit() != grid.submit()


def test_duplicates_at_the_same_time_make_one_run(grid, key):
    before = grid.task_count()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: submit_with(grid, key), range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["task_id"] for answer in answers}) == 1
    assert grid.task_count() == before + 1


def test_a_key_that_is_too_long_is_refused(grid):
    assert submit_with(grid, "k" * 256).status_code == 422
