"""`idlegrid keys`: make, list and revoke keys, in the record itself, whether a coordinator runs or not."""

import argparse
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from idlegrid.cli import Command
from idlegrid.display import columns
from idlegrid.errors import IdlegridError
from idlegrid_server.core.access import JOIN, SCOPES
from idlegrid_server.core.words import iso
from idlegrid_server.up.options import default_data

if TYPE_CHECKING:
    from idlegrid_server.record.keys import ApiKey, KeyStore

SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST: Final = 100 * 365 * 86_400
"""Seconds; a key for longer is one that does not expire."""
MOST_USES: Final = 1_000_000
OF_A_GRID: Final = frozenset({"grid.db", "up.lock"})
"""Either of these in a folder tells that a grid keeps its data there."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's verbs and their arguments."""
    verbs = parser.add_subparsers(required=True, metavar="create | list | revoke | join")
    create = _verb(verbs, "create", _create, "make a key; it is the last word printed, and cannot be shown again")
    create.add_argument("--name", required=True, type=name, help="who it is; keys of one name are one submitter")
    create.add_argument(
        "--scope", required=True, action="append", type=scope, help=f"may be given several times: {', '.join(SCOPES)}"
    )
    create.add_argument("--expires", type=duration, metavar="TIME", help="30m, 12h, 90d (default: never)")
    create.add_argument("--uses", type=uses, metavar="N", help="with the scope join: nodes it may enrol (default: 1)")
    join = _verb(verbs, "join", _join, "make a join token for `idlegrid node --join`; it is the last word printed")
    join.add_argument("--uses", type=uses, default=1, metavar="N", help="nodes it may enrol (default: 1)")
    join.add_argument("--expires", type=duration, default=SECONDS["d"], metavar="TIME", help="default: 1d")
    listing = _verb(verbs, "list", _list, "list all keys, the newest first")
    listing.add_argument("--json", action="store_true", help="as JSON")
    revoke = _verb(verbs, "revoke", _revoke, "refuse a key from now on; the grid knows within 5 s")
    revoke.add_argument("key", metavar="ID|NAME", nargs="+", help="one key, or all of a name")


