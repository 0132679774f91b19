"""ssl, hashlib, secrets, uuid."""

import hashlib
import secrets
import ssl
import uuid

context = ssl.create_default_context()
assert context.verify_mode is ssl.CERT_REQUIRED
assert len(ssl.RAND_bytes(16)) == 16
assert hashlib.sha256(b"x").hexdigest().startswith("2d711642")
assert secrets.token_hex(4) != uuid.uuid4().hex[:8]
print("ok")
