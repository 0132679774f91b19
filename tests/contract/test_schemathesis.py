"""Schemathesis over the published OpenAPI document: no 5xx, and no answer that the document does not know.

It runs as people run it, by its command, with the settings of `schemathesis.toml`: the same requests every time.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = Path(__file__).with_name("schemathesis.toml")
SECONDS = 160
"""What one part may take on a machine under load; it takes a tenth."""
LONG = 50_000
"""Characters of a text whose pattern is left out."""
PARTS = [("idle", "executions"), ("nodes",), ("tasks", "runs"), ("workers", "system", "webhooks", "access", "jobs")]
"""The tags of the document's operations, by API."""
CHAINS = [("tasks", "runs", "jobs", "executions"), ("workers",)]
"""Tags whose operations follow each other by the document's links: what one answer names the next one is asked for."""


@pytest.fixture(scope="module")
def coordinator(start_coordinator):
    """One without keys whose record holds nothing: what is found does not hang on other tests."""
    return start_coordinator()


@pytest.fixture(scope="module")
def document(coordinator, visit):
    """The document, but for the patterns of its longest texts.

    Schemathesis writes the length into the pattern, and takes a second to compile each that counts so far.
    """

    def without_long_pattern(schema):
        if schema.get("maxLength", 0) >= LONG:
            schema.pop("pattern", None)
        return schema

    return json.loads(visit(coordinator.url).get("/openapi.json").text, object_hook=without_long_pattern)


@pytest.fixture
def check(coordinator, document, tmp_path):
    """`check(tags, phases)`: fails with what was found."""

    def run(tags, phases):
        (tmp_path / "openapi.json").write_text(json.dumps(document))
        chosen = [word for tag in tags for word in ("--include-tag", tag)]
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS), "run", *chosen]
        command += ["--phases", phases, "--url", coordinator.url, "openapi.json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
        assert "passed" in done.stdout

    return run


def test_every_operation_is_looked_at(document):
    tags = [operation["tags"] for operations in document["paths"].values() for operation in operations.values()]
    assert all(tags)
    assert {tag for some in tags for tag in some} == {tag for part in PARTS for tag in part}


@pytest.mark.parametrize("tags", PARTS, ids="-".join)
def test_no_answer_is_a_fault_or_undocumented(tags, check):
    check(tags, "examples,coverage,fuzzing")


@pytest.mark.parametrize("tags", CHAINS, ids="-".join)
def test_what_an_answer_names_is_there_until_it_is_deleted(tags, check):
    check(tags, "stateful")
