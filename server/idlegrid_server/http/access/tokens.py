"""Short tokens (JWT, HS256) in exchange for a key; a token ends with its key."""

import hashlib
import os
import secrets
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt

from idlegrid_server.core.access import Caller
from idlegrid_server.core.errors import GridError

ALGORITHM: Final = "HS256"
AUDIENCE: Final = "idlegrid"
SECRET_BYTES: Final = 32
"""As many as the hash has (RFC 7518, 3.2)."""
CLAIMS: Final = ("exp", "iat", "aud", "iss", "kid", "sub")
MOST_LENGTH: Final = 4_096
"""Characters of a token; ours have about 300."""
MOST_KNOWN: Final = 10_000
"""Tokens that are not verified again; checking a signature costs as much as the rest of a small request's admission
many times over."""


class SecretUnusable(GridError):
    """The file with the secret that signs tokens cannot be used."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says; whether its key still opens anything is asked of the ring."""

    key_id: int
    scopes: frozenset[str]
    ends: float
    """Epoch seconds."""

    def of(self, holder: Caller) -> Caller:
        """The key's holder with what both the key and the token allow."""
        scopes = frozenset(scope for scope in self.scopes if holder.may(scope))
        return Caller(holder.name, scopes, holder.key_id, holder.node_id)


class Tokens:
    """Makes and reads the tokens of one record; `issuer` is its UUID. For one thread."""

    def __init__(self, secret: bytes, issuer: str, now: Callable[[], float]) -> None:
        self._secret, self._issuer, self._now = secret, issuer, now
        self._known: dict[bytes, Grant] = {}

    def issue(self, holder: Caller, scopes: Iterable[str], seconds: int) -> str:
        """A token for the holder of a key, good for so many seconds from now."""
        now = int(self._now())
        words = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": holder.name,
            "kid": holder.key_id,
            "scope": " ".join(sorted(scopes)),
            "iat": now,
            "exp": now + seconds,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(words, self._secret, ALGORITHM)

    def read(self, token: str) -> Grant | None:
        """What a token grants; None when it is not one of ours, or has ended."""
        if len(token) > MOST_LENGTH:
            return None
        mark = hashlib.sha256(token.encode()).digest()
        grant = self._known.get(mark) or self._verified(token)
        if grant is None or grant.ends <= self._now():
            self._known.pop(mark, None)
            return None
        if mark not in self._known:
            self._remember(mark, grant)
        return grant

    def _verified(self, token: str) -> Grant | None:
        # When it was made is not compared with our clock: another coordinator's may be ahead of it.
        try:
            words = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": list(CLAIMS), "verify_iat": False, "enforce_minimum_key_length": True},
            )
        except (jwt.PyJWTError, ValueError):  # ValueError: a text that is no ASCII
            return None
        return _granted(words)

    def _remember(self, mark: bytes, grant: Grant) -> None:
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[mark] = grant


def _granted(words: dict[str, Any]) -> Grant | None:
    key_id, scope = words["kid"], words.get("scope")
    if type(key_id) is not int or not isinstance(scope, str):
        return None
    return Grant(key_id, frozenset(scope.split()), float(words["exp"]))


def looks_like_token(presented: str) -> bool:
    """Whether it can be a token: a key has no dot."""
    return "." in presented


def ensure_secret(path: Path) -> bytes:
    """The secret in the file, which is made (mode 0600) when it is not there. Raises SecretUnusable.

    Of several that make it at once one wins, and all read the same.
    """
    try:
        if not path.exists():
            _make(path)
        secret = path.read_bytes()
    except OSError as error:
        raise SecretUnusable(f"{path}, which holds the secret of tokens, cannot be used: {error.strerror}") from error
    if len(secret) < SECRET_BYTES:
        words = f"{path} is too short for the secret of tokens: it must have {SECRET_BYTES} random bytes or more"
        raise SecretUnusable(words)
    return secret


def _make(path: Path) -> None:
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()
