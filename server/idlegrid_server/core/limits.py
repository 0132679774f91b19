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

MAX_LOG_PIECE: Final = 65_536
"""Characters in one piece of a log; longer ones are cut."""

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
