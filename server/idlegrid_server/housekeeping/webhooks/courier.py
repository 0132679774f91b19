"""Who is served when: every endpoint with something due by itself, one thing at a time, however slow the others are.

The record says what is due and who has claimed an endpoint, so any number of couriers work side by side, and what one
took with it into its death is due again when its claim is over.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, Protocol

import structlog

from idlegrid_server.core.errors import GridError
from idlegrid_server.core.webhooks import TRY_SECONDS, Claim, Delivery, DeliveryState, Settled, Tried

log = structlog.get_logger(__name__)

CLAIM_SECONDS: Final = TRY_SECONDS + 10.0
"""How long an endpoint is claimed for one try: what the record may take to write things down comes on top."""
AT_ONCE: Final = 400
"""Endpoints served at a time: each may hold a connection, and a process usually has 1,024 descriptors."""
ROUND_SECONDS: Final = 5.0
"""How often a courier looks that nobody told to: Redis may be away."""
STOP_SECONDS: Final = 2.0
"""How long tries under way are waited for at the end; what is then given up is made again by the next."""


class Deliveries(Protocol):
    """What is on its way. Every method raises RecordUnavailable."""

    def due_endpoints(self, now: float, limit: int) -> list[int]:
        """Endpoints with something due that nobody has claimed."""

    def claim(self, webhook_id: int, now: float, seconds: float) -> Claim | None:
        """The endpoint's delivery that is due longest; None when there is none, or somebody else is at it."""

    def settle(self, claim: Claim, tried: Tried, now: float) -> Settled | None:
        """Note how a try went, and give the endpoint free; None when it no longer matters."""


Send = Callable[[str, str, Delivery], Coroutine[Any, Any, Tried]]
"""URL, secret, delivery → how it went; takes TRY_SECONDS at most, and does not raise."""


class Courier:
    """Delivers, on an event loop in a thread of its own. `look` may be called from any thread, at any time."""

    def __init__(self, deliveries: Deliveries, send: Send, now: Callable[[], float]) -> None:
        """`now` is in epoch seconds."""
        self._deliveries, self._send, self._now = deliveries, send, now
        self._served: dict[int, asyncio.Task[None]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="courier", daemon=True)
        self._stopping = False

    def start(self) -> None:
        """Be ready for `look`, and look by itself now and then."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._rounds(), self._loop)

    def look(self) -> "Future[None]":
        """Begin to serve every endpoint that has something due; returns at once."""
        return asyncio.run_coroutine_threadsafe(self._look(), self._loop)

    def stop(self) -> None:
        """Wait for what is under way, but not for long."""
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _rounds(self) -> None:
        while not self._stopping:
            await asyncio.sleep(ROUND_SECONDS)
            await self._look()

    async def _look(self) -> None:
        try:
            due = await asyncio.to_thread(self._deliveries.due_endpoints, self._now(), AT_ONCE)
        except GridError as error:
            log.warning("deliveries put off", action="deliver", reason=str(error))
            return
        except Exception:
            log.exception("deliveries put off", action="deliver")
            return
        for webhook_id in due:
            if webhook_id not in self._served and len(self._served) < AT_ONCE and not self._stopping:
                self._served[webhook_id] = asyncio.create_task(self._serve(webhook_id))

    async def _serve(self, webhook_id: int) -> None:
        """Everything that is due at one endpoint, one after the other."""
        try:
            while not self._stopping and await self._deliver(webhook_id):
                pass
        except GridError as error:
            log.warning("delivery put off", action="deliver", webhook_id=webhook_id, reason=str(error))
        except Exception:
            log.exception("delivery failed", action="deliver", webhook_id=webhook_id)
        finally:
            del self._served[webhook_id]

    async def _deliver(self, webhook_id: int) -> bool:
        """One try; False when there is nothing to try."""
        claim = await asyncio.to_thread(self._deliveries.claim, webhook_id, self._now(), CLAIM_SECONDS)
        if claim is None:
            return False
        tried = await self._send(claim.webhook.url, claim.webhook.secret, claim.delivery)
        settled = await asyncio.to_thread(self._deliveries.settle, claim, tried, self._now())
        if settled is not None:
            _say(settled)
        return True

    async def _finish(self) -> None:
        self._stopping = True
        if self._served:
            await asyncio.wait(self._served.values(), timeout=STOP_SECONDS)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._loop.shutdown_default_executor()


def _say(settled: Settled) -> None:
    """Nothing that the endpoint said itself: it may quote what is secret."""
    delivery, webhook = settled.delivery, settled.webhook
    if delivery.state is not DeliveryState.DELIVERED:
        said = delivery.error if delivery.status_code is None else f"status {delivery.status_code}"
        words = {"webhook_id": webhook.id, "delivery": delivery.id, "attempts": delivery.attempts}
        log.info("a delivery did not go well", action="deliver", reason=said, next_at=delivery.next_at, **words)
    if settled.switched_off:
        reason = webhook.disabled_reason.partition(";")[0]
        log.warning("webhook switched off", action="switch_off", webhook_id=webhook.id, reason=reason)
