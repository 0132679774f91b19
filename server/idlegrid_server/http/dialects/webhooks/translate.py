"""Between the words of `/api/webhooks` and the core's. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from idlegrid_server.core.webhookdesk import WebhookWish
from idlegrid_server.core.webhooks import SECRET_PREFIX, Delivery, DeliveryState, Webhook
from idlegrid_server.http.dialects.tasks import translate
from idlegrid_server.http.dialects.webhooks.schemas import DeliveriesQuery, WebhookChange, WebhookIn
from idlegrid_server.http.envelope import iso

SHOWN: Final = 4
"""Characters of a secret by which its owner knows it again."""


def wish(words: WebhookIn) -> WebhookWish:
    """A new endpoint."""
    return WebhookWish(url=words.url, events=tuple(words.events), secret=words.secret, active=words.active)


def change(words: WebhookChange) -> WebhookWish:
    """What is changed of an endpoint."""
    given = words.model_dump(exclude_unset=True)
    events = given.get("events")
    return WebhookWish(
        url=given.get("url"),
        events=None if events is None else tuple(events),
        secret=given.get("secret"),
        renews_secret="secret" in given and given["secret"] is None,
        active=given.get("active"),
    )


def state(query: DeliveriesQuery) -> DeliveryState | None:
    """Which deliveries a list shows; None is all."""
    return None if query.state is None else DeliveryState(query.state)


def webhook(of: Webhook, *, whole: bool = False) -> dict[str, Any]:
    """An endpoint; its secret is `whole` in the answer that sets it."""
    return {
        "id": of.id,
        "url": of.url,
        "events": list(of.events),
        "active": of.active,
        "secret": of.secret if whole else f"{SECRET_PREFIX}…{of.secret[-SHOWN:]}",
        "owner": of.owner,
        "created_at": iso(of.created_at),
        "updated_at": iso(of.updated_at),
        "failing_since": iso(of.failing_since),
        "disabled_reason": of.disabled_reason or None,
    }


def page(found: Sequence[Webhook], total: int, number: int, size: int) -> dict[str, Any]:
    """One page of endpoints."""
    return translate.page([webhook(of) for of in found], total, number, size)


def removed(webhook_id: int) -> dict[str, Any]:
    """`DELETE /api/webhooks/{id}`."""
    return {"message": "Webhook 删除成功", "deleted_id": webhook_id}


def delivery(of: Delivery) -> dict[str, Any]:
    """A delivery; its body is the text that is signed and sent."""
    return {
        "id": of.id,
        "event": of.event,
        "state": of.state.value,
        "attempts": of.attempts,
        "next_attempt_at": iso(of.next_at),
        "status_code": of.status_code,
        "error": of.error or None,
        "seconds": None if of.seconds is None else round(of.seconds, 3),
        "created_at": iso(of.created_at),
        "ended_at": iso(of.ended_at),
        "body": of.body,
    }


def deliveries(found: Sequence[Delivery], total: int, number: int, size: int) -> dict[str, Any]:
    """One page of deliveries."""
    return translate.page([delivery(of) for of in found], total, number, size)