def _verb(verbs: Any, word: str, run: Callable[..., int], text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = verbs.add_parser(word, help=text, description=text)
    made.add_argument("--data", type=Path, default=default_data(), help="the grid's data folder (default: %(default)s)")
    made.set_defaults(verb=run)
    return made


def run(arguments: argparse.Namespace) -> int:
    """Carry out one verb. Raises IdlegridError for what the record does not take."""
    with _store(arguments.data) as store:
        return int(arguments.verb(arguments, store, time.time()))


KEYS = Command("make, list and revoke the keys of a grid", configure, run)


def duration(text: str) -> float:
    """A time of the command line in seconds, for argparse."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if found is None or not 0 < int(found[1]) * SECONDS[found[2]] <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 30m, 12h or 90d")
    return float(int(found[1]) * SECONDS[found[2]])


def scope(text: str) -> str:
    """A scope of the command line, for argparse."""
    if text not in SCOPES:
        raise argparse.ArgumentTypeError(f"{text!r} is no scope: there are {', '.join(SCOPES)}")
    return text


def name(text: str) -> str:
    """The name of a key, for argparse."""
    from idlegrid_server.record.keys import MAX_NAME

    if not 0 < len(text) <= MAX_NAME or not text.isprintable() or text != text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is no name: 1 to {MAX_NAME} characters, none of them unseen")
    return text


def uses(text: str) -> int:
    """How many nodes a token may enrol, for argparse."""
    if not re.fullmatch("[0-9]{1,7}", text) or not 0 < int(text) <= MOST_USES:
        raise argparse.ArgumentTypeError(f"{text!r} is no count: it must be from 1 to {MOST_USES}")
    return int(text)


@contextmanager
def _store(data: Path) -> Iterator["KeyStore"]:
    """The keys of the grid in a folder, or of the database that the environment names."""
    from pydantic import ValidationError

    from idlegrid_server.core.errors import GridError
    from idlegrid_server.record.engine import open_engine
    from idlegrid_server.record.keys import KeyStore
    from idlegrid_server.settings import Settings

    try:
        settings = Settings(data=data.expanduser())
        if not settings.database_url:
            check_folder(settings.data)
        engine = open_engine(settings.record_url)
        try:
            yield KeyStore(engine)
        finally:
            engine.dispose()
    except ValidationError as error:
        wrong = error.errors()[0]
        raise IdlegridError(f"IDLEGRID_{'_'.join(map(str, wrong['loc'])).upper()}: {wrong['msg']}") from error
    except GridError as error:
        raise IdlegridError(str(error)) from error


def check_folder(data: Path) -> None:
    """Make the folder (0700) unless it is there. Raises IdlegridError for one that holds something else."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = set(os.listdir(data))
    except OSError as error:
        raise IdlegridError(f"--data {data} cannot be used: {error.strerror}") from error
    if found and not found & OF_A_GRID:
        raise IdlegridError(f"--data {data} is no grid's folder, nor empty: give the one that `idlegrid up` shows")


def _create(arguments: argparse.Namespace, store: "KeyStore", now: float) -> int:
    scopes = tuple(dict.fromkeys(arguments.scope))
    if arguments.uses and JOIN not in scopes:
        raise IdlegridError("--uses is for keys with the scope join: they alone are used up")
    return _made(store, arguments.name, scopes, arguments, now)


def _join(arguments: argparse.Namespace, store: "KeyStore", now: float) -> int:
    return _made(store, "join", (JOIN,), arguments, now)


def _made(store: "KeyStore", name: str, scopes: tuple[str, ...], arguments: argparse.Namespace, now: float) -> int:
    from idlegrid_server.record.keys import KeyWish

    uses_left = (arguments.uses or 1) if JOIN in scopes else None
    expires_at = None if arguments.expires is None else now + arguments.expires
    key, made = store.create(KeyWish(name, scopes, expires_at=expires_at, uses_left=uses_left), now)
    limits = "" if uses_left is None else f", for {uses_left} node{'s' if uses_left > 1 else ''}"
    limits += "" if expires_at is None else f", until {iso(expires_at)}"
    print(f"Key {made.id} for {name} ({' '.join(scopes)}){limits}: {key}")
    return 0


def _list(arguments: argparse.Namespace, store: "KeyStore", now: float) -> int:
    keys = store.all()
    if arguments.json:
        print(json.dumps([_shown(key) for key in keys], indent=1))
        return 0
    headers = ("id", "name", "key", "scopes", "state", "expires", "last used", "node", "uses left")
    print(columns(headers, [_row(key, now) for key in keys]))
    return 0


def _row(key: "ApiKey", now: float) -> Sequence[object]:
    state = "revoked" if key.revoked_at else "good" if key.is_live(now) else "expired"
    times = iso(key.expires_at) or "never", iso(key.last_used_at)
    return (key.id, key.name, key.prefix + "…", " ".join(_ordered(key)), state, *times, key.node_id, key.uses_left)


def _shown(key: "ApiKey") -> dict[str, object]:
    words = {name: value for name, value in asdict(key).items() if name not in {"digest", "made_by", "version"}}
    times = {name: iso(value) for name, value in words.items() if name.endswith("_at")}
    return {**words, **times, "scopes": _ordered(key)}


def _ordered(key: "ApiKey") -> list[str]:
    return [scope for scope in SCOPES if scope in key.scopes]


def _revoke(arguments: argparse.Namespace, store: "KeyStore", now: float) -> int:
    keys = store.all()
    for key in [key for word in arguments.key for key in _meant(keys, word)]:
        store.revoke(key.id, now)
        print(f"Key {key.id} for {key.name} is revoked.")
    return 0


def _meant(keys: Sequence["ApiKey"], word: str) -> list["ApiKey"]:
    """The key with this id, else all of this name that are not revoked. Raises IdlegridError when there is none."""
    found = [key for key in keys if word == str(key.id)] or [key for key in keys if key.name == word]
    if not found:
        raise IdlegridError(f"there is no key {word!r}: `idlegrid keys list` shows all")
    return [key for key in found if key.revoked_at is None] or found[:1]
