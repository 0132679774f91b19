"""The `idlegrid` command: how it finds subcommands, and the submitter's three."""

import argparse
import io
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from idlegrid import cli
from idlegrid.cli import Command, main

DONE = (200, {"task_id": 7, "status": "completed", "result": "hello"})
FAILED = (200, {"task_id": 7, "status": "failed", "error": "Traceback: boom", "exit_code": 3})


def logs(wrap, *texts, stream="stdout"):
    items = [{"id": number, "stream": stream, "text": text} for number, text in enumerate(texts)]
    return (200, wrap({"items": items, "last": len(items) - 1, "finished": True}))


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "job.py"
    path.write_text("print('hello')\n")
    return str(path)


@pytest.fixture
def announce(monkeypatch):
    """Announce subcommands as an installed package would."""

    def announced(**values):
        points = [EntryPoint(name, value, cli.GROUP) for name, value in values.items()]
        monkeypatch.setattr(cli, "entry_points", lambda group: points)

    return announced


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("submit", "status", "files", "nodes"))


def test_help_says_which_command_is_broken(announce, capsys):
    announce(good="idlegrid.commands:NODES", bad="no_such_package:COMMAND")
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "cannot be loaded" in out
    assert "spare machines" in out


def test_only_the_command_that_is_called_is_loaded(announce, grid, capsys, wrap):
    grid.on("GET /api/workers", (200, wrap({"items": [], "total_pages": 1})))
    announce(nodes="idlegrid.commands:NODES", bad="no_such_package:COMMAND")
    assert main(["nodes", "--url", grid.url]) == 0
    assert main(["bad"]) == 1
    assert "`idlegrid bad` cannot be loaded" in capsys.readouterr().err


def test_what_is_announced_must_be_a_command(announce, capsys):
    announce(bad="idlegrid.commands:columns")
    assert main(["bad"]) == 1
    assert "is no Command" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [[], ["fly"], ["status"], ["status", "x"], ["submit", "--cpu", "much", "-"], ["submit", "--min-sandbox", "0", "-"]],
)
def test_wrong_usage_is_status_2(argv, capsys):
    assert main(argv) == 2
    assert "idlegrid" in capsys.readouterr().err


def test_ctrl_c_is_status_130(monkeypatch, announce):
    def interrupted(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("idlegrid.commands.NODES", Command("x", lambda _: None, interrupted))
    announce(nodes="idlegrid.commands:NODES")
    assert main(["nodes"]) == 130


def test_an_error_is_one_line_on_stderr(grid, capsys):
    grid.on("GET /status/9", (404, {"detail": "Task 9 not found"}))
    assert main(["status", "9", "--url", grid.url]) == 1
    assert capsys.readouterr().err == "idlegrid: Task 9 not found (HTTP 404)\n"


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (401, "This key is not valid: it is unknown, expired or revoked"),
        (403, "This key may not do that: it lacks the scope submit"),
    ],
)
def test_a_key_that_does_not_do_is_one_line_that_says_where_to_give_another(grid, script, capsys, status, detail):
    grid.on("POST /submit", (status, {"detail": detail}))
    assert main(["submit", script, "--url", grid.url, "--key", "ig_k"]) == 1
    words = f"idlegrid: {detail} (HTTP {status}); give a key that may do this as api_key=…, --key, or in"
    assert capsys.readouterr().err.startswith(words)


def test_a_limit_that_lasts_is_one_line_that_says_how_long(grid, capsys):
    grid.on("GET /status/9", (429, {"detail": "Too many requests"}, {"Retry-After": "90"}))
    assert main(["status", "9", "--url", grid.url]) == 1
    assert capsys.readouterr().err == "idlegrid: Too many requests (HTTP 429); try again in 90 s\n"


def test_submit_prints_the_number_alone(grid, script, capsys):
    grid.on("POST /submit", (200, {"task_id": 7}))
    options = ["--url", grid.url, "--key", "ig_k", "--timeout", "5", "--memory", "64", "--priority", "low"]
    assert main(["submit", script, *options]) == 0
    assert capsys.readouterr().out == "7\n"
    asked = grid.asked[0]
    assert asked.body["code"] == "print('hello')\n"
    assert (asked.body["timeout"], asked.body["priority"]) == (5, "low")
    assert asked.headers["authorization"] == "Bearer ig_k"


def test_submit_asks_for_a_sandbox_level_only_when_told_to(grid, script):
    grid.on("POST /submit", (200, {"task_id": 7}))
    assert main(["submit", script, "--url", grid.url]) == 0
    assert main(["submit", script, "--url", grid.url, "--min-sandbox", "4"]) == 0
    assert "min_sandbox" not in grid.asked[0].body
    assert grid.asked[1].body["min_sandbox"] == 4


