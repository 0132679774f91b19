"""What an Idempotency-Key is tied to."""

import hashlib

from pydantic import BaseModel


def fingerprint(key: str, submitter: str, words: BaseModel) -> tuple[str, str]:
    """The key as kept (each submitter has its own), and a digest of the request; both empty without a key."""
    if not key:
        return "", ""
    return f"{submitter}:{key}"[:255], hashlib.sha256(words.model_dump_json().encode()).hexdigest()
