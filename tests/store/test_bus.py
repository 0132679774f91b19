"""Coordinators hear from each other over a real Redis."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from idlegrid_server.core.commands import Order
from idlegrid_server.core.model import Notice
from idlegrid_server.core.news import News, from_wire, to_wire
from idlegrid_server.queue import keys
from idlegrid_server.queue.bus import RedisBus

EVERYTHING = News(
    notices=(Notice("task_completed", 7, "completed", "n1", "ana"), Notice("node_left", None, "offline", "n2")),
    woken={"normal/python/1c/512M/s3": 2},
    lengths={"normal/python/1c/512M/s3": 300.0},
    nodes=("n1",),
    orders={"n1": [Order("stop", "uuid", "a" * 32, "cancelled"), Order("drain")]},
    keys=True,
    webhooks=True,
    all=True,
)


class Ear:
    """What one coordinator hears."""

    def __init__(self) -> None:
        self.news: list[News] = []
        self.losses = self.dues = 0

    def lose(self) -> None:
        self.losses += 1

    def be_due(self) -> None:
        self.dues += 1


@contextmanager
def coordinator(url: str, name: str) -> Iterator[tuple[RedisBus, Ear]]:
    ear = Ear()
    bus = RedisBus(url, name, heard=ear.news.append, lost_touch=ear.lose, due=ear.be_due)
    bus.start()
    try:
        yield bus, ear
    finally:
        bus.stop()


def test_news_survive_the_wire_and_empty_ones_take_no_room() -> None:
    assert from_wire(to_wire(EVERYTHING)) == EVERYTHING
    assert to_wire(News()) == {}


@pytest.mark.redis
def test_one_that_is_alone_tells_nobody_and_two_know_of_each_other(redis_server, eventually) -> None:
    with coordinator(redis_server.url, "one") as (one, _):
        eventually(lambda: subscribers(redis_server) == 1, "it listens")
        one.tell(EVERYTHING)
        with coordinator(redis_server.url, "two") as (two, ear):
            eventually(lambda: one.is_heard and two.is_heard, "both know of each other")
            assert EVERYTHING not in ear.news
        eventually(lambda: not one.is_heard, "the other's end is noticed")


@pytest.mark.redis
def test_each_hears_the_others_and_not_itself(redis_server, eventually) -> None:
    with coordinator(redis_server.url, "one") as (one, own), coordinator(redis_server.url, "two") as (_, ear):
        eventually(lambda: one.is_heard, "one knows of the other")
        one.tell(EVERYTHING)
        eventually(lambda: EVERYTHING in ear.news, "the other hears it")
        assert EVERYTHING not in own.news


@pytest.mark.redis
def test_one_that_never_stops_telling_looks_once_more_and_notices_the_others_end(redis_server, eventually) -> None:
    with coordinator(redis_server.url, "one") as (one, own):
        with coordinator(redis_server.url, "two"):
            eventually(lambda: one.is_heard, "one knows of the other")
            eventually(lambda: one.tell(EVERYTHING) or own.losses == 2, "it looks once more although it is busy")
        eventually(lambda: one.tell(EVERYTHING) or not one.is_heard, "the other's end is noticed although it is busy")


@pytest.mark.redis
def test_what_makes_no_sense_is_passed_over(redis_server, eventually) -> None:
    with coordinator(redis_server.url, "one") as (_, ear):
        eventually(lambda: subscribers(redis_server) == 1, "it listens")
        with redis_server.client as client:
            for text in ("", "[]", '{"from": 1, "orders": [["n", 1, 2, 3, 4, 5]]}', '{"notices": 3, "from": "x"}'):
                client.publish(keys.NEWS, text)
            client.publish(keys.NEWS, '{"from": "x", "keys": true, "later": "a word of another version"}')
        eventually(lambda: ear.news == [News(keys=True)], "it hears the one that makes sense")


@pytest.mark.redis
def test_who_lost_touch_is_told_so_and_hears_again(private_redis, eventually) -> None:
    with coordinator(private_redis.url, "one") as (one, _), coordinator(private_redis.url, "two") as (_, ear):
        eventually(lambda: one.is_heard and ear.losses == 2, "both have come, and looked once more")
        private_redis.kill()
        one.tell(EVERYTHING)
        private_redis.start()
        eventually(lambda: ear.losses >= 3, "it is told that it lost touch")
        eventually(lambda: _told(one, ear), "it hears again")
        with private_redis.client as client:
            client.publish(keys.DUE, "1")
        eventually(lambda: ear.dues == 1, "it hears that something is due")


def _told(bus: RedisBus, ear: Ear) -> bool:
    bus.tell(News(nodes=("again",)))
    return News(nodes=("again",)) in ear.news


def subscribers(server: Any) -> int:
    with server.client as client:
        return int(client.pubsub_numsub(keys.NEWS)[0][1])
