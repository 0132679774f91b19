"""A flood of wrong keys: refused without a look into the record, and nobody with a right key hears of it."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import asynccontextmanager, suppress

import pytest
import requests
import uvicorn
from sqlalchemy import event

from idlegrid_server.app import Assembly
from idlegrid_server.http.application import make_application
from idlegrid_server.record.keys import VERSION, KeyWish
from idlegrid_server.settings import Settings

from ..conftest import free_port
from ..envelope import error
from .conftest import FAILURES

WRONG = 10_000


class Served:
    """A whole coordinator in this process, so that what it asks of its database can be counted."""

    def __init__(self, settings: Settings) -> None:
        self.url = f"http://127.0.0.1:{settings.port}"
        self.assembly = Assembly(settings)
        self.looks = 0
        event.listen(self.assembly.engine, "before_cursor_execute", self._count)

        @asynccontextmanager
        async def lifespan(app):
            app.state.grid = self.assembly.grid()
            await self.assembly.start()
            yield
            self.assembly.coordinator.stop()
            await self.assembly.stop()

        config = uvicorn.Config(make_application(settings, lifespan), port=settings.port, log_config=None)
        config.access_log = False
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()))

    def _count(self, _connection, _cursor, statement, parameters, *_more) -> None:
        self.looks += "FROM api_keys" in statement or VERSION in str(parameters)

    def start(self) -> None:
        self._thread.start()

    def answers(self) -> bool:
        with suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/livez", timeout=30).ok
        return False

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def served(session_redis, tmp_path, eventually) -> Iterator[Served]:
    settings = Settings(
        data=tmp_path,
        auth="required",
        port=free_port(),
        redis_url=f"{session_redis.url}?db=15",
        failed_auth_limit=f"{FAILURES}/minute",
    )
    served = Served(settings)
    served.start()
    eventually(served.answers, "the coordinator serves", 60)
    yield served
    served.stop()


def pour(port: int, count: int) -> Counter[str]:
    """Ask with so many different wrong keys, one behind the other on one connection: how often which status came."""
    asked = "GET /results HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ig_submit_wrong{}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        requests = "".join(map(asked.format, range(count))).encode()
        threading.Thread(target=connection.sendall, args=(requests,), daemon=True).start()
        answers, statuses = connection.makefile("rb"), Counter[str]()
        while statuses.total() < count:
            line = answers.readline()
            assert line, statuses
            _, found, rest = line.partition(b"HTTP/1.1 ")
            if found:
                statuses[rest[:3].decode()] += 1
    return statuses


def test_a_flood_of_wrong_keys_costs_the_record_nothing_and_a_right_key_works_on(served):
    key, _ = served.assembly.keys.create(KeyWish("ann", ("read:tasks",)), 0.0)
    right = requests.Session()
    right.headers["Authorization"] = f"Bearer {key}"
    assert right.get(f"{served.url}/api/tasks", timeout=30).status_code == 200
    before, found = served.looks, Counter[str]()
    flood = threading.Thread(target=lambda: found.update(pour(served.assembly.settings.port, WRONG)))
    flood.start()
    while flood.is_alive():
        assert right.get(f"{served.url}/api/tasks", timeout=30).status_code == 200
        flood.join(0.02)
    assert found.total() == WRONG
    assert found["401"] >= FAILURES
    assert found["429"] > WRONG * 0.9
    # Each refusal within the limit is one look; the clock's own come every 5 s, however long this takes here.
    assert served.looks - before < 3 * found["401"] + 100


def test_beyond_the_limit_wrong_keys_are_told_to_wait_and_the_right_one_is_not(closed):
    address, key = closed.address(), closed.key("read:tasks", "read:runs")
    assert closed.get("/api/tasks", key, address).status_code == 200
    for number in range(FAILURES):
        assert closed.get("/results", f"ig_submit_{number}", address).status_code == 401
    root, enveloped = closed.get("/results", "wrong", address), closed.get("/api/tasks", "wrong", address)
    assert root.status_code == 429
    assert "Too many wrong keys" in root.json()["detail"]
    assert "Too many wrong keys" in error(enveloped, 429, "AUTHORIZATION_ERROR")
    for answer in (root, enveloped):
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert closed.get("/api/tasks", key, address).status_code == 200
    assert closed.get("/api/tasks", closed.token(key), address).status_code == 200
    assert closed.get("/results", "wrong", closed.address()).status_code == 401
    assert closed.get("/health", "wrong", address).status_code == 200
