"""What an Idempotency-Key is tied to."""

import hashlib

from pydantic import BaseModel

from idlegrid_server.http.routing import Call


def fingerprint(call: Call, words: BaseModel | None, target: str = "") -> tuple[str, str]:
    """Digests of the key (each submitter has its own) and of the request; both empty without a key.

    `target` is what the request is about, where the words do not say it.
    """
    if not call.idempotency_key:
        return "", ""
    said = "" if words is None else words.model_dump_json()
    return _digest(f"{call.submitter}\0{call.idempotency_key}"), _digest(target + said)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
