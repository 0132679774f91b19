"""`/api/webhooks`."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from idlegrid_server.core.health import overall
from idlegrid_server.http.dialects.nodes.schemas import NO_NUL
from idlegrid_server.http.dialects.webhooks import translate
from idlegrid_server.http.dialects.webhooks.schemas import DeliveriesQuery, PageQuery, WebhookChange, WebhookIn
from idlegrid_server.http.envelope import envelope
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"], route_class=GridRoute)
WebhookId = Annotated[int, Path(ge=0)]
DeliveryId = Annotated[str, Path(max_length=40, pattern=NO_NUL)]


@router.get("")
async def webhooks(query: Annotated[PageQuery, Query()], call: Call) -> dict[str, Any]:
    """A page of endpoints."""
    return envelope(translate.page(*await call.grid.webhooks.page(query.page, query.size), query.page, query.size))


@router.post("", status_code=201)
async def create(words: WebhookIn, call: Call) -> dict[str, Any]:
    """Make an endpoint; its secret is shown whole this once."""
    made = await call.grid.webhooks.create(translate.wish(words), call.submitter)
    return envelope(translate.webhook(made, whole=True))


@router.get("/{webhook_id}")
async def webhook(webhook_id: WebhookId, call: Call) -> dict[str, Any]:
    """One endpoint."""
    return envelope(translate.webhook(await call.grid.webhooks.find(webhook_id)))


@router.put("/{webhook_id}")
async def update(webhook_id: WebhookId, words: WebhookChange, call: Call) -> dict[str, Any]:
    """Change what is named."""
    changed = await call.grid.webhooks.update(webhook_id, translate.change(words))
    return envelope(translate.webhook(changed, whole="secret" in words.model_fields_set))


@router.delete("/{webhook_id}")
async def delete(webhook_id: WebhookId, call: Call) -> dict[str, Any]:
    """Drop an endpoint, and all that is on its way to it."""
    await call.grid.webhooks.remove(webhook_id)
    return envelope(translate.removed(webhook_id))


@router.post("/{webhook_id}/test", status_code=202)
async def test(webhook_id: WebhookId, call: Call) -> dict[str, Any]:
    """Send it how the grid is, marked as a test."""
    parts = await asyncio.to_thread(call.grid.health.components)
    health = {"status": overall(parts), "components": parts, "previous": None}
    return envelope(translate.delivery(await call.grid.webhooks.test(webhook_id, health)))


@router.get("/{webhook_id}/deliveries")
async def deliveries(webhook_id: WebhookId, query: Annotated[DeliveriesQuery, Query()], call: Call) -> dict[str, Any]:
    """What was and what is to be sent to it."""
    found = await call.grid.webhooks.deliveries(webhook_id, translate.state(query), query.page, query.size)
    return envelope(translate.deliveries(*found, query.page, query.size))


@router.post("/{webhook_id}/deliveries/{delivery_id}/resend", status_code=202)
async def resend(webhook_id: WebhookId, delivery_id: DeliveryId, call: Call) -> dict[str, Any]:
    """Send one once more, under the same id."""
    return envelope(translate.delivery(await call.grid.webhooks.resend(webhook_id, delivery_id)))
