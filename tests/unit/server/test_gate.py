"""Who is let in, over a real record: keys in memory, limits, what is logged and what the record is told."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from idlegrid_server.core.access import Access
from idlegrid_server.core.errors import NotAuthenticated, NotAuthorized, RecordUnavailable, TooManyRequests
from idlegrid_server.http.access import audit
from idlegrid_server.http.access.gate import Gate
from idlegrid_server.record.keys import ApiKey, KeyStore, KeyWish
from idlegrid_server.record.tables import api_keys, facts
from idlegrid_server.settings import Settings

from ...parts import START, FakeClock, open_record

ANYTHING, TASKS = Access(""), Access("read:tasks")


class CutStore(KeyStore):
    """The real one, with a switch that takes the record away."""

    is_away = False

    def version(self) -> int:
        self._check()
        return super().version()

    def note_used(self, at) -> None:
        self._check()
        super().note_used(at)

    def _check(self) -> None:
        if self.is_away:
            raise RecordUnavailable("the record is away")


class Door:
    """A gate over a record of its own, and the clock that it goes by."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.clock, self.engine = FakeClock(), open_record(folder)
        self.store = CutStore(self.engine)
        self.gate = Gate(Settings(data=folder, **settings), self.store, self.clock, None)  # type: ignore[arg-type]
        self.looks = 0
        event.listen(self.engine, "before_cursor_execute", self._count)

    def _count(self, *_words: object) -> None:
        self.looks += 1

    def key(self, *scopes: str, **words: Any) -> tuple[str, ApiKey]:
        return self.store.create(KeyWish("ann", scopes or ("read:tasks",), **words), self.clock.now())

    async def come(self, key: str, address: str = "10.0.0.1", access: Access = ANYTHING) -> str:
        """What becomes of a caller: the name, or the refusal's."""
        try:
            return (await self.gate.admit(key, address, "/api/tasks", access))[0].name
        except (NotAuthenticated, NotAuthorized, TooManyRequests, RecordUnavailable) as refusal:
            return type(refusal).__name__

    def last_used(self) -> dict[int, float]:
        return {key.id: key.last_used_at for key in self.store.all() if key.last_used_at is not None}


@pytest.fixture
def door(tmp_path) -> Callable[..., Door]:
    """`door(**settings)`"""
    return lambda **settings: Door(tmp_path, **settings)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_known_key_is_let_in_without_a_look_into_the_record(door):
    async def story(here: Door) -> None:
        key, _ = here.key()
        assert await here.come(key) == "ann"
        before = here.looks
        assert {await here.come(key) for _ in range(50)} == {"ann"}
        assert here.looks == before

    run(story(door()))


def test_a_record_that_is_away_locks_nobody_out_who_is_known(door):
    async def story(here: Door) -> None:
        key, _ = here.key()
        assert await here.come(key) == "ann"
        here.store.is_away = True
        await here.gate.ring.keep_up()
        assert await here.come(key) == "ann"
        assert await here.come("ig_submit_new") == "RecordUnavailable"
        here.store.is_away = False
        assert await here.come("ig_submit_new") == "NotAuthenticated"

    run(story(door()))


def test_many_unknown_keys_at_once_share_a_look(door):
    async def story(here: Door) -> None:
        key, _ = here.key()
        wrong = (here.come(f"ig_submit_{number}", f"10.0.{number}.1") for number in range(200))
        found = await asyncio.gather(*wrong, here.come(key))
        assert found == ["NotAuthenticated"] * 200 + ["ann"]
        assert here.looks < 12

    run(story(door()))


def test_beyond_the_limit_wrong_keys_cost_the_record_nothing(door):
    async def story(here: Door) -> None:
        key, _ = here.key()
        assert await here.come(key) == "ann"
        assert [await here.come("wrong") for _ in range(5)] == ["NotAuthenticated"] * 3 + ["TooManyRequests"] * 2
        before = here.looks
        assert {await here.come(f"wrong{number}") for number in range(500)} == {"TooManyRequests"}
        assert here.looks == before
        assert await here.come(key) == "ann"
        assert await here.come("wrong", "10.0.0.2") == "NotAuthenticated"
        here.clock.advance(60)
        assert await here.come("wrong") == "NotAuthenticated"

    run(story(door(failed_auth_limit="3/minute")))


def test_a_key_has_a_limit_wherever_it_comes_from(door):
    async def story(here: Door) -> None:
        (ann, _), (bob, _) = here.key(), here.key()
        assert [await here.come(ann, f"10.0.0.{number}") for number in range(5)][2:] == [
            "ann",
            *["TooManyRequests"] * 2,
        ]
        assert await here.come(bob) == "ann"
        here.clock.advance(60)
        assert await here.come(ann) == "ann"

    run(story(door(rate_limit="3/minute")))


def test_an_address_has_a_limit_whatever_keys_come_from_it_and_wrong_ones_do_not_count(door):
    async def story(here: Door) -> None:
        keys = [here.key()[0] for _ in range(3)]
        for wrong in range(10):
            assert await here.come(f"wrong{wrong}") == "NotAuthenticated"
        assert [await here.come(key) for key in keys] == ["ann", "ann", "TooManyRequests"]
        assert await here.come(keys[2], "10.0.0.2") == "ann"

    run(story(door(address_rate_limit="2/minute")))


