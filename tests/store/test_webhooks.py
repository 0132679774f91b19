"""Webhooks in the record, for those who manage them and for those who deliver: who tries claims an endpoint first."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from idlegrid_server.core.commands import (
    MakeRuns,
)
from idlegrid_server.core.webhooks import GIVE_UP_AFTER, DeliveryState, EventType, Happening, Tried

from ..parts import START
from .endpoints import Endpoints

GOOD, BAD = Tried(200, "", 0.1), Tried(503, "503 Service Unavailable", 0.2)


@pytest.fixture
def endpoints(engine, pen) -> Endpoints:
    return Endpoints(engine, pen)


# --- managing ---


def test_an_endpoint_is_kept_changed_listed_and_dropped_with_its_deliveries(endpoints):
    first, second = endpoints.make("task.created", owner="ann"), endpoints.make()
    assert endpoints.store.find(first.id) == first
    assert endpoints.store.page(1, 1) == ([second], 2)
    assert endpoints.store.page(2, 1) == ([first], 2)
    changed = endpoints.store.update(first.id, lambda of: replace(of, url="https://example.net/"), START)
    assert endpoints.store.find(first.id) == changed != first
    endpoints.notify(second)
    assert endpoints.store.delete(second.id)
    assert not endpoints.store.delete(second.id)
    assert endpoints.store.find(second.id) is None
    assert endpoints.store.update(second.id, lambda of: of, START) is None
    assert endpoints.count() == 0


def test_what_is_pending_for_an_endpoint_fails_when_it_is_made_inactive(endpoints):
    webhook = endpoints.make()
    endpoints.notify(webhook, 2)
    endpoints.store.update(webhook.id, lambda of: replace(of, active=False), START + 5)
    found, total = endpoints.store.deliveries(webhook.id, DeliveryState.FAILED, 1, 1)
    assert (total, found[0].ended_at, found[0].next_at) == (2, START + 5, None)
    assert found[0].error == "the endpoint is not active"
    assert endpoints.store.next_due() is None


# --- delivering ---


def test_of_two_that_claim_an_endpoint_at_once_one_gets_it(endpoints):
    webhook, start = endpoints.make(), Barrier(2)
    endpoints.notify(webhook, 2)

    def claim(_):
        start.wait(10)
        return endpoints.store.claim(webhook.id, START, 15)

    with ThreadPoolExecutor(2) as pool:
        claims = list(pool.map(claim, range(2)))
    assert sum(one is not None for one in claims) == 1


def test_an_endpoint_hears_one_thing_at_a_time_the_oldest_first(endpoints):
    webhook = endpoints.make()
    endpoints.notify(webhook, 2)
    assert endpoints.store.due_endpoints(START - 1) == []
    assert endpoints.store.next_due() == START
    assert endpoints.store.due_endpoints(START) == [webhook.id]
    first = endpoints.store.claim(webhook.id, START, 15)
    assert first.webhook == webhook
    assert endpoints.store.due_endpoints(START) == []
    assert endpoints.store.next_due() == START + 15
    after = endpoints.store.settle(first, GOOD, START + 1)
    assert after.delivery.state is DeliveryState.DELIVERED
    second = endpoints.store.claim(webhook.id, START + 1, 15)
    assert second.delivery.id > first.delivery.id
    endpoints.store.release(second)
    assert endpoints.store.claim(webhook.id, START + 1, 15).delivery == second.delivery


def test_a_claim_that_nobody_settles_is_over_by_itself_and_its_late_word_changes_nothing(endpoints):
    webhook = endpoints.make()
    endpoints.notify(webhook)
    late = endpoints.store.claim(webhook.id, START, 15)
    again = endpoints.store.claim(webhook.id, START + 15, 15)
    assert again.delivery == late.delivery
    assert endpoints.store.settle(again, BAD, START + 16).delivery.attempts == 1
    assert endpoints.store.settle(late, GOOD, START + 17) is None
    assert endpoints.store.deliveries(webhook.id, None, 1, 1)[0][0].state is DeliveryState.PENDING


def test_a_failed_try_is_put_off_and_noted_at_the_endpoint(endpoints):
    webhook = endpoints.make()
    endpoints.notify(webhook)
    endpoints.store.settle(endpoints.store.claim(webhook.id, START, 15), BAD, START + 1)
    assert endpoints.store.find(webhook.id).failing_since == START + 1
    assert START + 6 <= endpoints.store.next_due() <= START + 6.5
    assert endpoints.store.claim(webhook.id, START + 2, 15) is None
    retried = endpoints.store.claim(webhook.id, START + 7, 15)
    endpoints.store.settle(retried, GOOD, START + 7)
    delivery = endpoints.store.deliveries(webhook.id, None, 1, 1)[0][0]
    assert (delivery.attempts, delivery.status_code, delivery.error) == (2, 200, "")
    assert endpoints.store.find(webhook.id).failing_since is None


@pytest.mark.parametrize("gone", [True, False])
def test_an_endpoint_that_is_gone_or_dead_for_a_day_is_switched_off_with_all_that_is_pending(endpoints, gone):
    webhook = endpoints.make(failing_since=None if gone else START - GIVE_UP_AFTER)
    endpoints.notify(webhook, 3)
    tried = Tried(410, "410 Gone", 0.1) if gone else BAD
    after = endpoints.store.settle(endpoints.store.claim(webhook.id, START, 15), tried, START)
    assert after.switched_off
    kept = endpoints.store.find(webhook.id)
    assert not kept.active
    assert kept.disabled_reason
    assert endpoints.store.deliveries(webhook.id, DeliveryState.FAILED, 1, 1)[1] == 3
    assert endpoints.store.due_endpoints(START) == []


def test_a_dead_endpoints_backlog_keeps_no_other_from_being_found(endpoints):
    dead, alive = endpoints.make("task.created"), endpoints.make("system.health_check")
    with endpoints.record.transaction() as transaction:
        batch = transaction.load(MakeRuns([], []).needs())
        batch.happened += [Happening(EventType.TASK_CREATED, START, {"n": n}) for n in range(50)]
        transaction.save(batch)
    endpoints.notify(alive)
    assert endpoints.store.claim(dead.id, START, 15) is not None
    assert endpoints.store.due_endpoints(START) == [alive.id]


def test_heartbeats_that_have_been_overtaken_are_given_up_before_anything_else_waits_for_them(endpoints):
    webhook = endpoints.make()
    for age in (200, 100, 10):
        endpoints.store.announce(Happening(EventType.WORKER_HEARTBEAT, START - age, {"worker_id": "n1"}))
    endpoints.notify(webhook)
    claim = endpoints.store.claim(webhook.id, START, 15)
    assert (claim.delivery.event, claim.delivery.created_at) == ("worker.heartbeat", START - 10)
    found, total = endpoints.store.deliveries(webhook.id, DeliveryState.FAILED, 1, 1)
    assert (total, found[0].error, found[0].attempts) == (2, "overtaken by a later one", 0)
    endpoints.store.release(claim)
    endpoints.store.settle(endpoints.store.claim(webhook.id, START, 15), GOOD, START)
    endpoints.store.settle(endpoints.store.claim(webhook.id, START, 15), GOOD, START)
    endpoints.store.resend(webhook.id, found[0].id, START)
    assert endpoints.store.claim(webhook.id, START, 15).delivery.id == found[0].id


def test_a_delivery_is_sent_again_under_its_id(endpoints):
    webhook, other = endpoints.make(), endpoints.make("task.created")
    endpoints.notify(webhook)
    done = endpoints.store.settle(endpoints.store.claim(webhook.id, START, 15), GOOD, START).delivery
    assert endpoints.store.resend(other.id, done.id, START) is None
    assert endpoints.store.resend(webhook.id, "msg_none", START) is None
    again = endpoints.store.resend(webhook.id, done.id, START + 9)
    assert (again.state, again.next_at, again.ended_at) == (DeliveryState.PENDING, START + 9, None)
    assert endpoints.store.claim(webhook.id, START + 9, 15).delivery.id == done.id
