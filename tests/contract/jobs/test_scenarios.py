"""The document's Python scenarios, run as written: `datahub` is the client library's `Client`."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent / "examples"
DOCUMENT = Path(__file__).resolve().parents[4] / "shared" / "api" / "jobs-api.md"
SCENARIOS = ("python-failures.txt", "python-efficiency.txt", "python-settings.txt")
JOB = "sync_klines_1h"


@pytest.fixture
def printed(history) -> Callable[[str], list[str]]:
    """`printed(scenario)`: its lines, from a process of its own whose key may read jobs alone."""
    reader = history.reader
    before = f"from idlegrid import Client\ndatahub = Client({reader.url!r}, {reader.key!r})\n"

    def run(name: str) -> list[str]:
        command = [sys.executable, "-c", before + (EXAMPLES / name).read_text()]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_watching_for_failures(history, printed):
    failed, lines = history.execution("failed"), printed("python-failures.txt")
    start = lines.index(f"任务 {JOB} 失败: Connection timeout")
    assert lines[start + 1 : start + 3] == [f"  Trace ID: {failed['trace_id']}", f"  时间: {failed['started_at']}"]
    assert failed["trace_id"]


def test_how_long_a_job_takes_and_how_often_it_succeeds(history, printed):
    executions = history.get(f"/{JOB}/executions")["data"]
    succeeded = sum(execution["status"] == "SUCCESS" for execution in executions)
    average, rate = printed("python-efficiency.txt")
    assert re.fullmatch(r"平均执行时间: \d+\.\d\d 秒", average)
    assert 0 < succeeded < len(executions)
    assert rate == f"成功率: {100 * succeeded / len(executions):.1f}%"


def test_how_the_jobs_are_set_up(history, printed):
    job, lines = history.get(f"/{JOB}"), printed("python-settings.txt")
    assert lines[:4] == [
        f"任务: {JOB}", "  类型: kline", f"  调度: {job['schedule']}", f"  下次执行: {job['next_run_at']}",
    ]  # fmt: skip
    assert lines[4] == "任务: sync_symbols_all"


def test_the_scenarios_are_the_documents():
    if not DOCUMENT.is_file():
        pytest.skip("the document is not beside this checkout")
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert blocks == [(EXAMPLES / name).read_text() for name in SCENARIOS]
