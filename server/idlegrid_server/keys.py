"""`python -m idlegrid_server.keys ensure`: the submit key and join token of a grid that others can reach."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from idlegrid_server.core.errors import GridError
from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.keys import NODE_SCOPES, SUBMIT_SCOPES, KeyStore, new_key
from idlegrid_server.settings import Settings


def ensure(settings: Settings) -> dict[str, str]:
    """The grid's two keys: those in `keys.json` of the data folder, made there (mode 0600) on the first call."""
    settings.data.mkdir(parents=True, exist_ok=True)
    path = settings.data / "keys.json"
    if not path.exists():
        _write(path, {"submit_key": new_key("submit"), "join_token": new_key("join")})
    keys: dict[str, str] = json.loads(path.read_text())
    store = KeyStore(open_engine(settings.record_url))
    store.add(keys["submit_key"], "submit", SUBMIT_SCOPES, time.time())
    store.add(keys["join_token"], "join", NODE_SCOPES, time.time())
    return keys


def _write(path: Path, keys: dict[str, str]) -> None:
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(keys, file)
    fresh.replace(path)


def main() -> int:
    """Print the keys as JSON."""
    parser = argparse.ArgumentParser(prog="idlegrid_server.keys")
    parser.add_argument("verb", choices=["ensure"])
    parser.add_argument("--data", type=Path, required=True)
    try:
        print(json.dumps(ensure(Settings(data=parser.parse_args().data))))
    except (GridError, OSError) as error:
        print(str(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
