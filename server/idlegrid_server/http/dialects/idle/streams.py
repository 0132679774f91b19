"""Long answers in pieces, so that a thousand large results never stand in memory together."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Final

from idlegrid_server.core.coordinator import Coordinator

CHUNK: Final = 50
"""Results read at a time."""


async def results(coordinator: Coordinator, ids: Sequence[int], server_id: str) -> AsyncIterator[str]:
    """The body of `GET /results`."""
    yield f'{{"count": {len(ids)}, "results": ['
    between = ""
    for start in range(0, len(ids), CHUNK):
        rows = await coordinator.read(coordinator.reader.results, ids[start : start + CHUNK])
        for run_id, result, end in rows:
            yield between + json.dumps({"task_id": run_id, "result": result, "completed_at": end})
            between = ", "
    yield f'], "server_id": {json.dumps(server_id)}}}'
