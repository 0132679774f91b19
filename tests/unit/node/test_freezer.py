"""What a supervisor is told about standing still, and which of its answers counts."""

import math

from idlegrid_node.sandbox.freezer import ACK_SECONDS, THAW_ACK_SECONDS, Freezer


def told_to_stop() -> Freezer:
    freezer = Freezer()
    freezer.freeze("evicted:input")
    assert freezer.next_order(10.0) is True
    return freezer


def test_an_order_is_given_once_and_its_answer_is_awaited():
    freezer = told_to_stop()
    assert (freezer.next_order(10.1), freezer.ack_by, freezer.cause) == (None, 10.0 + ACK_SECONDS, "evicted:input")
    assert freezer.answered()
    assert freezer.settle(still=True)
    assert (freezer.stands, freezer.ack_by) == (True, math.inf)
    freezer.thaw()
    assert (freezer.next_order(20.0), freezer.ack_by) == (False, 20.0 + THAW_ACK_SECONDS)


def test_an_owner_who_is_back_does_not_wait_for_a_thaw_to_be_confirmed():
    freezer = told_to_stop()
    assert freezer.answered()
    freezer.settle(still=True)
    freezer.thaw()
    assert freezer.next_order(20.0) is False
    freezer.freeze("evicted:input")
    assert freezer.next_order(20.1) is True
    assert not freezer.answered()
    assert freezer.answered()


def test_what_was_stopped_from_outside_is_not_stopped_anew_by_a_late_answer():
    freezer = told_to_stop()
    assert freezer.settle(still=True)
    assert freezer.answered()
    assert not freezer.settle(still=True)
    assert freezer.stands


def test_a_late_answer_to_an_older_order_says_nothing():
    freezer = told_to_stop()
    freezer.settle(still=True)
    freezer.thaw()
    assert freezer.next_order(11.0) is False
    assert not freezer.answered()
    assert freezer.stands
    assert freezer.answered()
