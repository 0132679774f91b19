"""Two submitters and an operator on one grid: who sees, ends and makes again whose runs."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from idlegrid.cli import main
from idlegrid_server.core.access import SCOPES
from idlegrid_server.http.scopes import SCOPES as ENDPOINTS

from ..parts import keyed_record
from .envelope import data

KEYS = {
    "ann": ("ann", ["submit"]),
    "anns other": ("ann", ["submit", "read:tasks", "write:tasks"]),
    "bob": ("bob", ["submit", "read:tasks", "write:tasks"]),
    "reader": ("eve", ["read:runs"]),
    "onlooker": ("fay", ["submit", "read:runs"]),
    "mender": ("gil", ["write:runs"]),
    "admin": ("operator", ["admin"]),
    "node": ("node", ["node"]),
}
"""Key → its name, which is the submitter, and its scopes."""
UNKNOWN = 987_654_321
BEYOND = 2**70
"""No database holds such an id."""


@pytest.fixture(scope="module")
def people(start_coordinator, visit, tmp_path_factory):
    """Everybody's grid, by the names above."""
    data_folder = tmp_path_factory.mktemp("owned")
    assert {scope for _, scopes in KEYS.values() for scope in scopes} <= set(SCOPES)
    keys = keyed_record(data_folder, KEYS)
    url = start_coordinator(data=data_folder, auth="required", failed_auth_limit="1000/minute").url
    return {who: visit(url, key) for who, key in keys.items()}


@pytest.fixture(scope="module")
def ran(people):
    """`ran(who)`: a run of theirs that has printed, left a file and completed."""
    machine = people["node"].machine("lab-07")

    def run(who: str) -> int:
        made = people[who].submit(f"print('{who}')")
        attempt = machine.lease()
        assert attempt["task_id"] == made
        piece = {"seq": 0, "time": 1.0, "stream": "stdout", "text": f"{who}\n"}
        machine.beat(machine.holding(attempt, logs=[piece]))
        path = f"/internal/files/{attempt['run']}/out.txt?node_id={machine.id}&lease_id={attempt['lease_id']}"
        assert people["node"].ask("PUT", path, data=who.encode()).status_code == 200
        assert machine.report(attempt, result=who).status_code == 200
        return made

    return run


@pytest.fixture(scope="module")
def done(ran):
    """Whose → a run of theirs that has ended."""
    return {who: ran(who) for who in ("ann", "bob")}


# --- one run: every endpoint that names one, by every kind of key ---

ENDS = [
    ("GET", "/status/{id}", 200),
    ("GET", "/status/{id}?wait=60", 200),
    ("GET", "/api/runs/{id}", 200),
    ("GET", "/api/runs/{id}/logs", 200),
    ("GET", "/api/runs/{id}/usage", 200),
    ("GET", "/api/runs/{id}/files", 200),
    ("GET", "/api/runs/{id}/files/out.txt", 200),
    ("GET", "/api/runs/{id}/explain", 200),
    ("POST", "/api/runs/{id}/abort", 409),
    ("POST", "/api/runs/{id}/restart", 200),
]
"""What each says of a run in reach that has ended."""
READS = ("ann", "reader", "onlooker", "admin")
WRITES = ("ann", "onlooker", "mender", "admin")


def expected(who: str, method: str, reach: int) -> tuple[int, int, int]:
    """The statuses for a run of ann's, one of bob's, and one that is not there."""
    if who not in (READS if method == "GET" else WRITES):
        return 403, 403, 403
    if who == "ann":
        return reach, 404, 404
    if who == "onlooker" and method == "POST":
        return 403, 403, 404
    return reach, reach, 404


@pytest.mark.parametrize("who", ["ann", "reader", "onlooker", "mender", "admin"])
@pytest.mark.parametrize(("method", "path", "reach"), ENDS, ids=[f"{method} {path}" for method, path, _ in ENDS])
def test_a_key_reaches_what_its_scopes_say(people, done, who, method, path, reach):
    runs = (done["ann"], done["bob"], UNKNOWN)
    answers = [people[who].ask(method, path.format(id=run)) for run in runs]
    assert tuple(answer.status_code for answer in answers) == expected(who, method, reach)


@pytest.mark.parametrize(("method", "path"), [case[:2] for case in ENDS])
def test_a_run_of_somebody_else_cannot_be_told_from_none(people, done, method, path):
    told = []
    for run in (done["bob"], UNKNOWN, BEYOND):
        answer = people["ann"].ask(method, path.format(id=run))
        body = {**answer.json(), "metadata": None}
        told.append((answer.status_code, json.dumps(body).replace(str(run), "N"), sorted(answer.headers)))
    assert told[0] == told[1] == told[2]