def test_keys_that_expire_or_are_revoked_open_nothing_after_the_next_look(door):
    async def story(here: Door) -> None:
        key, made = here.key()
        short, _ = here.key(expires_at=START + 10)
        assert [await here.come(key), await here.come(short)] == ["ann", "ann"]
        here.clock.advance(10)
        assert await here.come(short) == "NotAuthenticated"
        here.store.revoke(made.id, here.clock.now())
        await here.gate.ring.look()
        assert await here.come(key) == "NotAuthenticated"

    run(story(door()))


def test_who_watches_a_key_hears_when_it_is_gone(door):
    async def story(here: Door) -> None:
        (_, first), (_, second) = here.key(), here.key(expires_at=START + 10)
        ring = here.gate.ring
        await ring.look()
        with ring.watching(first.id) as revoked, ring.watching(second.id) as expired, ring.watching(None) as never:
            here.store.revoke(first.id, START)
            await ring.keep_up()
            assert (revoked.done(), expired.done()) == (True, False)
            here.clock.advance(10)
            await ring.keep_up()
            assert (expired.done(), never.done()) == (True, False)

    run(story(door()))


def test_a_restored_record_has_the_keys_that_it_has(door):
    async def story(here: Door) -> None:
        kept, _ = here.key()
        lost, made = here.key()
        assert [await here.come(kept), await here.come(lost)] == ["ann", "ann"]
        with here.engine.begin() as connection:
            connection.execute(api_keys.delete().where(api_keys.c.id == made.id))
            connection.execute(facts.update().where(facts.c.name == "keys_version").values(value="1"))
        await here.gate.ring.look()
        assert [await here.come(kept), await here.come(lost)] == ["ann", "NotAuthenticated"]

    run(story(door()))


def test_a_gate_that_is_told_looks_at_once(door):
    async def story(here: Door) -> None:
        await here.gate.start()
        key, made = here.key()
        assert await here.come(key) == "ann"
        here.store.revoke(made.id, START)
        here.gate.ring.refresh_soon()
        async with asyncio.timeout(30):
            while await here.come(key) == "ann":
                await asyncio.sleep(0.01)
        await here.gate.stop()

    run(story(door()))


def test_a_key_s_first_use_is_written_soon_and_the_rest_once_a_minute(door):
    async def story(here: Door) -> None:
        (ann, first), (bob, second) = here.key(), here.key()
        await here.gate.start()
        await here.come(ann)
        async with asyncio.timeout(30):
            while here.last_used() != {first.id: START}:
                await asyncio.sleep(0.01)
        here.clock.advance(5)
        for key in (ann, ann, bob):
            await here.come(key)
        await here.gate.stop()
        assert here.last_used() == {first.id: START + 5, second.id: START + 5}

    run(story(door()))


def test_what_the_record_does_not_take_waits(door):
    async def story(here: Door) -> None:
        key, made = here.key()
        await here.come(key)
        here.store.is_away = True
        await here.gate.stop()
        here.store.is_away = False
        await here.gate.stop()
        assert here.last_used() == {made.id: START}

    run(story(door()))


def test_the_log_has_first_uses_at_once_and_the_rest_in_sums(door):
    async def story(here: Door) -> None:
        key, made = here.key()
        with capture_logs() as lines:
            for _ in range(4):
                await here.come(key, "10.0.0.1")
            await here.come(key, "10.0.0.2")
            await here.gate.stop()
        assert [line["address"] for line in lines if line["action"] == "key_used"] == ["10.0.0.1", "10.0.0.2"]
        (sums,) = [line["uses"] for line in lines if line["action"] == "keys_used"]
        assert sums == [{"key": made.id, "name": "ann", "address": "10.0.0.1", "count": 3}]

    run(story(door()))


def test_refusals_have_lines_up_to_the_limit_and_then_a_sum(door):
    async def story(here: Door) -> None:
        key, made = here.key("submit")
        with capture_logs() as lines:
            for _ in range(7):
                await here.come("wrong", "10.0.0.1")
            await here.come(key, "10.0.0.2", TASKS)
            await here.gate.stop()
        single = [line for line in lines if line["action"] == "refused"]
        assert [line["address"] for line in single] == ["10.0.0.1"] * 3 + ["10.0.0.2"]
        assert (single[3]["key"], single[3]["name"]) == (made.id, "ann")
        assert "read:tasks" in single[3]["reason"]
        (sums,) = [line for line in lines if line["action"] == "refused_often"]
        assert (sums["address"], sums["count"]) == ("10.0.0.1", 4)

    run(story(door(failed_auth_limit="3/minute")))


def test_the_log_keeps_a_bounded_number_of_addresses(door, monkeypatch):
    monkeypatch.setattr(audit, "MOST_USES", 10)
    monkeypatch.setattr(audit, "MOST_LINES", 5)
    monkeypatch.setattr(audit, "MOST_ADDRESSES", 5)

    async def story(here: Door) -> None:
        key, _ = here.key()
        with capture_logs() as lines:
            for number in range(40):
                for _ in range(2):
                    await here.come(key, f"10.0.0.{number}")
                await here.come("", f"10.0.1.{number}")
            await here.gate.stop()
        used = [use["address"] for line in lines if line["action"] == "keys_used" for use in line["uses"]]
        assert sorted(used) == sorted(f"10.0.0.{number}" for number in range(40))
        refused = [line for line in lines if line["action"].startswith("refused")]
        assert sum(line.get("count", 1) for line in refused) == 40
        assert len(refused) < 40

    run(story(door()))
