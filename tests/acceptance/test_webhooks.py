"""Delivering webhooks: a real coordinator that finds what is due, the real process that delivers, real endpoints.

Time is moved by writing in the record when a delivery is due.
"""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Engine, update
from standardwebhooks import Webhook as Signature
from standardwebhooks import WebhookVerificationError

from idlegrid_server.core.webhooks import Delivery, DeliveryState, EventType, Webhook, new_delivery
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.webhooks import SqlWebhooks

from .conftest import short_folder
from .endpoints import OK, Hold, endpoint, silent
from .grids import Apart, Program, eventually

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, no less"[:32]).decode()
BROKEN = (500, {}, b"out of   order\n")
HOUR = 3_600.0


class Post:
    """A coordinator and its process that delivers, over a record that the test writes into as well."""

    def __init__(self, grid: Apart, worker: Program, engine: Engine) -> None:
        self.grid, self.worker, self._engine = grid, worker, engine
        self._webhooks = SqlWebhooks(engine)

    def subscribe(self, url: str, **more: Any) -> int:
        now = time.time()
        # What the grid says of itself is not what these tests count.
        wanted = Webhook(url=url, events=("task.deleted",), secret=SECRET, created_at=now, updated_at=now, **more)
        return self._webhooks.create(wanted).id

    def send(self, webhook_id: int, event: EventType = EventType.TASK_CREATED) -> str:
        """Put something on its way; answers its id."""
        sent = new_delivery(webhook_id, event, json.dumps({"event": event.value}), time.time())
        self.add(sent)
        return sent.id

    def add(self, delivery: Delivery) -> None:
        assert self._webhooks.add(delivery)

    def webhook(self, webhook_id: int) -> Webhook:
        found = self._webhooks.find(webhook_id)
        assert found is not None
        return found

    def delivery(self, webhook_id: int, delivery_id: str) -> Delivery:
        found, _ = self._webhooks.deliveries(webhook_id, None, 1, 100)
        return next(each for each in found if each.id == delivery_id)

    def tried(self, webhook_id: int, delivery_id: str, times: int = 1) -> Delivery:
        """The delivery, when it has been tried so often."""

        def look() -> Delivery | None:
            found = self.delivery(webhook_id, delivery_id)
            return found if found.attempts >= times else None

        return eventually(look, f"the delivery is tried for the {times}. time")

    def hurry(self, delivery_id: str) -> None:
        """Have it tried again now."""
        self._write(update(t.deliveries).where(t.deliveries.c.id == delivery_id).values(next_at=time.time()))

    def change(self, webhook_id: int, **values: Any) -> None:
        self._write(update(t.webhooks).where(t.webhooks.c.id == webhook_id).values(values))

    def resend(self, webhook_id: int, delivery_id: str) -> None:
        assert self._webhooks.resend(webhook_id, delivery_id, time.time())

    def _write(self, statement: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(statement)


@pytest.fixture(scope="module")
def post() -> Iterator[Post]:
    with short_folder() as folder, ExitStack() as stack:
        grid = Apart(folder, folder / "grid", IDLEGRID_WEBHOOK_ALLOW_PRIVATE="true", IDLEGRID_DATA=str(folder / "grid"))
        stack.callback(grid.close)
        grid.start(nodes=0)
        worker = grid.add("webhooks", "idlegrid_server.queue.workers", "webhooks")
        engine = open_engine(f"sqlite:///{folder / 'grid' / 'grid.db'}")
        stack.callback(engine.dispose)
        yield Post(grid, worker, engine)


def test_what_happens_is_heard_of_signed_and_one_byte_changed_is_refused(post: Post) -> None:
    with endpoint() as there:
        made = {"url": there.url, "events": ["task.created"], "secret": SECRET}
        status, answer = post.grid.ask("/api/webhooks", made)
        assert status == 201, answer
        task = {"name": "counted", "task_type": "python", "executor": "any", "command": "count.py"}
        assert post.grid.ask("/api/tasks", task)[0] == 201
        eventually(lambda: there.heard, "the endpoint hears of the task")
        heard = there.heard[0]
        told = Signature(SECRET).verify(heard.body, heard.headers)
        assert told["event"] == "task.created"
        assert told["data"]["task_name"] == "counted"
        assert heard.headers["content-type"] == "application/json"
        assert heard.headers["user-agent"].startswith("idlegrid/")
        with pytest.raises(WebhookVerificationError):
            Signature(SECRET).verify(heard.body.replace(b"counted", b"Counted"), heard.headers)
        hook = answer["data"]["id"]
        done = post.tried(hook, heard.id)
        assert (done.state, done.status_code, done.error) == (DeliveryState.DELIVERED, 204, "")
        assert post.grid.ask(f"/api/webhooks/{hook}", method="DELETE")[0] in (200, 204)


def test_what_fails_is_tried_again_under_the_same_id_until_it_is_taken(post: Post) -> None:
    with endpoint(BROKEN, OK) as there:
        hook = post.subscribe(there.url)
        sent = post.send(hook)
        failed = post.tried(hook, sent)
        assert (failed.state, failed.error) == (DeliveryState.PENDING, "500 Internal Server Error: out of order")
        assert failed.next_at is not None
        assert post.webhook(hook).failing_since is not None
        post.hurry(sent)
        assert post.tried(hook, sent, 2).state is DeliveryState.DELIVERED
        assert [each.id for each in there.heard] == [sent, sent]
        assert post.webhook(hook).failing_since is None


def test_after_five_tries_a_delivery_has_failed_and_a_heartbeat_after_one(post: Post) -> None:
    with endpoint(BROKEN) as there:
        hook = post.subscribe(there.url)
        sent, beat = post.send(hook), post.send(hook, EventType.WORKER_HEARTBEAT)
        waits = []
        for times in range(1, 5):
            tried = post.tried(hook, sent, times)
            assert tried.next_at is not None
            assert tried.state is DeliveryState.PENDING
            waits.append(tried.next_at - time.time())
            post.hurry(sent)
        assert post.tried(hook, sent, 5).state is DeliveryState.FAILED
        assert post.tried(hook, beat).state is DeliveryState.FAILED
        assert waits == sorted(waits)
        assert HOUR / 2 < waits[-1] < 1.1 * HOUR
        assert [each.id for each in there.heard].count(beat) == 1


def test_dead_and_dripping_endpoints_delay_no_other(post: Post) -> None:
    with ExitStack() as stack:
        urls = [stack.enter_context(silent()) for _ in range(40)]
        urls.append(stack.enter_context(silent(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1_000)))
        slow = [(hook := post.subscribe(url), post.send(hook)) for url in urls]
        there = stack.enter_context(endpoint())
        hook = post.subscribe(there.url)
        sent = [post.send(hook) for _ in range(5)]
        eventually(lambda: len(there.heard) == len(sent), "the one that answers hears everything")
        assert [each.id for each in there.heard] == sent
        assert [post.delivery(*each).attempts for each in slow] == [0] * len(slow), "nobody waited for these"
        for each in slow:
            tried = post.tried(*each)
            assert (tried.status_code, tried.error) == (None, "no answer within 5 s")
            assert tried.state is DeliveryState.PENDING
            post.change(each[0], active=False)


def test_what_a_killed_worker_had_begun_is_delivered_by_the_next(post: Post) -> None:
    held = Hold()
    with endpoint(held, OK) as there:
        hook = post.subscribe(there.url)
        sent = post.send(hook)
        eventually(lambda: there.heard, "the endpoint hears the first try")
        post.worker.kill()
        held.let_go.set()
        assert post.delivery(hook, sent).attempts == 0
        post.worker.start()
        post.change(hook, busy_until=time.time())  # instead of waiting until the dead one's claim is over
        assert post.tried(hook, sent).state is DeliveryState.DELIVERED
        assert [each.id for each in there.heard] == [sent, sent]


def test_while_redis_is_away_deliveries_go_on(post: Post) -> None:
    with endpoint() as there:
        hook = post.subscribe(there.url)
        post.tried(hook, post.send(hook))
        post.grid.redis.kill()
        try:
            assert post.tried(hook, post.send(hook)).state is DeliveryState.DELIVERED
        finally:
            post.grid.redis.start()
        assert len(there.heard) == 2


def test_a_redirect_is_not_followed_and_named_without_its_secrets(post: Post) -> None:
    with endpoint() as inside:
        moved = (307, {"Location": f"http://user:word@127.0.0.1:{inside.port}/new?token=s3cret"}, b"")
        with endpoint(moved) as there:
            hook = post.subscribe(there.url)
            failed = post.tried(hook, post.send(hook))
        assert failed.status_code == 307
        assert f"127.0.0.1:{inside.port}/new" in failed.error
        assert "s3cret" not in failed.error
        assert "word" not in failed.error
        assert inside.heard == []


def test_an_endpoint_that_is_gone_or_fails_for_a_day_is_switched_off_and_that_is_logged(post: Post) -> None:
    with endpoint((410, {}, b"")) as gone, endpoint(BROKEN) as broken:
        left, tired = post.subscribe(gone.url), post.subscribe(broken.url, failing_since=time.time() - 24.1 * HOUR)
        for hook in (left, tired):
            later = new_delivery(hook, EventType.TASK_FAILED, "{}", time.time())
            later.next_at = time.time() + HOUR
            post.add(later)
            assert post.tried(hook, post.send(hook)).state is DeliveryState.FAILED
            assert not post.webhook(hook).active
            assert post.delivery(hook, later.id).state is DeliveryState.FAILED, "what was pending fails"
            post.worker.said(f'"webhook_id": {hook}, .*switched off|switched off.*"webhook_id": {hook}')
        assert "410" in post.webhook(left).disabled_reason
        assert "a day" in post.webhook(tired).disabled_reason
    assert SECRET not in post.worker.printed()


def test_what_was_delivered_is_sent_again_on_request_also_to_one_that_is_not_active(post: Post) -> None:
    with endpoint() as there:
        hook = post.subscribe(there.url)
        sent = post.send(hook)
        post.tried(hook, sent)
        post.change(hook, active=False)
        post.resend(hook, sent)
        assert post.tried(hook, sent, 2).state is DeliveryState.DELIVERED
        assert [each.id for each in there.heard] == [sent, sent]
