"""The document's curl examples, run as written: only address and token are filled in."""

import json
import re
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent / "examples"
DOCUMENT = Path(__file__).resolve().parents[4] / "shared" / "api" / "jobs-api.md"
SCRIPTS = ("jobs.sh", "job.sh", "executions.sh", "job-executions.sh")
ADDRESS, TOKEN = "https://api.datahub.example.com", "YOUR_TOKEN"


@pytest.fixture
def answers(history):
    """`answers(script)`: what its commands print."""

    def run(name):
        words = (EXAMPLES / name).read_text()
        assert ADDRESS in words
        assert TOKEN in words
        words = words.replace(ADDRESS, history.reader.url).replace(TOKEN, history.reader.key)
        command = ["bash", "-c", words.replace("curl -X", "curl --silent --show-error -X")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        # JSON on one line cannot hold "}{" but between two answers.
        return [json.loads(line) for line in done.stdout.replace("}{", "}\n{").splitlines()]

    return run


def names(answer):
    return [job["name"] for job in answer["data"]]


def statuses(answer):
    return {execution["status"] for execution in answer["data"]}


def test_listing_jobs(answers):
    everything, klines, backwards = answers("jobs.sh")
    assert names(everything) == names(backwards)[::-1] == ["Tidy.up", "sync_klines_1h", "sync_symbols_all"]
    assert names(klines) == ["sync_klines_1h"]


def test_one_job(answers):
    by_number, by_name = answers("job.sh")
    assert by_number == by_name
    assert by_name["id"] == "sync_klines_1h"


def test_all_executions(answers):
    newest, failed, in_2026 = answers("executions.sh")
    assert newest["pagination"]["page_size"] == 50
    assert statuses(newest) == {"PENDING", "RUNNING", "SUCCESS", "FAILURE", "TIMEOUT"}
    assert statuses(failed) == {"FAILURE"}
    assert set(in_2026) == {"data", "pagination"}


def test_one_jobs_executions(answers):
    everything, failed, recent = answers("job-executions.sh")
    assert {execution["job_id"] for execution in everything["data"]} == {"1"}
    assert statuses(failed) == {"FAILURE"}
    assert set(recent) == {"data", "pagination"}


def test_the_examples_are_the_documents():
    if not DOCUMENT.is_file():
        pytest.skip("the document is not beside this checkout")
    blocks = re.findall(r"```bash\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert blocks == [(EXAMPLES / name).read_text() for name in SCRIPTS]
