"""A coordinator that asks for keys, behind a proxy that it trusts: a test says where its requests come from."""

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import jwt
import pytest
import requests

from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.keys import ApiKey, KeyStore, KeyWish

from ..conftest import PATIENCE, Coordinator

FAILURES = 20
"""Wrong keys a minute from one address."""
PAGE = "https://notebook.example"


class ClosedGrid:
    """The coordinator, and its record beside it: keys are made there, as on the command line."""

    def __init__(self, coordinator: Coordinator) -> None:
        self.coordinator = coordinator
        self.engine = open_engine(f"sqlite:///{coordinator.data / 'grid.db'}")
        self.store = KeyStore(self.engine)
        self._session = requests.Session()
        self._hosts = count(1)
        self.admin = self.key("admin", name="operator")

    def make(self, *scopes: str, name: str = "ann", **words: Any) -> tuple[str, ApiKey]:
        """A key, and what the record has of it."""
        return self.store.create(KeyWish(name, scopes, **words), time.time())

    def key(self, *scopes: str, name: str = "ann", **words: Any) -> str:
        return self.make(*scopes, name=name, **words)[0]

    def address(self) -> str:
        """One that nothing came from yet."""
        return f"10.1.0.{next(self._hosts)}"

    def ask(self, method: str, path: str, key: str = "", address: str = "10.0.0.1", **words: Any) -> requests.Response:
        headers = {"X-Forwarded-For": address} | ({"Authorization": f"Bearer {key}"} if key else {})
        headers |= words.pop("headers", {})
        url = self.coordinator.url + path
        return self._session.request(method, url, headers=headers, timeout=PATIENCE, **words)

    def get(self, path: str, key: str = "", address: str = "10.0.0.1", **words: Any) -> requests.Response:
        return self.ask("GET", path, key, address, **words)

    def token(self, key: str, **words: Any) -> str:
        """A token in exchange for a key."""
        answer = self.ask("POST", "/api/auth/token", key, json=words)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def forged(self, genuine: str, *, secret: object = None, algorithm: str | None = "HS256", **words: object) -> str:
        """A token like a genuine one, but for these words; signed with the grid's own secret unless told otherwise."""
        claims = jwt.decode(genuine, options={"verify_signature": False}) | words
        claims = {name: value for name, value in claims.items() if value is not None}
        secret = (self.coordinator.data / "token.key").read_bytes() if secret is None else secret
        return jwt.encode(claims, secret, algorithm)  # type: ignore[arg-type]

    def close(self) -> None:
        self._session.close()
        self.engine.dispose()


@pytest.fixture(scope="session")
def closed(start_coordinator) -> Iterator[ClosedGrid]:
    """One for all tests of this folder."""
    coordinator = start_coordinator(
        auth="required",
        failed_auth_limit=f"{FAILURES}/minute",
        trusted_proxies="127.0.0.1",
        allowed_hosts="grid.example, other.example",
        cors_origins=PAGE,
        log_level="debug",
        token_seconds=600,
    )
    grid = ClosedGrid(coordinator)
    yield grid
    grid.close()
