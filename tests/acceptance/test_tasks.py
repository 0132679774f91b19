"""Tasks through the whole grid: what runs, with what, in which order, how often; all of it asked over HTTP."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from .conftest import short_folder
from .grids import alive
from .taskgrid import task_grid

GONE_SECONDS = 3.0
"""So long after a run was aborted nothing of it is left on its node."""
SLEEP = "while True: import time; time.sleep(1)"
TREE = "trap '' TERM; for n in 1 2; do (trap '' TERM; sleep {0} & sleep {0}) & done; sleep {0}"
"""A shell whose children ignore the polite signal; `{0}` marks them."""


class Echo(BaseHTTPRequestHandler):
    """Says what it was asked. Posting to `/held` fails as soon as the test wants it to, to `/second` the first time."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        said = json.dumps({"path": self.path, "body": body, "word": self.headers.get("X-Word")}).encode()
        held = self.path == "/held" and self.server.let_fail.wait(60)
        first = self.path == "/second" and self.path not in self.server.asked
        self.server.asked.add(self.path)
        self.send_response(500 if held or first else 200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def grid(shared):
    """Two nodes: the owner of one lets `http` tasks go anywhere."""
    with (
        short_folder() as folder,
        task_grid(shared("--nodes", "0"), folder, shut=(), open=("--network", "any")) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def site():
    """A server on this machine, with its `url`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.url, server.let_fail = f"http://127.0.0.1:{server.server_port}", threading.Event()
        server.asked = set()
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        yield server
        server.let_fail.set()
        server.shutdown()
        serving.join()


def put_file(grid, task, name, text):
    return grid.ask("PUT", f"/api/tasks/{task['id']}/files/{name}", text.encode(), Content_Type="text/plain")


def abort(grid, run):
    return grid.ask("POST", f"/api/runs/{run}/abort")


READER = (
    "import json, os, sys, idlegrid\nfrom lib.words import greeting\n"
    "raw = json.loads(os.environ['IDLEGRID_PARAMETERS'])\nassert raw == idlegrid.parameters()\n"
    "print(json.dumps([greeting, sys.argv, raw]))"
)


def test_a_python_task_runs_its_file_with_arguments_and_parameters(grid):
    words = {"arguments": ["--input", "data é.csv"], "parameters": {"a": 1, "b": 2}}
    task = grid.make(command="process_data.py", **words)
    assert put_file(grid, task, "process_data.py", "broken(")[0] == 201
    assert put_file(grid, task, "process_data.py", READER)[0] == 200
    assert put_file(grid, task, "lib/words.py", "greeting = 'hello'")[0] == 201
    said = grid.result(task, {"parameters": {"b": 3, "c": None}})
    assert json.loads(said) == ["hello", ["process_data.py", *words["arguments"]], {"a": 1, "b": 3, "c": None}]


def test_a_python_task_without_its_file_fails_at_once_and_names_it(grid):
    shown = grid.ended(grid.trigger(grid.make(command="process_data.py", retry_count=3)))
    assert (shown["status"], shown["reason"], shown["attempts"]) == ("failed", "no_such_file", 0)
    assert shown["error_message"] == "no such file: process_data.py"


def test_inline_code_runs(grid):
    task = grid.make("import sys; print(sys.argv[1:], 6 * 7)", arguments=["x"])
    assert grid.result(task) == "['x'] 42"
    assert grid.done("GET", f"/api/tasks/{task['id']}")["statistics"]["successful_runs"] == 1


BUSY = """import time
held, until = bytearray(60 * 2**20), time.monotonic() + 4
while time.monotonic() < until:
    pass
print(len(held))"""


def test_what_a_run_used_over_time_is_told_unless_it_was_short(grid):
    short, long = (grid.ended(grid.trigger(grid.make(code))) for code in ("print(1)", BUSY))
    assert grid.done("GET", f"/api/runs/{short['id']}/usage")["attempts"] == []
    (attempt,) = grid.done("GET", f"/api/runs/{long['id']}/usage")["attempts"]
    seconds, cpu, memory, processes = zip(*attempt["points"], strict=True)
    assert (attempt["number"], len(seconds) >= 2, max(processes) >= 1, max(memory) > 60) == (1, True, True, True)
    assert (list(seconds), list(cpu)) == (sorted(set(seconds)), sorted(cpu))
    assert 1 < seconds[-1] <= long["usage"]["wall_seconds"] + 0.01
    assert 0 < cpu[-1] <= long["usage"]["cpu_seconds"] + 0.01


def test_a_nodes_log_has_the_trace_of_the_request_that_triggered_the_run(grid):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    run = grid.ended(grid.trigger(grid.make("print(1)"), traceparent=f"00-{trace}-00f067aa0ba902b7-01"))
    lines = [json.loads(line) for line in grid.nodes[run["worker_id"]].printed().splitlines() if trace in line]
    assert [line["event"] for line in lines] == ["run_started", "run_ended"]
    assert {(line["run"], line["trace_id"]) for line in lines} == {(run["uuid"], trace)}


def test_what_the_code_logs_is_in_its_executions_log(grid, eventually):
    code = "import idlegrid\nidlegrid.log('同步完成', 'debug', users=3)\nprint('done')"
    task = grid.make(code, timeout_seconds=30)
    made = grid.caller.get(f"/tasks/{task['name']}/execute/api", {"params": {}})
    path = f"/tasks/running/execution/{made['executionId']}"
    shown = eventually(lambda: (found := grid.caller.get(path))["status"] != "running" and found, "it has ended")
    entries = [(entry["level"], entry["message"], entry.get("data")) for entry in shown["logs"]]
    assert (shown["status"], entries[0]) == ("completed", ("info", "开始执行任务 (超时限制: 30000ms)", None))
    assert sorted(entries[1:]) == [("debug", "同步完成", {"users": 3}), ("info", "done", None)]


def test_a_shell_task_runs(grid):
    task = grid.shell('echo "$1" && cat list.txt && exit 3', arguments=["a b"])
    put_file(grid, task, "list.txt", "one\n")
    shown = grid.ended(grid.trigger(task))
    assert (shown["status"], shown["result"], shown["exit_code"]) == ("failed", "a b\none", 3)


def test_an_http_task_runs_where_its_owner_allows_network(grid, site):
    asked = {"method": "POST", "headers": {"X-Word": "yes"}, "body": "hello"}
    task = grid.make(task_type="http", command=f"{site.url}/somewhere?x=1", metadata=asked)
    run = grid.ended(grid.trigger(task))
    assert (run["status"], run["worker_id"]) == ("completed", "open"), run["error_message"]
    assert json.loads(run["result"]) == {"path": "/somewhere?x=1", "body": "hello", "word": "yes"}


def test_a_line_and_a_request_are_submitted_by_themselves_and_tried_again(grid, site):
    line = {"code": "echo $((40 + 2)); exit 3", "task_type": "shell", "retry_count": 1}
    asked = {"code": f"{site.url}/second", "task_type": "http", "retry_count": 3, "request": {"body": "ü"}}
    status, answer = grid.caller.ask("/submit_many", {"tasks": [line, asked]}, method="POST")
    assert status == 200, answer
    failed, fetched = map(grid.ended, answer["task_ids"])
    assert (failed["status"], failed["result"], failed["exit_code"]) == ("failed", "42", 3)
    assert (failed["attempts"], failed["retry_count"]) == (2, 1)
    assert (fetched["status"], json.loads(fetched["result"])["body"]) == ("completed", "ü")
    assert [attempt["outcome"] for attempt in fetched["attempt_list"]] == ["failed", "completed"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"task_type": "http", "command": "http://127.0.0.1:1/", "requires": ["shut"]}, "No node offers shut together"),
        ({"task_type": "fortran"}, "No node runs tasks of the type fortran."),
    ],
    ids=["http where no owner allows network", "a type that no node offers"],
)
def test_what_no_node_may_run_waits_and_says_for_what(words, reason, grid):
    run = grid.trigger(grid.make(**words))
    shown = grid.run(run)
    assert (shown["status"], shown["attempts"]) == ("pending", 0)
    assert shown["waiting_for"].startswith(reason)
    assert abort(grid, run)[0] == 200


def test_a_parent_a_child_and_a_grandchild_run_by_their_dependencies_alone(grid, eventually):
    parent = grid.shell("echo parent")
    child = grid.make("print('child')", dependencies=[parent["name"]])
    grandchild = grid.make("print('grandchild')", dependencies=[str(child["id"])])
    first = grid.ended(grid.trigger(parent))
    made = eventually(lambda: grid.runs_of(grandchild), "the grandchild has a run")
    last = grid.ended(made[0]["id"])
    middle = grid.runs_of(child)[0]
    assert [run["status"] for run in (first, middle, last)] == ["completed"] * 3
    assert [run["trigger"] for run in (first, middle, last)] == ["manual", "dependency", "dependency"]
    assert first["completed_at"] <= middle["created_at"] <= middle["completed_at"] <= last["created_at"]
    assert [len(grid.runs_of(task)) for task in (parent, child, grandchild)] == [1, 1, 1]


def test_a_parents_failure_is_named_in_its_child_and_the_childs_in_the_grandchild(grid, site):
    parent = grid.make(task_type="http", command=f"{site.url}/held", metadata={"method": "POST"})
    child = grid.shell("echo never", dependencies=[parent["name"]])
    grandchild = grid.shell("echo never", dependencies=[child["name"]])
    runs = [grid.trigger(task) for task in (parent, child, grandchild)]
    assert parent["name"] in grid.run(runs[1])["waiting_for"]
    site.let_fail.set()
    first, middle, last = (grid.ended(run) for run in runs)
    assert (first["reason"], middle["reason"], last["reason"]) == ("user_error", *["dependency_failed"] * 2)
    assert parent["name"] in middle["error_message"]
    assert child["name"] in last["error_message"]
    assert (middle["attempts"], last["attempts"]) == (0, 0)


def test_a_task_that_always_fails_is_tried_once_and_then_as_often_as_it_may_be_again(grid):
    shown = grid.ended(grid.trigger(grid.shell("exit 5", retry_count=2)))
    assert (shown["status"], shown["attempts"], shown["retry_count"], shown["exit_code"]) == ("failed", 3, 2, 5)
    assert [attempt["outcome"] for attempt in shown["attempt_list"]] == ["failed"] * 3


def test_a_task_whose_file_is_mended_between_two_attempts_completes(grid):
    task = grid.make(command="main.py", retry_count=10)
    put_file(grid, task, "main.py", "raise SystemExit('not yet')")
    run = grid.trigger(task)
    grid.when(run, lambda shown: shown["retry_count"] >= 1, "has failed once")
    put_file(grid, task, "main.py", "print('now')")
    shown = grid.ended(run)
    assert (shown["status"], shown["result"]) == ("completed", "now")
    outcomes = [attempt["outcome"] for attempt in shown["attempt_list"]]
    assert outcomes == ["failed"] * shown["retry_count"] + ["completed"]


def test_nothing_of_an_aborted_run_is_left_on_its_node_and_it_can_be_restarted(grid, eventually):
    task = grid.shell(TREE.format("7654.25"))
    run = grid.trigger(task)
    guests = eventually(lambda: len(found := grid.guests("7654.25")) >= 5 and found, "the whole tree runs")
    status, answer = abort(grid, run)
    assert (status, answer["status"], answer["id"]) == (200, "aborted", run)
    eventually(lambda: not alive(guests), "its processes are gone", GONE_SECONDS)
    assert abort(grid, run)[0] == 409
    again = grid.done("POST", f"/api/runs/{run}/restart")
    assert again["original_run_id"] == run
    assert grid.ask("POST", f"/api/runs/{again['new_run_id']}/restart")[0] == 409
    grid.running(again["new_run_id"])
    assert abort(grid, again["new_run_id"])[0] == 200


def test_a_paused_task_neither_fires_nor_is_triggered_and_what_runs_goes_on(grid, eventually):
    task = grid.make("import time; time.sleep(2); print('done')", interval_seconds=1, max_instances=1)
    run = eventually(lambda: grid.runs_of(task), "it has fired")[0]
    paused = grid.done("POST", f"/api/tasks/{task['id']}/pause")
    made = len(grid.runs_of(task))
    assert paused["status"] == "paused"
    assert grid.ask("POST", f"/api/tasks/{task['id']}/trigger", {})[0] == 409
    assert grid.ended(run["id"])["status"] == "completed"
    assert len(grid.runs_of(task)) == made
    grid.done("POST", f"/api/tasks/{task['id']}/resume")
    eventually(lambda: len(grid.runs_of(task)) > made, "it fires again")
    grid.done("DELETE", f"/api/tasks/{task['id']}")


def test_a_task_has_no_more_unfinished_runs_than_it_may_and_a_skipped_firing_is_logged(grid, eventually):
    task = grid.make(SLEEP, interval_seconds=1, max_instances=2)

    def skipped():
        items = grid.done("GET", "/api/system/logs?level=warn&size=200")["items"]
        return [item for item in items if item["metadata"].get("task_id") == task["id"]]

    eventually(skipped, "a firing was skipped")
    runs = grid.runs_of(task)
    assert [run["trigger"] for run in runs] == ["schedule"] * 2
    assert grid.done("DELETE", f"/api/tasks/{task['id']}")["deleted_id"] == task["id"]
    assert [grid.ended(run["id"])["status"] for run in runs] == ["aborted"] * 2


def test_the_same_idempotency_key_triggers_once(grid):
    task, key = grid.shell("echo once"), f"key-{time.time_ns()}"
    runs = {grid.trigger(task, {}, Idempotency_Key=key) for _ in range(3)}
    assert len(runs) == 1
    assert grid.ended(runs.pop())["result"] == "once"
    assert len(grid.runs_of(task)) == 1
