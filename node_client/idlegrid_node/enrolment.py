"""The node's own key: got for a join token once, kept in the data folder, sent with every call from then on.

Keys are kept by the URL that they are sent to, not by the coordinator's `server_id`: that is only known from an answer,
and whoever listens at some other address could claim it and would be sent the key.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import structlog

from idlegrid.errors import Conflict, NotAllowed, NotFound, Unreachable
from idlegrid.session import Session
from idlegrid_node.errors import KeyRefused

T = TypeVar("T")
log = structlog.get_logger()
YOUNG_SECONDS = 30.0
"""A key that was got this recently and is refused is no reason to ask for another: coordinators that share a record
hear of a new key one after the other."""
HOW_TO_JOIN = "give a join token by --join or IDLEGRID_JOIN (`idlegrid keys join` on the coordinator makes one)"


class KeyFile:
    """The keys kept in `folder`: by URL, and by the node's id, for a key speaks for one node alone."""

    def __init__(self, folder: Path, url: str, node_id: str) -> None:
        self._path = folder / "keys.json"
        self._url, self._node_id = url, node_id

    def read(self) -> str | None:
        """The key, if one is kept; a file that cannot be read keeps none."""
        key = self._all().get(self._url, {}).get(self._node_id)
        return key if isinstance(key, str) else None

    def keep(self, key: str) -> None:
        """Write the key down for this user's eyes alone; on disk when this returns. Raises OSError."""
        kept = self._all()
        kept[self._url] = {**kept.get(self._url, {}), self._node_id: key}
        draft = self._path.with_name(f".{self._path.name}.part")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._path)

    def _all(self) -> dict[str, Any]:
        with suppress(FileNotFoundError, ValueError):
            kept = json.loads(self._path.read_text("utf-8"))
            if isinstance(kept, dict) and all(isinstance(keys, dict) for keys in kept.values()):
                return kept
        return {}


class Enrolment:
    """Gives `session` the node's key, and gets another when the coordinator knows it no more. Safe between threads.

    `api_key` is a key that was made for nodes by hand; with one, nothing is enrolled.
    """

    def __init__(
        self,
        session: Session,
        node_id: str,
        folder: Path,
        token: str | None = None,
        api_key: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._node_id = session, node_id
        self._file = KeyFile(folder, session.url, node_id)
        self._token, self._by_hand = token, api_key is not None
        self._clock = clock
        self._key = api_key or self._file.read()
        self._got_at = float("-inf")
        self._lock = threading.Lock()
        if self._key is not None:
            session.use_key(self._key)

    def keyed(self, ask: Callable[[], T]) -> T:
        """What `ask` returns, asked with a key: one is got first when there is none, and anew for one that is refused.

        Raises KeyRefused when the coordinator lets the node in no more, and what `ask` raises otherwise.
        """
        if self._key is None and self._token is not None:
            self._enrol(instead_of=None)
        used = self._key
        try:
            return ask()
        except NotAllowed as error:
            if error.status != 401:
                raise KeyRefused(f"the coordinator refuses this node: {error.detail}") from error
            self._renew(used, error)
        return ask()

    def _renew(self, used: str | None, error: NotAllowed) -> None:
        if self._by_hand or self._token is None:
            raise KeyRefused(f"the coordinator refuses this node: {error.detail}; {HOW_TO_JOIN}") from error
        if used == self._key and self._clock() - self._got_at < YOUNG_SECONDS:
            raise error
        self._enrol(instead_of=used)

    def _enrol(self, instead_of: str | None) -> None:
        """Exchange the token for a key, unless another thread has just done so."""
        with self._lock:
            if self._key != instead_of:
                return
            key = self._asked_for()
            if key is None:
                return
            self._file.keep(key)
            self._key, self._got_at = key, self._clock()
            self._session.use_key(key)
            log.info("enrolled", action="join", node_id=self._node_id)

    def _asked_for(self) -> str | None:
        """A new key; None where nodes are let in without one."""
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            answer = self._session.post("/internal/join", {"node_id": self._node_id}, headers=headers)
            return str(answer["key"])
        except NotAllowed as error:
            raise KeyRefused(f"the coordinator does not take the join token: {error.detail}") from error
        except (Conflict, NotFound) as error:
            # No keys are asked for there, or it is older than enrolment: then the token itself is the key.
            log.info("not_enrolled", action="join", reason=error.detail)
            self._session.use_key(str(self._token))
            self._token = None
            return None
        except (KeyError, TypeError) as error:
            words = f"{self._session.url} answers, but gives no key: is it an idlegrid coordinator?"
            raise Unreachable(words) from error
