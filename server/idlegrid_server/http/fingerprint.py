"""What an Idempotency-Key is tied to."""

import hashlib

from pydantic import BaseModel

from idlegrid_server.http.routing import Call


def fingerprint(call: Call, words: BaseModel) -> tuple[str, str]:
    """The key as kept (each submitter has its own), and a digest of the request; both empty without a key."""
    if not call.idempotency_key:
        return "", ""
    key = f"{call.submitter}:{call.idempotency_key}"
    return key[:255], hashlib.sha256(words.model_dump_json().encode()).hexdigest()
