"""Nodes in six kinds, and samples laid onto the points of a window."""

import pytest

from idlegrid_server.core.model import NodeHealth, NodeState, NodeWish
from idlegrid_server.core.overview import KINDS, STANDS_FOR, Kind, Sample, Standing, census, kind_of, laid, start_of

ALIVE, LOST, LEFT = NodeHealth.ALIVE, NodeHealth.LOST, NodeHealth.LEFT


def standing(state="idle", reason="", wish="active", health=ALIVE, *, lately=True) -> Standing:
    return Standing(NodeState(state), reason, NodeWish(wish), health, lately)


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        (standing("idle"), Kind.IDLE),
        (standing("running"), Kind.WORKING),
        *((standing(state, "input"), Kind.OWNER) for state in ("busy", "cooling", "frozen", "evicting")),
        *((standing(state), Kind.HELD) for state in ("paused", "draining", "unknown")),
        (standing("busy", "no_sandbox"), Kind.HELD),
        (standing("running", wish="draining"), Kind.HELD),
        (standing("idle", wish="offline"), Kind.HELD),
        (standing("offline", health=LOST), Kind.LOST),
        (standing("offline", health=LOST, wish="offline"), Kind.LOST),
        (standing("offline", health=LOST, lately=False), Kind.AWAY),
        (standing("offline", health=LEFT), Kind.AWAY),
    ],
)
def test_every_node_is_of_one_kind(node, kind):
    assert kind_of(node) is kind


def test_a_census_names_every_kind():
    found = census([(standing("idle"), 3), (standing("idle", "always"), 2), (standing("busy"), 1)])
    assert found == {"idle": 5, "working": 0, "owner": 1, "held": 0, "lost": 0, "away": 0}
    assert tuple(found) == KINDS


def sample(at: float, waiting: int) -> Sample:
    return Sample(at, waiting, waiting * 10, {"idle": waiting})


def test_each_step_has_the_newest_sample_from_before_its_end():
    points = laid([sample(95, 1), sample(100, 2), sample(110, 3), sample(140, 4)], 100, 20, 3)
    assert (points.start, points.step_seconds) == (100, 20)
    assert points.waiting == [3, 3, 4]
    assert points.running == [30, 30, 40]
    assert points.nodes["idle"] == [3, 3, 4]
    assert points.nodes["lost"] == [0, 0, 0]


def test_what_stood_before_the_window_tells_of_its_first_step_alone_for_a_while():
    points = laid([sample(100 - STANDS_FOR + 30, 1)], 100, 20, 4)
    assert points.waiting == [1, None, None, None]


def test_where_nobody_looked_there_is_nothing():
    points = laid([], 0, 20, 2)
    assert points.waiting == [None, None]
    assert points.nodes == {kind: [None, None] for kind in KINDS}


def test_a_window_ends_with_the_step_that_is_under_way_and_its_steps_stay_where_they_are():
    assert start_of(1_000_019.0, 900, 45) == 1_000_000 - 880
    assert start_of(1_000_000.0, 900, 45) == 1_000_000 - 880
    assert start_of(1_000_020.0, 900, 45) == 1_000_000 - 860