def test_nobody_waits_for_the_end_of_somebody_elses_run(people):
    run = people["bob"].submit()
    assert people["ann"].get(f"/status/{run}", wait=60).status_code == 404
    assert people["bob"].post(f"/api/runs/{run}/abort").status_code == 200


def test_who_asks_for_somebody_elses_run_is_in_the_log(people, done, eventually):
    def told() -> set[tuple[object, object]]:
        items = data(people["admin"].get("/api/system/logs", level="warn", size=200))["items"]
        refusals = [item["metadata"] for item in items if item["metadata"].get("action") == "refused"]
        return {(refusal["path"], refusal.get("name")) for refusal in refusals}

    paths = [f"/api/runs/{run}" for run in (done["bob"], UNKNOWN)]
    for path in paths:
        people["ann"].get(path)
    eventually(lambda: (paths[0], "ann") in told(), "the refusal is in the journal")
    assert (paths[1], "ann") not in told()


def test_a_tag_does_not_tell_that_there_is_a_file(people, done):
    path = f"/api/runs/{done['bob']}/files/out.txt"
    tag = people["bob"].get(path).headers["ETag"]
    assert people["bob"].ask("GET", path, headers={"If-None-Match": tag}).status_code == 304
    assert people["ann"].ask("GET", path, headers={"If-None-Match": tag}).status_code == 404


def test_the_table_has_every_endpoint_of_a_run():
    asked = {(method, path.partition("?")[0].replace("out.txt", "{name:file}")) for method, path, _ in ENDS}
    known = {
        (method, path.replace("{task_id}", "{id}").replace("{run_id}", "{id}"))
        for (method, path), access in ENDPOINTS.items()
        if access is not None and access.own and ("{task_id}" in path or "{run_id}" in path)
    }
    assert asked == known


def test_everybody_ends_and_makes_again_his_own(people):
    run = people["ann"].submit("print('again')")
    assert people["bob"].post(f"/api/runs/{run}/abort").status_code == 404
    assert people["ann"].status(run)["status"] == "pending"
    assert people["ann"].post(f"/api/runs/{run}/abort").status_code == 200
    again = data(people["anns other"].post(f"/api/runs/{run}/restart"))["new_run_id"]
    assert people["ann"].run(again)["code"] == "print('again')"
    assert people["bob"].get(f"/api/runs/{again}").status_code == 404
    mended = data(people["mender"].post(f"/api/runs/{run}/restart"))["new_run_id"]
    assert people["ann"].get(f"/api/runs/{mended}").status_code == 404
    assert people["admin"].run(mended)["submitter"] == "gil"
    for number in (again, mended):
        assert people["mender"].post(f"/api/runs/{number}/abort").status_code == 200


# --- lists ---


@pytest.fixture(scope="module")
def task(people):
    """A task of bob's, with a run that ann has triggered and one that bob has."""
    words = {"name": "shared", "task_type": "python", "executor": "python", "command": "python", "code": "print(1)"}
    task = data(people["bob"].post("/api/tasks", words), 201)["id"]
    runs = {who: data(people[who].post(f"/api/tasks/{task}/trigger", {}))["run_id"] for who in ("anns other", "bob")}
    yield task, runs["anns other"]
    people["bob"].ask("DELETE", f"/api/tasks/{task}")


def listed(grid, **query: object) -> tuple[list[int], int]:
    page = data(grid.get("/api/runs", **query))
    return [item["id"] for item in page["items"]], page["total"]


def runs_of(people, submitter: str) -> list[int]:
    """All, oldest first, as the operator sees them."""
    items = data(people["admin"].get("/api/runs", size=200, order="asc"))["items"]
    return [item["id"] for item in items if item["submitter"] == submitter]