def test_submit_reads_the_standard_input(grid, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("print(2)"))
    grid.on("POST /submit", (200, {"task_id": 7}))
    assert main(["submit", "-", "--url", grid.url]) == 0
    assert grid.asked[0].body["code"] == "print(2)"


def test_a_file_that_is_not_there_is_named(capsys):
    assert main(["submit", "/no/such.py"]) == 1
    assert "/no/such.py cannot be read" in capsys.readouterr().err


def test_submit_and_wait_prints_what_the_run_writes(grid, script, capsys, wrap):
    grid.on("POST /submit", (200, {"task_id": 7}))
    grid.on("GET /api/runs/7/logs", logs(wrap, "hel", "lo\n"))
    grid.on("GET /status/7", DONE)
    assert main(["submit", script, "--wait", "--url", grid.url]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("hello\n", "7\n")


def test_submit_and_wait_ends_with_the_runs_exit_status(grid, script, capsys, wrap):
    grid.on("POST /submit", (200, {"task_id": 7}))
    grid.on("GET /api/runs/7/logs", logs(wrap))
    grid.on("GET /status/7", FAILED)
    assert main(["submit", script, "--wait", "--url", grid.url]) == 3
    assert capsys.readouterr().err == "7\nTraceback: boom\n"


def test_a_traceback_that_was_in_the_log_is_not_repeated(grid, script, capsys, wrap):
    grid.on("POST /submit", (200, {"task_id": 7}))
    grid.on("GET /api/runs/7/logs", logs(wrap, "Traceback: ", "boom\n", stream="stderr"))
    grid.on("GET /status/7", (200, {**FAILED[1], "exit_code": None}))
    assert main(["submit", script, "--wait", "--url", grid.url]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "7\nTraceback: boom\n")


def test_status_prints_state_and_result(grid, capsys):
    grid.on("GET /status/7", DONE)
    assert main(["status", "7", "--url", grid.url]) == 0
    assert capsys.readouterr().out == "completed\nhello\n"


def test_status_prints_why_a_run_waits(grid, capsys):
    grid.on("GET /status/7", (200, {"status": "pending", "waiting_for": "a node with 'gpu'"}))
    assert main(["status", "7", "--url", grid.url]) == 0
    assert capsys.readouterr().out == "pending\na node with 'gpu'\n"


def test_files_are_listed_with_their_sizes(grid, capsys, wrap):
    items = [{"name": "a\x1b[2Jb.csv", "size": 1500, "media_type": "text/csv", "sha256": ""}]
    grid.on("GET /api/runs/7/files", (200, wrap({"items": items, "total": 1})))
    assert main(["files", "7", "--url", grid.url]) == 0
    assert capsys.readouterr().out == "FILE           SIZE    TYPE\na\\x1b[2Jb.csv  1.5 kB  text/csv\n"


def test_files_are_saved_where_they_are_told_to(grid, capsys, wrap, tmp_path):
    items = [{"name": name, "size": 1, "media_type": "x/y", "sha256": ""} for name in ("a.txt", "sub/b.txt")]
    grid.on("GET /api/runs/7/files", (200, wrap({"items": items, "total": 2})))
    grid.on("GET /api/runs/7/files/a.txt", (200, b"A"))
    grid.on("GET /api/runs/7/files/sub/b.txt", (200, b"B"))
    assert main(["files", "7", "--save", str(tmp_path), "--url", grid.url]) == 0
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "a.txt"), str(tmp_path / "sub" / "b.txt")]
    assert (tmp_path / "sub" / "b.txt").read_bytes() == b"B"


def test_nodes_are_an_aligned_table_without_control_characters(grid, capsys, wrap):
    nodes = [
        {"id": "lab-07", "hostname": "l\x1b[2J", "status": "active", "state": "frozen", "reason": "input",
         "current_task_count": 1, "max_concurrent_tasks": 2, "cpu_usage": 12.6,
         "sandbox": {"level": 3, "backend": "bubblewrap"}},
        {"id": "b", "status": "offline", "state": "idle"},
    ]  # fmt: skip
    grid.on("GET /api/workers", (200, wrap({"items": nodes, "total_pages": 1})))
    assert main(["nodes", "--url", grid.url]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "NODE    HOST      STATE    REASON  SLOTS  SANDBOX  CPU",
        "lab-07  l\\x1b[2J  frozen   input   1/2    3        13%",
        "b       -         offline  -       0/0    -        -",
    ]


def test_the_module_is_the_command():
    ended = subprocess.run([sys.executable, "-m", "idlegrid", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("idlegrid 1.")
