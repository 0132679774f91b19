"""The page `docs/benchmarks.md`, written from one run of the benchmark."""

from collections.abc import Iterable
from typing import Any

from benchlib.machine import sentence
from benchlib.report import Figure, markdown_table

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
- **b** {trips} trips through a real node with its sandbox, one after the other, a bare interpreter started after
  each. Both ratios are against the bare interpreter's median.
- **c** One coordinator, one node, nothing to do, {seconds:g} s; memory of the whole process trees. RSS counts pages
  that processes share once for each, PSS once in all.
- **d** 200 requirement classes, 100 labels in two sizes of memory. Choosing is the coordinator's own call for one
  run: looking at the classes in Python, the script in Redis, and the way between them.
"""


def page(facts: dict[str, Any], settings: dict[str, Any], figures: Iterable[Figure]) -> str:
    """Make the whole page."""
    return PAGE.format(machine=sentence(facts), table=markdown_table(figures), **settings)
