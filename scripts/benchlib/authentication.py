"""(k) What keys cost: dispatch as in (a), by coordinators that ask for keys and that do not, in turn."""

import statistics
from pathlib import Path
from typing import Any

import psutil

from benchlib import keys
from benchlib.http11 import Address
from benchlib.load import BATCHES, SINGLE, Shape, measure
from benchlib.processes import Grid, cpu_seconds, grid
from benchlib.report import Figure, Target
from idlegrid_server.record.keys import KeyWish

SECTION = "k authentication"
SHARE = 0.95
"""The bound: with keys a coordinator dispatches so much of what it does without."""
BATCH_FACTOR = 5
"""Batches are that much faster, and a round should last as long."""

Rounds = dict[str, list[dict[str, Any]]]


def figures(runs: int, rounds: int) -> list[Figure]:
    """Two coordinators, each with a Redis of its own; one is idle while the other is measured."""
    made: list[str] = []

    def fill(folder: Path) -> None:
        made.extend(keys.make_keys(folder, [KeyWish("bench", ("submit",)), KeyWish("bench-node", ("node",))]))

    with grid(env=keys.OFF) as plain, grid(fill=fill, env=keys.REQUIRED) as keyed:
        ways = {"no keys": (plain, plain.address()), "keys": (keyed, keyed.address(*made))}
        for here, address in ways.values():
            _round(here, address, SINGLE, runs // 4)  # warm-up: connections, caches, the record's first pages
        return [
            figure
            for shape, factor in ((SINGLE, 1), (BATCHES, BATCH_FACTOR))
            for figure in _rows(shape, _measure(ways, shape, runs * factor, rounds))
        ]


def _measure(ways: dict[str, tuple[Grid, Address]], shape: Shape, runs: int, rounds: int) -> Rounds:
    """Each way in turn, who is first changing with every round."""
    found: Rounds = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            found[name].append(_round(*ways[name], shape, runs))
    return found


def _round(here: Grid, address: Address, shape: Shape, runs: int) -> dict[str, Any]:
    parts = {"coordinator": here.coordinator, "redis": here.redis, "load": psutil.Process()}
    before = {name: cpu_seconds(part) for name, part in parts.items()}
    seconds = measure([address], shape, runs)
    spent = {name: round((cpu_seconds(part) - before[name]) * 1000 / runs, 3) for name, part in parts.items()}
    return {"rate": runs / seconds, "runs": runs, "cpu_s_per_1000": spent}


def _rows(shape: Shape, found: Rounds) -> list[Figure]:
    plain, keyed = (statistics.median(one["rate"] for one in found[name]) for name in ("no keys", "keys"))
    name = f"submit, lease, report: {shape.name}, {{}}"
    target = Target(plain, "no keys", "≥", SHARE)
    own = {which: statistics.median(one["cpu_s_per_1000"]["coordinator"] for one in of) for which, of in found.items()}
    return [
        Figure(SECTION, name.format("no keys"), plain, "runs/s", detail={"rounds": found["no keys"]}),
        Figure(SECTION, name.format("keys"), keyed, "runs/s", target, {"rounds": found["keys"]}),
        Figure(
            SECTION,
            name.format("keys: the coordinator's CPU for a run"),
            own["keys"],
            "ms",
            Target(own["no keys"], "no keys", "≤", 1 / SHARE),
        ),
    ]
