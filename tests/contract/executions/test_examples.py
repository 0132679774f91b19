"""The document's examples: each request by curl, each scenario under Node.js, with address, key and ids filled in."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import Executions, Json

EXAMPLES = Path(__file__).parent / "examples"
DOCUMENT = Path(__file__).resolve().parents[4] / "shared" / "api" / "execution-api.md"
ADDRESS, KEY = "http://localhost:8080", "your-api-key"
SCENARIOS = [f"scenario_{number}.txt" for number in (1, 2, 3)]
REQUESTS = (EXAMPLES / "requests.txt").read_text().split("###\n")
NAME, OTHER = "user-space-sync", "feishu-sync"
"""The document's tasks."""
NODE_MAJOR = 18
"""The first Node.js with `fetch`."""
SECONDS = 30.0
"""What the tasks may take, as in the document."""


@pytest.fixture(scope="module")
def fresh(people) -> Iterator[Executions]:
    """A grid that wants keys, with the document's tasks, by an operator's key."""
    operator = people["admin"]
    for name in (NAME, OTHER):
        operator.tasks.make(name=name, timeout_seconds=SECONDS, retry_count=0)
    yield operator
    operator.tasks.clean()


@pytest.fixture
def machine(people) -> Iterator[Any]:
    """A machine on it."""
    machine = people["node"].grid.machine()
    yield machine
    machine.beat(status="offline")


@contextmanager
def at_work(machine: Any) -> Iterator[None]:
    """The machine sees the next execution through while the block runs."""

    def work() -> None:
        attempt = machine.lease()
        piece = {"seq": 0, "time": 1.0, "stream": "stderr", "text": '{"message": "3 users", "data": {"users": 3}}\n'}
        machine.beat(machine.holding(attempt, logs=[piece]))
        machine.report(attempt)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def curl(grid: Any, request: str, **filled_in: str) -> Any:
    """Send one of the document's requests, its placeholders filled in, and read the answer."""
    for placeholder, value in filled_in.items():
        assert placeholder in request
        request = request.replace(placeholder, value)
    head, _, body = request.partition("\n\n")
    (method, path), *headers = head.split("\n")[0].split(), *head.split("\n")[1:]
    command = ["curl", "--silent", "--fail-with-body", "-X", method, grid.url + path]
    command += ["-H", f"Authorization: Bearer {grid.key}"]
    command += [word for header in headers if header for word in ("-H", header)]
    return json.loads(run(*command, *(["-d", body] if body else [])))


def test_executing_by_curl(fresh, assert_like):
    for request, how in zip(REQUESTS[:2], ("manual", "api"), strict=True):
        filled_in = {"{taskName}": NAME, "// 任务参数": '"users": 3'}
        made = curl(fresh.grid, request, **filled_in)
        assert_like(made, {"executionId": "", "taskName": "", "status": "", "startedAt": ""})
        shown = fresh.grid.run(fresh.run(made)["id"])
        assert (shown["trigger"], shown["parameters"], made["taskName"]) == (how, {"users": 3}, NAME)
    fresh.cancel("all")


def test_looking_by_curl(fresh, machine):
    with at_work(machine):
        done = fresh.execute({"name": NAME})
    waiting = fresh.execute({"name": NAME})
    shown = curl(fresh.grid, REQUESTS[2], **{"{executionId}": done["executionId"]})
    assert (shown["taskName"], shown["status"]) == (NAME, "completed")
    start = {"timestamp": shown["startedAt"], "level": "info", "message": "开始执行任务 (超时限制: 30000ms)"}
    assert shown["logs"][0] == start
    listed = curl(fresh.grid, REQUESTS[3], **{"{taskName}": NAME})
    newest = [(item["executionId"], item["status"]) for item in listed[:2]]
    assert newest == [(waiting["executionId"], "running"), (done["executionId"], "completed")]
    fresh.cancel("all")


def test_cancelling_by_curl(fresh):
    first, second = (fresh.execute({"name": name})["executionId"] for name in (NAME, OTHER))
    answer = curl(fresh.grid, REQUESTS[4], id1=first, id2=second)
    assert answer == {"cancelled": [first, second], "notFound": ["id3"]}
    made = [fresh.execute({"name": name})["executionId"] for name in (NAME, OTHER)]
    assert curl(fresh.grid, REQUESTS[5]) == {"cancelled": made, "taskNotFound": []}
    for name in (NAME, OTHER):
        fresh.execute({"name": name})
    assert curl(fresh.grid, REQUESTS[6]) == {"count": 2}


def node(executions: Executions, name: str, **filled_in: str) -> str:
    """What a scenario prints that runs as written, behind the prelude."""
    program = shutil.which("node")
    if program is None or int(run(program, "--version").removeprefix("v").split(".")[0]) < NODE_MAJOR:
        pytest.skip(f"no Node.js {NODE_MAJOR} on PATH (Debian: apt install nodejs)")
    prelude = (EXAMPLES / "prelude.js").read_text()
    words = prelude.replace(ADDRESS, executions.grid.url).replace(KEY, executions.grid.key)
    script = (EXAMPLES / name).read_text()
    for placeholder, value in filled_in.items():
        assert placeholder in script
        script = script.replace(placeholder, value)
    return run(program, "--input-type=module", "-e", words + script)


def test_the_scenario_that_executes_and_polls(fresh, machine):
    with at_work(machine):
        assert node(fresh, "scenario_1.txt") == "任务完成: completed\n"


def test_the_scenario_that_cancels_many(fresh):
    made = [fresh.execute({"name": NAME}) for _ in range(3)]
    assert node(fresh, "scenario_2.txt") == ""
    assert [fresh.status(one)["status"] for one in made] == ["cancelled"] * 3


def test_the_scenario_that_shows_a_log(fresh, machine):
    with at_work(machine):
        made: Json = fresh.execute({"name": NAME})
    said = node(fresh, "scenario_3.txt", **{"{executionId}": made["executionId"]})
    started, logged, data = said.splitlines()
    assert re.fullmatch(r"\[info\] \S+Z: 开始执行任务 \(超时限制: 30000ms\)", started)
    assert logged == "[error] 1970-01-01T00:00:01.000Z: 3 users"
    assert data == "  Data: { users: 3 }"


def test_the_examples_are_the_documents():
    if not DOCUMENT.is_file():
        pytest.skip("the document is not beside this checkout")
    words = DOCUMENT.read_text()
    assert re.findall(r"```bash\n(.*?)```", words, re.DOTALL) == REQUESTS
    scripts = [(EXAMPLES / name).read_text() for name in SCENARIOS]
    assert re.findall(r"```javascript\n(.*?)```", words, re.DOTALL) == scripts
