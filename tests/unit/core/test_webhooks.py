"""Webhooks: what follows from a try, where an endpoint may be, which events are wanted, how a body is written."""

import asyncio
import json
from dataclasses import replace

import pytest

from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.happenings import body
from idlegrid_server.core.subscriptions import LOOK_EVERY, Subscriptions
from idlegrid_server.core.webhookdesk import RESOLVE_SECONDS, WebhookDesk, WebhookWish
from idlegrid_server.core.webhooks import (
    GIVE_UP_AFTER,
    RETRY_DELAYS,
    Delivery,
    DeliveryState,
    EventType,
    Happening,
    Tried,
    Webhook,
    new_delivery,
    retry_delay,
    settled,
)
from idlegrid_server.record.webhooks import SqlWebhooks

from ...parts import START

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
WEBHOOK = Webhook(id=1, url="https://example.org/", events=("*",), secret=SECRET, created_at=0, updated_at=0)
OK, BAD, GONE = Tried(204, "", 0.1), Tried(500, "500 Internal Server Error", 0.2), Tried(410, "410 Gone", 0.1)
SILENT = Tried(None, "no answer within 5 s", 5.0)


def fresh(event: EventType = EventType.TASK_CREATED, **words: object) -> Delivery:
    return replace(new_delivery(1, event, "{}", START), **words)


# --- what follows from a try ---


def test_a_success_ends_a_delivery_and_forgives_the_endpoint():
    after = settled(replace(WEBHOOK, failing_since=1.0), fresh(), OK, START + 1)
    assert (after.delivery.state, after.delivery.attempts) == (DeliveryState.DELIVERED, 1)
    assert (after.delivery.next_at, after.delivery.ended_at, after.delivery.status_code) == (None, START + 1, 204)
    assert after.webhook.failing_since is None
    assert not after.switched_off


@pytest.mark.parametrize("status", [199, 300, 302, 404, 500, None])
def test_only_a_status_of_the_two_hundreds_is_a_success(status):
    assert not Tried(status, "x", 0.1).is_success


def test_tries_are_five_and_each_comes_later_than_the_one_before():
    webhook, delivery, now = WEBHOOK, fresh(), START
    for delay in RETRY_DELAYS:
        after = settled(webhook, delivery, SILENT, now)
        webhook, delivery = after.webhook, after.delivery
        assert delivery.state is DeliveryState.PENDING
        assert delay <= delivery.next_at - now <= delay * 1.1
        now = delivery.next_at
    last = settled(webhook, delivery, SILENT, now).delivery
    assert (last.state, last.attempts, last.next_at) == (DeliveryState.FAILED, 5, None)
    assert (last.status_code, last.error, last.seconds) == (None, "no answer within 5 s", 5.0)


def test_deliveries_that_failed_together_do_not_come_back_together():
    assert len({retry_delay(f"msg_{n}", 1) for n in range(50)}) == 50


def test_a_heartbeat_is_not_tried_again():
    after = settled(WEBHOOK, fresh(EventType.WORKER_HEARTBEAT), BAD, START)
    assert after.delivery.state is DeliveryState.FAILED
    assert after.webhook.failing_since == START


def test_an_endpoint_that_is_gone_is_switched_off_at_once():
    after = settled(WEBHOOK, fresh(), GONE, START)
    assert after.switched_off
    assert (after.webhook.active, after.webhook.disabled_reason) == (False, "it answered 410 Gone")
    assert after.delivery.state is DeliveryState.FAILED


def test_a_day_without_a_success_switches_an_endpoint_off_and_less_does_not():
    failing = replace(WEBHOOK, failing_since=START)
    assert settled(failing, fresh(), BAD, START + GIVE_UP_AFTER - 1).webhook.active
    after = settled(failing, fresh(), BAD, START + GIVE_UP_AFTER)
    assert after.switched_off
    assert "500 Internal Server Error" in after.webhook.disabled_reason


def test_a_test_of_an_endpoint_that_is_off_leaves_it_as_it_is():
    off = replace(WEBHOOK, active=False, disabled_reason="it answered 410 Gone", failing_since=0.0)
    assert not settled(off, fresh(), GONE, START).switched_off
    assert settled(off, fresh(), OK, START).webhook == replace(off, failing_since=None)


