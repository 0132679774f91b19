"""Keys for the load, made before the coordinator starts, and the settings under which it asks for them."""

import time
from collections.abc import Sequence
from pathlib import Path

from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.keys import KeyStore, KeyWish

OFF = {"IDLEGRID_AUTH": "off"}
REQUIRED = {
    "IDLEGRID_AUTH": "required",
    # Requests are counted as ever, but a load from one address with one key is not what the limits are for.
    "IDLEGRID_RATE_LIMIT": "100000000/minute",
    "IDLEGRID_ADDRESS_RATE_LIMIT": "100000000/minute",
}


def make_keys(folder: Path, wishes: Sequence[KeyWish]) -> list[str]:
    """A key for each wish, in the record of the coordinator whose data folder that is."""
    engine = open_engine(f"sqlite:///{folder / 'grid.db'}")
    try:
        store = KeyStore(engine)
        return [store.create(wish, time.time())[0] for wish in wishes]
    finally:
        engine.dispose()
