"""Webhooks and their deliveries as rows and facts, and what of a form is sent."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import pandas as pd

from idlegrid.display import visible
from idlegrid_console.data.clock import ago
from idlegrid_console.data.text import duration, moment, one_line, tail
from idlegrid_console.system_texts import EVENT
from idlegrid_console.texts import _, name

Webhook = Mapping[str, Any]
"""An endpoint as `GET /api/webhooks` lists it."""

COLUMNS = ("id", "url", "state", "events", "failing", "owner", "made")
DELIVERY_COLUMNS = ("event", "state", "status", "attempts", "made", "ended", "seconds", "next", "error")

ALL = "*"
"""Stands for all events."""


def state(webhook: Webhook) -> str:
    """How an endpoint stands, as a code of `system_texts.WEBHOOK_STATE`."""
    if not webhook.get("active"):
        return "switched_off" if webhook.get("disabled_reason") else "off"
    return "failing" if webhook.get("failing_since") else "on"


def table(webhooks: Iterable[Webhook]) -> pd.DataFrame:
    """One row per endpoint, in their order; `state` is a list of one, which the table draws as a coloured label."""
    frame = pd.DataFrame([_row(webhook) for webhook in webhooks], columns=list(COLUMNS))
    for column in ("failing", "made"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def _row(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.get("id"),
        "url": one_line(webhook.get("url") or ""),
        "state": [state(webhook)],
        "events": events(webhook),
        "failing": moment(webhook.get("failing_since")),
        "owner": one_line(webhook.get("owner") or ""),
        "made": moment(webhook.get("created_at")),
    }


def events(webhook: Webhook) -> str:
    """What an endpoint is told of, in words; `all` for all."""
    asked = webhook.get("events") or []
    return _("all") if ALL in asked else ", ".join(one_line(event, 60) for event in asked)


def facts(webhook: Webhook, now: datetime, zone: str | None) -> list[tuple[str, str]]:
    """Whose it is, when it was made and changed, by what its secret is known again."""
    found = [
        (_("Made by"), one_line(webhook.get("owner") or "–")),
        (_("Made"), ago(webhook.get("created_at"), now, zone)),
        (_("Changed"), ago(webhook.get("updated_at"), now, zone)),
        (_("Secret"), one_line(webhook.get("secret") or "–")),
    ]
    if webhook.get("failing_since"):
        found.append((_("Failing since"), ago(webhook["failing_since"], now, zone)))
    return found


def position(items: Sequence[Mapping[str, Any]], chosen: Any) -> list[int]:
    """The row of what has this id as a list of one, or an empty list when it is not among them."""
    return [index for index, item in enumerate(items) if chosen is not None and item.get("id") == chosen][:1]


def deliveries(items: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per delivery, in their order."""
    frame = pd.DataFrame([_delivery(item) for item in items], columns=list(DELIVERY_COLUMNS))
    for column in ("made", "ended", "next"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def _delivery(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "event": one_line(item.get("event") or ""),
        "state": [one_line(item.get("state") or "", 40)],
        "status": item.get("status_code"),
        "attempts": item.get("attempts"),
        "made": moment(item.get("created_at")),
        "ended": moment(item.get("ended_at")),
        "seconds": item.get("seconds"),
        "next": moment(item.get("next_attempt_at")),
        "error": one_line(item.get("error") or ""),
    }


def delivery_facts(item: Mapping[str, Any], now: datetime, zone: str | None) -> list[tuple[str, str]]:
    """How a delivery went."""
    status = item.get("status_code")
    return [
        (_("Event"), one_line(name(item.get("event"), EVENT))),
        (_("Made"), ago(item.get("created_at"), now, zone)),
        (_("Tries"), str(item.get("attempts") or 0)),
        (_("Answer"), "–" if status is None else f"HTTP {status}"),
        (_("Took"), duration(item.get("seconds"))),
        (_("Next try"), ago(item.get("next_attempt_at"), now, zone)),
    ]


def body(item: Mapping[str, Any]) -> str:
    """What is sent, as it is read best: indented when it is JSON, cut to what a browser can show."""
    text = str(item.get("body") or "")
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    return visible(tail(text)[0])


def asked_events(every: bool, chosen: Sequence[str]) -> list[str]:
    """The list that is sent for what stands in the form."""
    return [ALL] if every else list(chosen)


def changes(webhook: Webhook, url: str, asked: list[str], secret: str | None, renews: bool) -> dict[str, Any]:
    """The words of a `PUT`: what the form changes of the endpoint as it was. `secret` is one of one's own."""
    found: dict[str, Any] = {}
    if url != webhook.get("url"):
        found["url"] = url
    if sorted(asked) != sorted(webhook.get("events") or []):
        found["events"] = asked
    if secret or renews:
        found["secret"] = secret or None
    return found
