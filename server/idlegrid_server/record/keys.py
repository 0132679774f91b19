"""API keys: only a SHA-256 of a key is kept.

Every change counts up the fact `keys_version` and stamps the row with it, in one transaction: it holds that fact's row,
so changes become visible in the order of their versions, and who has seen one version finds all that came after it.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Engine, Text, bindparam, cast, insert, or_, select, update

from idlegrid_server.core.access import ADMIN, JOIN, NODE
from idlegrid_server.core.errors import NotAuthorized, NotFound
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import insert_for, translated

KEY_BYTES: Final = 32
PREFIX: Final = 12
"""Characters of a key that a list shows: its kind, and enough to tell two apart."""
MAX_NAME: Final = 200
"""Characters of a key's name, as a run's submitter has them."""
NODE_SCOPES: Final = (NODE,)
VERSION: Final = "keys_version"
USED_UP: Final = "This join token has enrolled as many nodes as it may: ask for another one"
_columns = t.api_keys.c
_newer = select(t.api_keys).where(_columns.version > bindparam("seen")).order_by(_columns.version)
_version = select(t.facts.c.value).where(t.facts.c.name == VERSION)
_unused_of_node = select(_columns.id).where(
    _columns.made_by == bindparam("token"),
    _columns.node_id == bindparam("node"),
    _columns.revoked_at.is_(None),
    _columns.last_used_at.is_(None),
)
_was_used = (
    update(t.api_keys)
    .where(_columns.id == bindparam("key"))
    .where(or_(_columns.last_used_at.is_(None), _columns.last_used_at < bindparam("at")))
    .values(last_used_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What a new key shall be."""

    name: str
    scopes: tuple[str, ...]
    expires_at: float | None = None
    """Epoch seconds."""
    node_id: str | None = None
    """The only node it may speak for."""
    uses_left: int | None = None
    """How many nodes it may enrol; None is no bound."""
    made_by: int | None = None
    """The join token that it was enrolled with."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as the record has it; the key itself is not in it."""

    id: int
    prefix: str
    digest: str
    name: str
    scopes: frozenset[str]
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None
    node_id: str | None
    uses_left: int | None
    made_by: int | None
    version: int

    def is_live(self, now: float) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def new_key(kind: str) -> str:
    """A fresh key: `ig_KIND_` and 32 random bytes."""
    return f"ig_{kind}_{secrets.token_urlsafe(KEY_BYTES)}"


def kind_of(scopes: Sequence[str]) -> str:
    """What a key says of itself in its own beginning."""
    return next((kind for kind in (ADMIN, JOIN, NODE) if kind in scopes), "submit" if "submit" in scopes else "api")


