"""The order and the times of stopping."""

from signal import SIGKILL, SIGTERM

from idlegrid_server.up.stopping import Stage, hurried, signals

ALL = {
    "node-1": Stage.NODES,
    "console": Stage.NODES,
    "control": Stage.WORKERS,
    "coordinator": Stage.COORDINATOR,
    "redis": Stage.REDIS,
}


def without(*names):
    return {name: stage for name, stage in ALL.items() if name not in names}


def test_nodes_and_console_are_asked_first_and_alone():
    assert signals(ALL, 0.0) == {"node-1": SIGTERM, "console": SIGTERM}


def test_a_stage_is_asked_as_soon_as_the_one_before_has_ended():
    assert signals(without("node-1", "console"), 0.1) == {"control": SIGTERM}
    assert signals(without("node-1", "console", "control"), 0.2) == {"coordinator": SIGTERM}
    assert signals({"redis": Stage.REDIS}, 0.3) == {"redis": SIGTERM}


def test_a_stage_that_dawdles_does_not_hold_up_the_next():
    assert signals(ALL, 3.0)["control"] == SIGTERM
    assert "coordinator" not in signals(ALL, 3.0)
    assert signals(ALL, 4.5)["coordinator"] == SIGTERM


def test_at_seven_seconds_all_but_redis_is_killed_and_redis_is_asked():
    assert signals(ALL, 7.0) == dict.fromkeys(without("redis"), SIGKILL) | {"redis": SIGTERM}


def test_redis_is_killed_in_time_for_ten_seconds():
    assert signals(ALL, 9.0)["redis"] == SIGKILL


def test_without_children_there_is_nobody_to_ask():
    assert signals({}, 5.0) == {}


def test_each_further_request_skips_patience():
    assert hurried(1.0, 1) == 1.0
    assert hurried(1.0, 2) == 7.0
    assert hurried(1.0, 3) == 9.0
    assert hurried(1.0, 9) == 9.0
    assert hurried(8.0, 2) == 8.0
