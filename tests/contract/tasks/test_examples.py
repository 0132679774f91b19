"""The document's curl, Python and JavaScript examples, run as written: only address and key are filled in."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..envelope import data

EXAMPLES = Path(__file__).parent / "examples"
DOCUMENT = Path(__file__).resolve().parents[4] / "shared" / "api" / "task-api.md"
LANGUAGES = {"bash": "curl.sh", "python": "python.txt", "javascript": "javascript.txt"}
ADDRESS, KEY = "http://localhost:8080", "your-api-key"
NODE_MAJOR = 18
"""The first Node.js with `fetch`."""


@pytest.fixture
def fresh(start_coordinator, tmp_path, visit) -> Iterator[Any]:
    """A grid that wants keys and on which nothing has happened, so that task 1 is the first; with a good key."""
    folder = tmp_path / "grid"
    coordinator = start_coordinator(data=folder, auth="required")
    command = [sys.executable, "-m", "idlegrid_server.keys", "ensure", "--data", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    yield visit(coordinator.url, json.loads(done.stdout)["submit_key"])
    coordinator.stop()


def filled_in(name: str, grid) -> str:
    words = (EXAMPLES / name).read_text()
    assert ADDRESS in words
    assert KEY in words
    return words.replace(ADDRESS, grid.url).replace(KEY, grid.key)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def all_json(text: str) -> list[dict]:
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def check_made(grid) -> None:
    """What all three do: make the task, and trigger it."""
    task = data(grid.get("/api/tasks/1"))
    assert (task["name"], task["description"], task["schedule"]) == ("data_processing", "处理每日数据", "0 2 * * *")
    assert (task["status"], task["statistics"]["total_runs"]) == ("active", 1)
    assert data(grid.get("/api/runs/1"))["task_name"] == "data_processing"


def test_the_curl_examples(fresh):
    made, listed, shown, triggered, health = all_json(run("bash", "-c", filled_in("curl.sh", fresh)))
    assert all(answer["success"] for answer in (made, listed, shown, triggered, health))
    assert (made["data"]["id"], made["data"]["command"]) == (1, "process_data.py")
    assert (listed["data"]["total"], shown["data"]["name"]) == (1, "data_processing")
    assert triggered["data"] | {"task_id": 1, "run_id": 1, "status": "pending"} == triggered["data"]
    assert health["data"]["status"] in ("healthy", "degraded")
    check_made(fresh)


def test_the_python_example(fresh):
    lines = run(sys.executable, "-c", filled_in("python.txt", fresh)).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["创建任务结果", "任务列表", "触发任务结果"]
    assert all("'success': True" in line for line in lines)
    check_made(fresh)


def test_the_javascript_example(fresh):
    node = shutil.which("node")
    if node is None or int(run(node, "--version").removeprefix("v").split(".")[0]) < NODE_MAJOR:
        pytest.skip(f"no Node.js {NODE_MAJOR} on PATH (Debian: apt install nodejs)")
    said = run(node, "-e", filled_in("javascript.txt", fresh))
    assert re.findall(r"^(\S+): \{$", said, re.MULTILINE) == ["创建任务结果", "任务列表", "触发任务结果"]
    assert said.count("success: true") == 3
    check_made(fresh)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_examples_are_the_documents(language):
    if not DOCUMENT.is_file():
        pytest.skip("the document is not beside this checkout")
    blocks = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert blocks == [(EXAMPLES / LANGUAGES[language]).read_text()]
