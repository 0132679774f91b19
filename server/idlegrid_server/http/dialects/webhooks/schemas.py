"""What `/api/webhooks` takes."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

from idlegrid_server.core.webhooks import ALL_EVENTS, MAX_URL
from idlegrid_server.http.dialects.nodes.schemas import NO_NUL
from idlegrid_server.http.dialects.tasks.fields import Words

Event = Literal[
    "task.created",
    "task.updated",
    "task.deleted",
    "task.triggered",
    "task.completed",
    "task.failed",
    "worker.registered",
    "worker.unregistered",
    "worker.heartbeat",
    "system.health_check",
    "*",
]


def _once(events: Sequence[Event]) -> list[Event]:
    """Each once; `*` stands alone."""
    if ALL_EVENTS in events and set(events) != {ALL_EVENTS}:
        raise PydanticCustomError("exclusive", "`*` stands for all events, and for that alone in the list")
    return list(dict.fromkeys(events))


Events = Annotated[list[Event], Field(min_length=1, max_length=20), AfterValidator(_once)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL, pattern=NO_NUL)]
Secret = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL)]


class WebhookIn(Words):
    """`POST /api/webhooks`."""

    url: Url
    events: Events
    secret: Secret | None = None
    active: bool = True


class WebhookChange(Words):
    """`PUT /api/webhooks/{id}`: what is left out stays; `secret: null` has another one made."""

    url: Url = ""
    events: Events = Field(default_factory=list)
    secret: Secret | None = None
    active: bool = True


class PageQuery(BaseModel):
    """Which part of a list."""

    page: int = Field(default=1, ge=1, le=1_000_000)
    size: int = Field(default=20, ge=1, le=200)


class DeliveriesQuery(PageQuery):
    """`GET /api/webhooks/{id}/deliveries`."""

    state: Literal["pending", "delivered", "failed"] | None = None
