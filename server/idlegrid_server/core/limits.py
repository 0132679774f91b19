"""Every number the core goes by, with its unit and where it comes from. Times are seconds."""

from dataclasses import dataclass
from typing import Final

MAX_CODE_CHARS: Final = 10_000
"""Longest code of a submission, in characters (the idle API's document)."""

MAX_REQUIRES_CHARS: Final = 400
"""Characters of all labels of a run together: they are part of its queue's name."""

MAX_BATCH: Final = 1_000
"""Most submissions in one `/submit_many`."""

DEFAULT_TIMEOUT: Final = 300.0
"""A submission's timeout when it names none (the idle API's document)."""

DEFAULT_TASK_TIMEOUT: Final = 3_600.0
"""A task's timeout when it names none (the task API's document)."""

DEFAULT_RETRIES: Final = 3
"""A task's retries when it names none (the task API's document)."""

MAX_RETRIES: Final = 100
"""Most retries of a task; the last ones are five minutes apart."""

MAX_TASK_CODE: Final = 1 << 20
"""Bytes of a task's inline code."""

MAX_TASK_FILES_BYTES: Final = 10 << 20
"""Bytes of all files of a task together."""

MAX_INSTANCES: Final = 1_000
"""Most runs of one task that its schedule may have unfinished."""

MIN_INTERVAL: Final = 1.0
"""Shortest interval of a schedule in seconds: firings are looked for once a second."""

MAX_INTERVAL: Final = 366 * 86_400.0
"""Longest interval of a schedule: a year."""

LATE_FIRING: Final = 2.0
"""Seconds after which a firing that nobody was woken for is made all the same."""

DOWNTIME: Final = 15.0
"""Seconds by which a firing is late before that counts as downtime, for which one firing is made up; those less late
are all made, one after the other."""

WAKE_HORIZON: Final = 60.0
"""Seconds ahead for which the queue is asked to wake us; what is due later is asked for later."""

RETRY_FIRST_DELAY: Final = 1.0
"""Seconds before the first retry; each further one waits twice as long, and up to half as much again."""

RETRY_CAP: Final = 300.0
"""Longest delay of a retry."""

MAX_TIMEOUT: Final = 30 * 86_400.0
"""Longest timeout; a run that needs more than a month is a service."""

DEFAULT_CPU: Final = 1.0
"""Cores of a submission that names none (the idle API's document)."""

DEFAULT_MEMORY_MB: Final = 512
"""MB of a submission that names none (the idle API's document)."""

MAX_CPU: Final = 4_096.0
"""More cores than any machine has; above it a value is a typing error."""

MAX_MEMORY_MB: Final = 1 << 30
"""A petabyte in MB; memory beyond any node is accepted and the run says why it waits."""

AGEING_SECONDS: Final = 3_600.0
"""An hour's wait is worth one priority level, so that nothing starves."""

SHORTEST_FACTOR: Final = 10.0
"""Seconds later that a run counts as having come, for each second it is expected to take, in the order `shortest`."""

MOST_LENGTH_PENALTY: Final = 86_400.0
"""Most such seconds: a day later even the longest run is before the shortest."""

USAGE_HALF_LIFE: Final = 86_400.0
"""After a day a submitter's usage counts half (as HTCondor's PRIORITY_HALFLIFE does)."""

USAGE_WINDOW: Final = 10 * 86_400.0
"""Usage older than ten half-lives counts less than a thousandth, so it is not looked at."""

DEFAULT_SANDBOX: Final = 3
"""Sandbox level that a run asks for when it states none: isolated, if not metered by the kernel."""

MAX_SANDBOX: Final = 4
"""The highest sandbox level there is."""

MAX_LOSSES: Final = 5
"""A run fails with as many lost nodes and crashes (HyperQueue's crash limit)."""

MAX_FILES: Final = 100
"""Files that one attempt may leave."""

MAX_FILES_BYTES: Final = 50 << 20
"""Bytes of all files of one attempt together."""

FILE_CHUNK: Final = 1 << 20
"""Most bytes of a file in one row of the record: what is written, or read, at a time."""

MAX_CHECKPOINT_BYTES: Final = 101 << 20
"""Bytes of a run's checkpoint: 100 MiB of files, and what the archive adds."""

MAX_LOG_PIECE: Final = 65_536
"""Characters in one piece of a log; longer ones are cut."""

MAX_WAIT: Final = 60
"""Seconds that an answer may be waited for; some proxies end a request after no more."""

MAX_INT64: Final = 2**63 - 1
"""Largest id a database column holds."""


@dataclass(frozen=True, slots=True)
class Times:
    """The protocol's times in seconds; tests shorten them."""

    lease: float = 30.0
    heartbeat: float = 10.0
    listing: float = 10.0
    """An attempt not listed this long after its lease was answered returns to its queue."""
    start_grace: float = 30.0
    """No lease expires this soon after a coordinator's start or a jump of the clock."""
    legacy_margin: float = 30.0
    """A legacy worker's lease is the run's timeout plus this."""
    node_lost: float = 30.0
    """A node not heard for this long is offline."""
    idempotency: float = 86_400.0
    """How long an Idempotency-Key is remembered."""
    outbox: float = 5.0
    """Outbox rows older than this are written to the queue again."""
