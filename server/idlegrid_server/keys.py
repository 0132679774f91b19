"""`python -m idlegrid_server.keys ensure`: the keys that a grid under `idlegrid up` has of its own.

They stand in `keys.json` of the data folder (mode 0600): `submit_key` for people, `admin_key` for whoever runs the
grid, `node_key` for the nodes on this machine, `join_token` to enrol nodes elsewhere.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from idlegrid_server.core.access import ADMIN, JOIN, NODE
from idlegrid_server.core.errors import GridError
from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.keys import ApiKey, KeyStore, KeyWish, digest, new_key
from idlegrid_server.settings import Settings

PEOPLE: Final = (
    "submit",
    "read:tasks",
    "write:tasks",
    "read:runs",
    "write:runs",
    "read:workers",
    "read:jobs",
    "read:system",
    "webhooks",
)
"""The one key that people share does all that people do; to steer nodes is the operator's."""
OWN: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "submit_key": ("submit", "submit", PEOPLE),
    "admin_key": ("admin", "operator", (ADMIN,)),
    "node_key": ("node", "node", (NODE,)),
}
"""In `keys.json` → its kind, the name it has in the record, its scopes."""
TOKEN: Final = "join_token"  # noqa: S105 - a word of `keys.json`
TOKEN_SECONDS: Final = 86_400.0
TOKEN_USES: Final = 100
TOKEN_MARGIN: Final = 3_600.0
"""A token that ends sooner is not worth printing any more, in seconds."""


def ensure(settings: Settings, now: float) -> dict[str, str]:
    """The grid's own keys: those of `keys.json`, and new ones in place of what is missing, revoked or used up."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.data / "keys.json"
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    store = KeyStore(open_engine(settings.record_url))
    _admit_older_nodes(store, kept, now)
    recorded = {key.digest: key for key in store.all()}
    keys = {word: _lasting(kept.get(word), kind, recorded, now) for word, (kind, _, _) in OWN.items()}
    # First the file: a key that only the record has is nobody's.
    _write(path, {TOKEN: "", **kept, **keys})
    for word, (_, name, scopes) in OWN.items():
        store.add(keys[word], name, scopes, now)
    keys[TOKEN] = _token(store, kept.get(TOKEN), recorded, now)
    _write(path, keys)
    return keys


def _admit_older_nodes(store: KeyStore, kept: Mapping[str, str], now: float) -> None:
    """Until there was enrolment, the join token was every node's key: it stays one, and buys a key besides."""
    if TOKEN in kept and "admin_key" not in kept:
        store.add(kept[TOKEN], "join", (NODE, JOIN), now)


def _lasting(key: str | None, kind: str, recorded: Mapping[str, ApiKey], now: float) -> str:
    """The key, if the record knows nothing against it, else a new one."""
    known = recorded.get(digest(key)) if key else None
    return key if key and (known is None or known.is_live(now)) else new_key(kind)


def _token(store: KeyStore, token: str | None, recorded: Mapping[str, ApiKey], now: float) -> str:
    """The last join token while it is good for more nodes, else a new one."""
    known = recorded.get(digest(token)) if token else None
    if token and known is not None and known.uses_left and known.is_live(now + TOKEN_MARGIN):
        return token
    wish = KeyWish("join", (JOIN,), expires_at=now + TOKEN_SECONDS, uses_left=TOKEN_USES)
    return store.create(wish, now)[0]


def _write(path: Path, keys: Mapping[str, str]) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(keys, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def main() -> int:
    """Print the keys as JSON."""
    parser = argparse.ArgumentParser(prog="idlegrid_server.keys")
    parser.add_argument("verb", choices=["ensure"])
    parser.add_argument("--data", type=Path, required=True)
    try:
        print(json.dumps(ensure(Settings(data=parser.parse_args().data), time.time())))
    except (GridError, OSError) as error:
        print(str(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
