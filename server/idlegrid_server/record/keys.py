"""API keys: only a SHA-256 of a key is kept."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import translated

KEY_BYTES: Final = 32
READ_SCOPES: Final = ("read:tasks", "read:runs", "read:workers", "read:system")
SUBMIT_SCOPES: Final = ("submit", *READ_SCOPES, "write:tasks", "write:runs", "write:workers")
"""The one key that people share does all that people do; only nodes' affairs are not theirs."""
NODE_SCOPES: Final = ("node",)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who calls, and what the key allows."""

    name: str
    prefix: str
    scopes: frozenset[str]


def new_key(kind: str) -> str:
    """A fresh key: `ig_KIND_` and 32 random bytes."""
    return f"ig_{kind}_{secrets.token_urlsafe(KEY_BYTES)}"


def digest(key: str) -> str:
    """What the record keeps of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


class KeyStore:
    """The keys of one record."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, key: str, name: str, scopes: Sequence[str], now: float) -> None:
        """Keep a key; one that is there already is given these scopes, and stays revoked if it was."""
        row = {"prefix": key[:12], "digest": digest(key), "name": name, "scopes": list(scopes), "created_at": now}
        with translated("written"), self._engine.begin() as connection:
            upsert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
            query = upsert(t.api_keys).values(row)
            connection.execute(query.on_conflict_do_update(index_elements=["digest"], set_={"scopes": row["scopes"]}))

    def find(self, key: str, now: float) -> ApiKey | None:
        """The key, unless it is unknown, expired or revoked."""
        columns = t.api_keys.c
        query = select(columns.name, columns.prefix, columns.scopes, columns.expires_at, columns.revoked_at)
        with translated("read"), self._engine.connect() as connection:
            row = connection.execute(query.where(columns.digest == digest(key))).first()
        if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
            return None
        return ApiKey(row.name, row.prefix, frozenset(row.scopes))