def digest(key: str) -> str:
    """What the record keeps of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


class KeyStore:
    """The keys of one record; safe to use from many threads. Every method raises RecordUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._upsert = insert_for(engine.dialect)

    def create(self, wish: KeyWish, now: float) -> tuple[str, ApiKey]:
        """Make a key: itself, which nobody can read again, and what the record has of it."""
        key = new_key(kind_of(wish.scopes))
        with self._changing() as (connection, version):
            return key, _insert(connection, key, wish, now, version)

    def add(self, key: str, name: str, scopes: Sequence[str], now: float) -> None:
        """Keep a key; one that is there already is given these scopes, and stays revoked if it was."""
        row = {"prefix": key[:PREFIX], "digest": digest(key), "name": name, "created_at": now}
        with self._changing() as (connection, version):
            changed = {"scopes": list(scopes), "version": version}
            statement = self._upsert(t.api_keys).values({**row, **changed})
            connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=changed))

    def all(self) -> list[ApiKey]:
        """Every key there ever was, the newest first."""
        with translated("read"), self._engine.connect() as connection:
            return [_key(row) for row in connection.execute(select(t.api_keys).order_by(_columns.id.desc()))]

    def revoke(self, key_id: int, now: float) -> ApiKey:
        """Let a key open nothing any more; one that is revoked stays as it is. Raises NotFound."""
        with self._changing() as (connection, version):
            row = connection.execute(select(t.api_keys).where(_columns.id == key_id)).first()
            if row is None:
                raise NotFound(f"There is no key {key_id}")
            if row.revoked_at is None:
                row = _change(connection, key_id, revoked_at=now, version=version)
            return _key(row)

    def version(self) -> int:
        """How often keys have changed: whoever has seen this version knows them all."""
        with translated("read"), self._engine.connect() as connection:
            return int(connection.scalar(_version) or 0)

    def changed_since(self, version: int) -> list[ApiKey]:
        """The keys that were made or changed after this version, in order; all of them after -1."""
        with translated("read"), self._engine.connect() as connection:
            return [_key(row) for row in connection.execute(_newer, {"seen": version})]

    def enrol(self, token_id: int, node_id: str, now: float) -> str:
        """A key for a node, by a join token, which has a use less then.

        The same node asking again gets another key: for nothing while the one before was never used, which is revoked.
        Raises NotAuthorized when the token has no use left or is not valid any more.
        """
        key = new_key(NODE)
        with self._changing() as (connection, version):
            self._spend(connection, token_id, node_id, now, version)
            wish = KeyWish(f"node:{node_id}"[:MAX_NAME], NODE_SCOPES, node_id=node_id, made_by=token_id)
            _insert(connection, key, wish, now, version)
        return key

    def _spend(self, connection: Connection, token_id: int, node_id: str, now: float, version: int) -> None:
        token = connection.execute(select(t.api_keys).where(_columns.id == token_id)).first()
        if token is None or not _key(token).is_live(now):
            raise NotAuthorized("This join token is not valid any more: ask for another one")
        unused = connection.scalars(_unused_of_node, {"token": token_id, "node": node_id}).all()
        for key_id in unused:
            _change(connection, key_id, revoked_at=now, version=version)
        if unused or token.uses_left is None:
            return
        if token.uses_left <= 0:
            raise NotAuthorized(USED_UP)
        _change(connection, token_id, uses_left=token.uses_left - 1, version=version)

    def note_used(self, at: Mapping[int, float]) -> None:
        """Key's id → when it was last used; a later time that is known already stays."""
        if at:
            with translated("written"), self._engine.begin() as connection:
                connection.execute(_was_used, [{"key": key_id, "at": at[key_id]} for key_id in sorted(at)])

    @contextmanager
    def _changing(self) -> Iterator[tuple[Connection, int]]:
        """A transaction, and the version for what it changes; nobody else changes a key before it ends."""
        next_one = cast(cast(t.facts.c.value, BigInteger) + 1, Text)
        statement = self._upsert(t.facts).values(name=VERSION, value="1")
        statement = statement.on_conflict_do_update(index_elements=["name"], set_={"value": next_one})
        with translated("written"), self._engine.begin() as connection:
            yield connection, int(connection.scalar(statement.returning(t.facts.c.value)) or 0)


def _insert(connection: Connection, key: str, wish: KeyWish, now: float, version: int) -> ApiKey:
    row = {
        "prefix": key[:PREFIX],
        "digest": digest(key),
        "name": wish.name,
        "scopes": list(wish.scopes),
        "created_at": now,
        "expires_at": wish.expires_at,
        "node_id": wish.node_id,
        "uses_left": wish.uses_left,
        "made_by": wish.made_by,
        "version": version,
    }
    return _key(connection.execute(insert(t.api_keys).values(row).returning(t.api_keys)).one())


def _change(connection: Connection, key_id: int, **words: object) -> Any:
    return connection.execute(
        update(t.api_keys).where(_columns.id == key_id).values(**words).returning(t.api_keys)
    ).one()


def _key(row: Any) -> ApiKey:
    return ApiKey(**{**row._mapping, "scopes": frozenset(row.scopes)})
