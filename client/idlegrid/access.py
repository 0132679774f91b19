"""What a `Client` asks about keys and webhooks: who may do what, and who is told of what."""

from collections.abc import Iterable
from typing import Any

from idlegrid.session import Session

WEBHOOKS = "/api/webhooks"
"""Where webhooks lie."""


class AccessCalls:
    """The calls of a `Client` about keys (scope `admin`, but for `me`) and webhooks (scope `webhooks`)."""

    session: Session

    def me(self) -> dict[str, Any]:
        """Whose key this is: its `name`, `scopes` and `expires_at`; `required` says whether keys are asked for."""
        return dict(self.session.get("/api/auth/me", unwrap=True))

    def keys(self) -> list[dict[str, Any]]:
        """Every key there ever was, without the keys themselves."""
        return list(self.session.get("/api/keys", unwrap=True)["items"])

    def make_key(
        self, name: str, scopes: Iterable[str], *, expires_in: float | None = None, uses: int | None = None
    ) -> dict[str, Any]:
        """A new key, which is in `key`, this once. `expires_in` is in seconds; `uses` are how many nodes one with the
        scope `join` may enrol.
        """
        body: dict[str, Any] = {"name": name, "scopes": list(scopes)}
        given = {word: value for word, value in (("expires_in", expires_in), ("uses", uses)) if value is not None}
        return dict(self.session.post("/api/keys", body | given, unwrap=True))

    def revoke_key(self, key_id: int) -> None:
        """Let a key open nothing any more."""
        self.session.delete(f"/api/keys/{key_id}")

    def webhooks(self, page: int = 1, size: int = 50) -> dict[str, Any]:
        """A page of endpoints, newest first."""
        return dict(self.session.get(WEBHOOKS, {"page": page, "size": size}, unwrap=True))

    def webhook(self, webhook_id: int) -> dict[str, Any]:
        """One endpoint."""
        return dict(self.session.get(_webhook(webhook_id), unwrap=True))

    def make_webhook(self, url: str, events: Iterable[str], *, secret: str | None = None) -> dict[str, Any]:
        """A new endpoint; its `secret` is whole in this answer alone."""
        body: dict[str, Any] = {"url": url, "events": list(events)}
        return dict(self.session.post(WEBHOOKS, body if secret is None else {**body, "secret": secret}, unwrap=True))

    def change_webhook(self, webhook_id: int, **changes: Any) -> dict[str, Any]:
        """Change `url`, `events`, `active` or `secret` (None: another one is made) of an endpoint, and no other."""
        return dict(self.session.put(_webhook(webhook_id), json=changes, unwrap=True))

    def delete_webhook(self, webhook_id: int) -> None:
        """Drop an endpoint and its deliveries."""
        self.session.delete(_webhook(webhook_id))

    def test_webhook(self, webhook_id: int) -> dict[str, Any]:
        """Send it a test; the delivery."""
        return dict(self.session.post(f"{_webhook(webhook_id)}/test", {}, unwrap=True))

    def deliveries(self, webhook_id: int, page: int = 1, size: int = 20, state: str | None = None) -> dict[str, Any]:
        """A page of what an endpoint was sent, newest first; `state` is pending, delivered or failed."""
        params = {"page": page, "size": size, "state": state}
        return dict(self.session.get(f"{_webhook(webhook_id)}/deliveries", params, unwrap=True))

    def resend(self, webhook_id: int, delivery_id: str) -> dict[str, Any]:
        """Send something once more; the delivery."""
        return dict(self.session.post(f"{_webhook(webhook_id)}/deliveries/{delivery_id}/resend", {}, unwrap=True))


def _webhook(webhook_id: int) -> str:
    return f"{WEBHOOKS}/{webhook_id}"
