"""Days of machines, replayed: what was seen (`traces/*.json`), and each transition that must follow, with its reason.

A trace's rows are stretches: the time at which one begins, and what is otherwise then than before. `typing`
means a key each look; `asleep` that nobody looks at all. The guest takes a run whenever the ladder lets it.
"""

import json
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from idlegrid_node.ladder import Ladder, Position, State
from idlegrid_node.policy import load
from idlegrid_node.presence import Signs

FOLDER = Path(__file__).parent / "traces"
TRACES = sorted(FOLDER.glob("*.json"))
PERIOD = timedelta(seconds=5)
START = "2026-06-01T00:00:00+00:00"
"""A Monday; all times of day in a trace are of that day."""


class Replay:
    """One machine's day. `sleep_counts`: whether the monotonic clock goes on while the machine sleeps."""

    def __init__(self, trace: dict, policy_file: Path, *, sleep_counts: bool) -> None:
        policy_file.write_text(trace["policy"])
        self._rows = trace["seen"]
        self._sleep_counts = sleep_counts
        self._now = 0.0
        self._ladder = Ladder(load("desktop", policy_file), self._now)
        self._ladder.sandbox(self._now, works=True)
        self._seen = trace["before"] | {"typing": False, "asleep": False}
        self._last_input = at(self._rows[0][0]) - timedelta(seconds=self._seen.pop("input_idle_s"))
        self.transitions: list[tuple[str, str, str, str]] = []

    def play(self, until: str) -> list[tuple[str, str, str, str]]:
        """Return (time, state, reason, sign) of each transition."""
        ends = [*(at(row[0]) for row in self._rows[1:]), at(until)]
        for (begin, changes), end in zip(self._rows, ends, strict=True):
            self._seen |= changes
            self._stretch(at(begin), end)
        return self.transitions

    def _stretch(self, wall: datetime, end: datetime) -> None:
        if self._seen["asleep"]:
            self._now += (end - wall).total_seconds() if self._sleep_counts else 0.0
            return
        while wall < end:
            self._look(wall)
            wall += PERIOD
            self._now += PERIOD.total_seconds()

    def _look(self, wall: datetime) -> None:
        if self._seen["typing"]:
            self._last_input = wall
        known = {field.name: self._seen.get(field.name) for field in fields(Signs) if field.name != "faults"}
        signs = Signs(**known | {"input_idle_s": (wall - self._last_input).total_seconds()})
        self._note(wall, self._ladder.look(signs, self._now, wall))
        if self._ladder.position.state in {State.IDLE, State.EVICTING}:
            attempts = 1 if self._ladder.takes_work else 0
            self._note(wall, self._ladder.hold(attempts, self._now))

    def _note(self, wall: datetime, position: Position) -> None:
        if not self.transitions or self.transitions[-1][1:3] != (position.state, position.reason):
            self.transitions.append((f"{wall:%H:%M:%S}", position.state, position.reason, position.signal))


def at(time: str) -> datetime:
    return datetime.fromisoformat(START.replace("00:00:00", time, 1))


@pytest.mark.parametrize("sleep_counts", [False, True])
@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_a_day_leads_to_these_transitions(path, sleep_counts, tmp_path):
    trace = json.loads(path.read_text("utf-8"))
    replay = Replay(trace, tmp_path / "policy.toml", sleep_counts=sleep_counts)
    expected = (sleep_counts and trace.get("expected_where_sleep_counts")) or trace["expected"]
    assert replay.play(trace["until"]) == [tuple(step) for step in expected]