def test_what_was_given_is_left_alone():
    delivery = fresh()
    settled(WEBHOOK, delivery, BAD, START)
    assert (delivery.attempts, WEBHOOK.failing_since) == (0, None)


def test_ids_sort_as_deliveries_were_made():
    made = [new_delivery(1, EventType.TASK_CREATED, "{}", START + n // 10).id for n in range(50)]
    assert made == sorted(made)
    assert max(map(len, made)) <= 40


# --- where an endpoint may be ---


@pytest.fixture
def desk(engine, clock):
    """`desk(*addresses)`: one whose names all have these addresses; an exception is raised, None never answers."""

    def make(*addresses, allow_private=False):
        async def resolve(host, port):
            if addresses == (None,):
                await asyncio.Event().wait()
            if addresses and isinstance(addresses[0], Exception):
                raise addresses[0]
            return addresses

        ignore = lambda: None  # noqa: E731
        store = SqlWebhooks(engine)
        return WebhookDesk(store, clock, resolve, allow_private=allow_private, changed=ignore, due=ignore)

    return make


def create(desk: WebhookDesk, url: str = "https://example.org/") -> Webhook:
    return asyncio.run(desk.create(WebhookWish(url=url, events=("*",)), "ann"))


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("10.0.0.1", "192.168.1.1"), ("::1",), ("::ffff:127.0.0.1",)])
def test_a_name_with_private_addresses_alone_is_refused(desk, addresses):
    with pytest.raises(InvalidInput, match="private address") as refused:
        create(desk(*addresses))
    assert (refused.value.field, refused.value.rule) == ("url", "url")


@pytest.mark.parametrize("addresses", [("8.8.8.8",), ("10.0.0.1", "8.8.8.8"), (OSError("no such name"),)])
def test_a_name_that_is_public_or_cannot_be_found_now_is_taken(desk, addresses):
    assert create(desk(*addresses)).owner == "ann"


def test_a_name_whose_servers_do_not_answer_is_taken(desk, monkeypatch):
    monkeypatch.setattr("idlegrid_server.core.webhookdesk.RESOLVE_SECONDS", 0.01)
    assert create(desk(None)).active
    assert RESOLVE_SECONDS <= 5


def test_private_addresses_are_taken_where_the_operator_allows_them(desk):
    assert create(desk("127.0.0.1", allow_private=True), "http://localhost:9/").url == "http://localhost:9/"


def test_one_that_was_switched_off_starts_afresh_when_it_is_said_to_be_active(desk, engine):
    made = create(desk("8.8.8.8"))
    off = {"active": False, "disabled_reason": "it answered 410 Gone", "failing_since": 5.0}
    SqlWebhooks(engine).update(made.id, lambda of: replace(of, **off), START)
    on = asyncio.run(desk().update(made.id, WebhookWish(active=True)))
    assert (on.active, on.disabled_reason, on.failing_since) == (True, "", None)


# --- which events are wanted ---


def test_endpoints_are_looked_at_every_five_seconds_and_when_they_have_changed(clock):
    looks, events = [], [["task.created"]]
    subscriptions = Subscriptions(clock.monotonic)

    def wanted():
        return subscriptions.wanted(lambda: looks.append(1) or events)

    assert wanted() == wanted() == {EventType.TASK_CREATED}
    assert len(looks) == 1
    events[:] = [["worker.heartbeat"], ["*"]]
    subscriptions.refresh()
    assert wanted() == set(EventType)
    events[:] = []
    clock.advance(LOOK_EVERY)
    assert wanted() == set()
    assert len(looks) == 3


def test_a_change_that_comes_while_endpoints_are_looked_at_is_not_missed(clock):
    subscriptions = Subscriptions(clock.monotonic)

    def read():
        subscriptions.refresh()
        return []

    subscriptions.wanted(read)
    assert subscriptions.wanted(lambda: [["*"]]) == set(EventType)


# --- how a body is written ---


def test_a_body_is_ascii_with_its_event_its_time_and_its_data():
    text = body(Happening(EventType.HEALTH_CHECK, START, {"status": "健康"}, {"test": True}))
    assert text.isascii()
    assert json.loads(text) == {
        "event": "system.health_check",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "data": {"status": "健康", "test": True},
    }
