"""`POST /submit` and `POST /submit_many`: what they take, what they answer, and at most once with a key."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest


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