def test_a_list_is_ones_own_runs_with_a_total_of_its_own(people, done, task):
    made = [people[who].submit() for who in ("ann", "bob", "ann", "bob", "bob", "ann")]
    mine = runs_of(people, "ann")
    assert len(mine) >= 5
    for sort in ("created_at", "id", "started_at", "completed_at"):
        pages = [listed(people["ann"], page=page, size=3, sort=sort) for page in range(1, len(mine) // 3 + 3)]
        assert sorted(run for ids, _ in pages for run in ids) == mine
        assert {total for _, total in pages} == {len(mine)}
    assert listed(people["ann"], size=200, order="asc")[0] == mine
    assert listed(people["reader"], size=1)[1] == listed(people["admin"], size=1)[1] > len(mine)
    for run in made:
        people["admin"].post(f"/api/runs/{run}/abort")


def test_filters_of_a_list_stay_within_ones_own_runs(people, done, task):
    number, run = task
    assert listed(people["ann"], task_id=number) == ([run], 1)
    assert listed(people["admin"], task_id=number)[1] == 2
    assert listed(people["ann"], worker_id="lab-07") == ([done["ann"]], 1)
    assert listed(people["ann"], status="completed") == ([done["ann"]], 1)
    today = datetime.now(UTC).date()
    days = {"start_date": today - timedelta(days=1), "end_date": today + timedelta(days=1)}
    assert listed(people["ann"], status="completed", **days) == ([done["ann"]], 1)
    assert listed(people["ann"], start_date=today + timedelta(days=2)) == ([], 0)


def test_a_list_of_somebody_elses_runs_is_empty_for_who_sees_his_own_alone(people, done):
    def found(who, **query):
        return {item["id"] for item in data(people[who].get("/api/runs", size=200, **query))["items"]}

    assert found("ann", submitter="bob") == found("ann", search=str(done["bob"])) == set()
    assert done["ann"] in found("ann", submitter="ann") & found("ann", search=str(done["ann"]))
    assert done["bob"] in found("reader", submitter="bob")
    assert done["ann"] not in found("reader", submitter="bob")
    assert found("reader", search=str(done["bob"]), submitter="ann") == found("reader", submitter="bo") == set()


def test_a_run_of_a_task_is_his_who_triggered_it(people, task):
    _, run = task
    assert people["ann"].run(run)["submitter"] == "ann"
    assert people["bob"].get(f"/api/runs/{run}").status_code == 404
    assert people["ann"].get("/api/tasks").status_code == 403


def test_results_are_ones_own(people, done):
    def results(who: str, **query: object) -> list[str]:
        return [item["result"] for item in people[who].get("/results", **query).json()["results"]]

    assert set(results("ann")) == set(results("ann", after_id=0)) == {"ann"}
    assert set(results("bob")) == {"bob"}
    assert set(results("reader")) == {"ann", "bob"}
    assert people["ann"].get("/results", after_id=done["ann"]).json()["count"] == 0


# --- what is kept of a request ---


def test_two_may_use_the_same_idempotency_key(people, task, done):
    number, _ = task

    def made(who: str) -> list[int]:
        source = done[KEYS[who][0]]
        words = {"tasks": [{"code": "print(1)"}]}
        return [
            keyed(who, "one", "/submit", {"code": "print(1)"})["task_id"],
            *keyed(who, "many", "/submit_many", words)["task_ids"],
            keyed(who, "again", f"/api/runs/{source}/restart")["data"]["new_run_id"],
            keyed(who, "now", f"/api/tasks/{number}/trigger", {})["data"]["run_id"],
        ]

    def keyed(who: str, key: str, path: str, body: object = None):
        answer = people[who].post(path, body, headers={"Idempotency-Key": key})
        assert answer.status_code == 200, answer.text
        return answer.json()

    ann, bob = made("anns other"), made("bob")
    assert made("anns other") == ann
    assert made("bob") == bob
    assert len({*ann, *bob}) == 8
    assert set(ann) <= set(runs_of(people, "ann"))
    assert set(bob) <= set(runs_of(people, "bob"))
    for run in (*ann, *bob):
        people["admin"].post(f"/api/runs/{run}/abort")


# --- as it happens ---


def heard(socket) -> tuple[str, object]:
    message = json.loads(socket.recv(timeout=20))
    return message["event"], message["data"].get("task_id")


def test_a_listener_hears_of_his_own_runs_and_of_nodes(people):
    ann, everybody = people["ann"].listen(), people["reader"].listen()
    theirs, hers = people["bob"].submit(), people["ann"].submit()
    people["node"].machine("lab-08", labels=["far"], status="busy", reason="input").beat(status="offline")
    for run in (theirs, hers):
        people["admin"].post(f"/api/runs/{run}/abort")
    nodes = [("node_joined", None), ("node_left", None)]
    told = [("task_created", hers), *nodes, ("task_failed", hers)]
    assert [heard(ann) for _ in told] == told
    told = [("task_created", theirs), ("task_created", hers), *nodes, ("task_failed", theirs), ("task_failed", hers)]
    assert [heard(everybody) for _ in told] == told


# --- the command ---


def test_the_command_serves_who_sees_his_own_runs_alone(people, tmp_path, capsys):
    script = tmp_path / "job.py"
    script.write_text("print(1)")
    ann, bob = (["--url", people[who].url, "--key", people[who].key] for who in ("ann", "bob"))
    assert main(["submit", str(script), *ann]) == 0
    run = capsys.readouterr().out.strip()
    assert main(["status", run, *ann]) == 0
    assert capsys.readouterr().out.startswith("pending\n")
    assert main(["status", run, *bob]) == 1
    assert capsys.readouterr().err == f"idlegrid: Task {run} not found (HTTP 404)\n"
    assert main(["nodes", *ann]) == 1
    assert "it lacks the scope read:workers (HTTP 403); give a key" in capsys.readouterr().err
    people["admin"].post(f"/api/runs/{run}/abort")
