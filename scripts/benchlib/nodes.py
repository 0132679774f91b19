"""(j) A thousand nodes that wait on one coordinator: what they cost it, and how soon the right one hears of a run."""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis

from benchlib import keys
from benchlib.crowd import Crowd, Member, crowd
from benchlib.http11 import Address, Connection
from benchlib.load import RUN, heartbeat
from benchlib.processes import Grid, cpu_seconds, grid
from benchlib.report import Figure, at_most, spread
from idlegrid_server.record.keys import KeyWish

SECTION = "j nodes"
CPU_PERCENT, RSS_MB, WAKE_MS = 25.0, 400.0, 20.0
"""The bounds: of one core, of memory, of the 99th percentile from a submission's answer to its node's."""
SETTLE_SECONDS = 12.0
"""After the last node has joined: until every one has sent a heartbeat by its own clock."""
PAUSE_SECONDS = (0.05, 0.15)
"""Between two submissions; the node that had the last one waits again by then."""
MB = 2**20


def figures(count: int, seconds: float, wakes: int) -> list[Figure]:
    """The same without keys and with a key for each node."""
    return [figure for with_keys in (False, True) for figure in _figures(count, seconds, wakes, with_keys=with_keys)]


def _figures(count: int, seconds: float, wakes: int, *, with_keys: bool) -> Iterator[Figure]:
    with _grid(count, with_keys=with_keys) as (here, address, members):
        empty = here.coordinator.memory_info().rss / MB
        with crowd(address, members) as nodes:
            time.sleep(min(SETTLE_SECONDS, seconds))
            watched = _watch(here, nodes, seconds)
            watched["rss_without_nodes_mb"] = round(empty, 1)
            watched |= _sizes(address, members[0])
            times, from_start = _wake(address, nodes, members, wakes)
    name = f"{count:,} nodes that wait, " + ("a key for each" if with_keys else "no keys")
    bound = at_most(CPU_PERCENT, "%")
    yield Figure(SECTION, f"{name}: coordinator, CPU", watched["cpu_percent"], "% of a core", bound, watched)
    yield Figure(SECTION, f"{name}: coordinator, RSS", watched["rss_mb"], "MB", at_most(RSS_MB, "MB"))
    within = at_most(WAKE_MS, "ms")
    yield from spread(SECTION, f"{name}: a submission's answer to the right node's", times, within, tail=1.0)
    yield from spread(SECTION, f"{name}: the same from the submission's start", from_start)


@contextmanager
def _grid(count: int, *, with_keys: bool) -> Iterator[tuple[Grid, Address, list[Member]]]:
    names = [f"bench-{number:05}" for number in range(count)]
    made: list[str] = []

    def fill(folder: Path) -> None:
        wishes = [KeyWish(f"node:{name}", ("node",), node_id=name) for name in names]
        made.extend(keys.make_keys(folder, [KeyWish("bench", ("submit",)), *wishes]))

    settings = keys.REQUIRED if with_keys else keys.OFF
    with grid(fill=fill if with_keys else None, env=settings) as here:
        submit, *own = made or [""] * (count + 1)
        members = [Member(name, f"only-{name}", key) for name, key in zip(names, own, strict=True)]
        yield here, here.address(submit), members


def _watch(here: Grid, nodes: Crowd, seconds: float) -> dict[str, Any]:
    """What a window of nothing but polls and heartbeats costs everybody."""
    load = [psutil.Process(pid) for pid in nodes.pids]
    client = redis.Redis.from_url(here.redis_url)
    parts = [here.coordinator, here.redis, *load]
    before, said, began = [cpu_seconds(part) for part in parts], _redis_counts(client), time.monotonic()
    written = here.coordinator.io_counters().write_bytes
    time.sleep(seconds)
    window = time.monotonic() - began
    cpu = [(cpu_seconds(part) - then) / window * 100 for part, then in zip(parts, before, strict=True)]
    operations = {name: round((now - said[name]) / window, 1) for name, now in _redis_counts(client).items()}
    client.close()
    return {
        "seconds": round(window, 1),
        "cpu_percent": cpu[0],
        "redis_cpu_percent": round(cpu[1], 2),
        "load_cpu_percent": round(sum(cpu[2:]), 2),
        "rss_mb": here.coordinator.memory_info().rss / MB,
        "redis_rss_mb": round(here.redis.memory_info().rss / MB, 1),
        "descriptors": here.coordinator.num_fds(),
        "threads": here.coordinator.num_threads(),
        "written_bytes_per_s": round((here.coordinator.io_counters().write_bytes - written) / window),
        "redis_per_s": operations,
    }


def _redis_counts(client: "redis.Redis") -> dict[str, int]:
    info: Any = client.info("stats")
    names = ("total_commands_processed", "total_net_input_bytes", "total_net_output_bytes")
    return {name: int(info[name]) for name in names}


def _sizes(address: Address, member: Member) -> dict[str, int]:
    """Bytes on the wire of one heartbeat and one empty poll, headers included, both ways."""

    async def ask() -> dict[str, int]:
        says, polls = (Connection(address.host, address.port, member.key) for _ in range(2))
        await says.post("/internal/heartbeat", heartbeat(member.id, "idle", 1, [member.label]))
        await polls.get(f"/internal/task?node_id={member.id}&wait=0&slots=0")
        found = {"heartbeat_bytes": says.sent + says.received, "poll_bytes": polls.sent + polls.received}
        says.close()
        polls.close()
        return found

    return asyncio.run(ask())


def _wake(address: Address, nodes: Crowd, members: list[Member], wakes: int) -> tuple[list[float], list[float]]:
    """Milliseconds until a run reached the only node that may have it: from its answer, and from its start."""
    dice = random.Random(5)
    from_answer, from_start = [], []
    with asyncio.Runner() as runner:
        connection = address.as_submitter()
        for _ in range(wakes):
            wanted = dice.choice(members)
            time.sleep(dice.uniform(*PAUSE_SECONDS))
            body = json.dumps({**RUN, "requires": [wanted.label]}).encode()
            began = time.monotonic()
            run_id = runner.run(connection.post("/submit", body))["task_id"]
            answered = time.monotonic()
            arrival = nodes.arrival()
            if (arrival.run_id, arrival.node_id) != (run_id, wanted.id):
                raise RuntimeError(f"run {run_id} for {wanted.id}: {arrival}")
            from_answer.append((arrival.at - answered) * 1000)
            from_start.append((arrival.at - began) * 1000)
        connection.close()
    return from_answer, from_start
