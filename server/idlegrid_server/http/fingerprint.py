"""What an Idempotency-Key is tied to."""

import hashlib

from pydantic import BaseModel

from idlegrid_server.http.routing import Call


def fingerprint(call: Call, words: BaseModel) -> tuple[str, str]:
    """Digests of the key (each submitter has its own) and of the request; both empty without a key."""
    if not call.idempotency_key:
        return "", ""
    return _digest(f"{call.submitter}\0{call.idempotency_key}"), _digest(words.model_dump_json())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
