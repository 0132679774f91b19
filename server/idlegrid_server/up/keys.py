"""The keys of a grid that other machines can reach. The record makes them; here it is asked to."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from idlegrid_server.up.errors import KeysUnavailable

SECONDS = 60.0
"""How long making the keys may take; it includes making the record on the first start."""


@dataclass(frozen=True)
class Keys:
    """`submit` is for people, `admin` for the operator, `node` for nodes here, `join` enrols others; empty where none
    are needed.
    """

    submit: str = ""
    admin: str = ""
    node: str = ""
    join: str = ""


def ensure(data: Path) -> Keys:
    """The keys of the grid in the folder `data`; the join token is another when the last is used up or nearly over.

    Raises `KeysUnavailable`.
    """
    argv = [sys.executable, "-m", "idlegrid_server.keys", "ensure", "--data", str(data)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS, check=True)
        answer = json.loads(done.stdout)
        return Keys(answer["submit_key"], answer["admin_key"], answer["node_key"], answer["join_token"])
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise KeysUnavailable(f"the grid's keys cannot be made: {last}") from error
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise KeysUnavailable(f"the grid's keys cannot be made: {error}") from error
