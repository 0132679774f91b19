"""The subcommands of whoever submits: `submit`, `status`, `explain`, `files` and `nodes`."""

import argparse
import sys
from pathlib import Path

from idlegrid.cli import Command
from idlegrid.client import Client
from idlegrid.display import columns, show, size, visible
from idlegrid.errors import IdlegridError
from idlegrid.run import Run


def reach(parser: argparse.ArgumentParser) -> None:
    """The options that say which coordinator is called, and with which key."""
    parser.add_argument("--url", help="the coordinator (default: $IDLEGRID_URL, else http://127.0.0.1:8000)")
    parser.add_argument("--key", help="the API key (default: $IDLEGRID_API_KEY)")


def _submit_options(parser: argparse.ArgumentParser) -> None:
    reach(parser)
    parser.add_argument("file", metavar="FILE", help="Python code; - reads it from the standard input")
    parser.add_argument("--wait", action="store_true", help="print what it writes; exit with its status")
    parser.add_argument("--timeout", type=float, default=300, help="seconds it may run (default: 300)")
    parser.add_argument("--cpu", type=float, default=1.0, help="cores it needs (default: 1)")
    parser.add_argument("--memory", type=int, default=512, help="MB it needs (default: 512)")
    parser.add_argument("--priority", choices=("low", "normal", "high", "critical"), default="normal")
    parser.add_argument(
        "--min-sandbox", type=int, choices=range(1, 5), metavar="LEVEL",
        help="the least sandbox level of the node: 1 (limits only) to 4 (isolated, metered by the kernel); default: 3",
    )  # fmt: skip


def _status_options(parser: argparse.ArgumentParser) -> None:
    reach(parser)
    parser.add_argument("id", type=int, help="the run's number")


def _submit(options: argparse.Namespace) -> int:
    code = _code(options.file)
    with Client(options.url, options.key) as client:
        run = client.submit(
            code,
            timeout=options.timeout,
            cpu=options.cpu,
            memory=options.memory,
            priority=options.priority,
            min_sandbox=options.min_sandbox,
        )
        # With --wait the standard output is the run's own, so that it can be piped.
        print(run.id, file=sys.stderr if options.wait else sys.stdout, flush=True)
        return _wait(run) if options.wait else 0


def _code(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise IdlegridError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise IdlegridError(f"{file} is not UTF-8 text") from error


def _wait(run: Run) -> int:
    seen = ""
    for stream, text in run.pieces(follow=True):
        show(text, sys.stderr if stream == "stderr" else sys.stdout, end="")
        seen = (seen + text)[-_TAIL:]
    run.wait()
    if run.status == "completed":
        return 0
    error = run.failure().error
    if error.strip() not in seen:
        print(visible(error), file=sys.stderr)
    return run.exit_code or 1


_TAIL = 65536
"""How much of the log is kept in mind, to see whether a traceback was shown already."""


def _status(options: argparse.Namespace) -> int:
    with Client(options.url, options.key) as client:
        run = client.run(options.id).refresh()
        print(run.status)
        for text in (run.waiting_for, run.error if run.status == "failed" else None):
            if text:
                show(text, sys.stdout)
        if run.status == "completed":
            show(run.result(), sys.stdout)
    return 0


def _explain(options: argparse.Namespace) -> int:
    with Client(options.url, options.key) as client:
        for line in client.run(options.id).explain().lines:
            show(line, sys.stdout)
    return 0


def _files_options(parser: argparse.ArgumentParser) -> None:
    _status_options(parser)
    parser.add_argument("--save", metavar="DIR", help="write them below this folder, and print where each is")


def _files(options: argparse.Namespace) -> int:
    with Client(options.url, options.key) as client:
        files = client.run(options.id).files()
        if options.save is None:
            print(columns(("FILE", "SIZE", "TYPE"), ((file.name, size(file.size), file.media_type) for file in files)))
        else:
            for file in files:
                show(str(file.save(options.save)), sys.stdout)
    return 0


def _nodes(options: argparse.Namespace) -> int:
    with Client(options.url, options.key) as client:
        rows = [
            (
                node.id,
                node.hostname,
                node.doing,
                node.reason,
                f"{node.current_task_count}/{node.max_concurrent_tasks}",
                node.sandbox_level,
                None if node.cpu_usage is None else f"{node.cpu_usage:.0f}%",
            )
            for node in client.nodes()
        ]
    print(columns(("NODE", "HOST", "STATE", "REASON", "SLOTS", "SANDBOX", "CPU"), rows))
    return 0


SUBMIT = Command("queue Python code; prints the run's number", _submit_options, _submit)
STATUS = Command("the state of a run, and its result or error", _status_options, _status)
EXPLAIN = Command("why a run is not running yet, and when it may", _status_options, _explain)
FILES = Command("the files that a run left; --save fetches them", _files_options, _files)
NODES = Command("the spare machines: what each does, and why", reach, _nodes)
