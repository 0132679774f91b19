"""The page `docs/benchmarks.md`, written from one run of the benchmark."""

from collections.abc import Iterable
from typing import Any

from benchlib import filling, halting, roundtrip, waiting
from benchlib.machine import sentence
from benchlib.report import Figure, markdown_table
from idlegrid_node.sandbox.pool import REFILL_AFTER_SECONDS

PAGE = """# Benchmarks

Written by `python3 scripts/bench.py --markdown docs/benchmarks.md`; all parts are real processes on one machine.

Machine: {machine}.

{table}

## How to read it

- **a** A lifecycle is submit (with an `Idempotency-Key`, as the client library sends), lease and report, each
  acknowledged by one coordinator after SQLite has it on disk (`synchronous=FULL`), beside Redis with
  `appendfsync everysec`. Four simulated nodes speak the node protocol over HTTP and run nothing. By single
  requests, 16 submitters send one run per request and 4 × 8 lanes report one and lease the next; in batches, 4
  submitters send 100 and 4 × 2 lanes report and lease 50. Measured from the first submission to the last
  acknowledged report, so submitting counts; afterwards the record must hold every run as completed. The load runs
  on the same cores. RQ's two `SimpleWorker`s do a no-op on the same Redis: once enqueued beforehand, from the
  first start to the last end, and once with one `enqueue` call after the other while they work. Medians of
  {rounds} interleaved rounds of {runs} runs (five times as many in batches).
- **b** {trips} trips of each kind through a real node with its sandbox, and as many bare interpreters, in blocks of
  {block} in a random order. *Back to back*: the next submission follows the last result at once, so it meets the node
  at work on fresh sandboxes. *100 ms between two*: as somebody sends them from a notebook. All ratios are against the
  bare interpreter's median.
- **c** One coordinator, one node, nothing to do, {seconds:g} s; memory of the whole process trees. RSS counts pages
  that processes share once for each, PSS once in all. The node's RSS is its own process's; the sandboxes that wait
  beside it, each of two interpreters that share nearly all their pages, are in its PSS.
- **d** 200 requirement classes, 100 labels in two sizes of memory. Choosing is the coordinator's own call for one
  run: looking at the classes in Python, the script in Redis, and the way between them.
- **e** {starts} starts of each kind, in a new random order each round, always with all sandboxes waiting and nothing
  else under way. A start is what a node does for a run: take a waiting sandbox from the pool, send the job, collect
  output, exit status and files; only what is tidied up afterwards is not in it. `python3` is the same interpreter;
  the one with `site` runs in an empty virtual environment, because in the interpreter's own `site-packages` anything
  may run at each start. A fresh sandbox is begun {refill:g} ms after one was taken, on purpose: that is in the last
  two lines.
- **f** {processes} forked processes that spin, {stops} rounds each, levels and orders in random order. Stopped: from
  the call to the moment when `/proc` shows every one of them in state T. Killed: from the node's decision, which stops
  them first, until `/proc` shows no live one. Both wait for the last process; the medians are held to the targets.
- **g** A program that writes to 10 GB under a limit of {limit} MB, {fills} times each. The peak is the highest sum of
  resident memory of its processes and ours around them that another process saw, looking every 2 ms; pages that
  processes share count once for each, so it is never too low. The highest of all rounds is held to the target. At
  level 3 the node itself looks, every 50 ms; at level 4 the kernel holds the limit.
- **h** One sandbox waits alone, or as many as a node keeps: the proportional set sizes of bubblewrap, supervisor and
  child, medians of {waits}. Pages of the interpreter's files are shared with whoever else runs it, here with the
  benchmark: the more interpreters run, the smaller the share. The anonymous part depends on nobody.
- **i** (`--history`) A record of 1,000,000 runs, 10,000 tasks and 1,000 nodes over 90 days, one task with 37,000 of
  the runs: first, middle and last page of each list by every filter, sort and order over HTTP, one request at a time;
  for each page the median of three answers, and of these p50 and p99. The p99 is held to the target.
  The jobs API's are asked for by each sort, part of a name, word for a status and stretch of time; `task-1` has 37,000
  runs, `task-5000` some hundred. What 80 % of all runs are found by has no target: they are looked at, each of them.
- **v** (`--console`) The same long history, a console on it, and Chromium, which clicks through the sidebar's links:
  from the click until all that only the page's content shows is in the document, {visits} visits of each page. It rests
  between two clicks, so long that in each round everything is asked for anew, whatever the console keeps. The very
  first visits, for which console and browser load what they need, are a line by themselves. Then the coordinator is
  watched for {seconds:g} s each: with no page open (before and after), with one overview open, and with ten, which are
  windows of one Chromium, each seen and with a session of its own. What it takes with no page open is taken off.
- Levels that a machine does not have are left out; level 4 needs root or a delegated control group.
"""


def page(facts: dict[str, Any], settings: dict[str, Any], figures: Iterable[Figure]) -> str:
    """Make the whole page."""
    return PAGE.format(machine=sentence(facts), table=markdown_table(figures), **settings, **_fixed())


def _fixed() -> dict[str, float]:
    """What the sections do not let anybody choose."""
    return {
        "block": roundtrip.BLOCK,
        "refill": REFILL_AFTER_SECONDS * 1000,
        "processes": halting.PROCESSES,
        "stops": halting.ROUNDS,
        "limit": filling.LIMIT_MB,
        "fills": filling.ROUNDS,
        "waits": waiting.ROUNDS,
    }
