"""A run as its submitter holds it: ask for its state, wait for its result, read its log, call it off."""

import time
from collections.abc import Iterator
from typing import Any, Self

from idlegrid.display import preformatted
from idlegrid.errors import Conflict, IdlegridError, RunFailed, RunTimeout, Unreachable
from idlegrid.explanation import Explanation
from idlegrid.files import RunFiles, listed
from idlegrid.session import Session

ENDED = frozenset({"completed", "failed"})
"""The idle API's final states; a cancelled run and one out of time are `failed` there."""

WAIT_SECONDS = 20.0
"""How long the coordinator holds one question open; it allows 60, and some proxies close at 30."""

AWAY_SECONDS = 60.0
"""How long a waiting call bears a coordinator that does not answer: long enough for a restart."""

LOG_PAGE = 1000
"""Log pieces per question, the coordinator's own limit."""


class Run:
    """One submitted run. What has ended does not change, so its answer is kept and not asked for again.

    Every property and method that asks raises `Unreachable` or an `ApiError`.
    """

    def __init__(self, session: Session, run_id: int) -> None:
        self._session = session
        self._answer: dict[str, Any] = {}
        self.id = run_id

    def refresh(self) -> Self:
        """Ask for the state now, unless the run has ended; returns itself."""
        return self._ask(0.0)

    @property
    def status(self) -> str:
        """`pending`, `running`, `completed` or `failed`, as of now."""
        return str(self.refresh()._answer.get("status", ""))

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self.status in ENDED

    @property
    def error(self) -> str | None:
        """The remote traceback's text, or the reason in a sentence; None unless it failed."""
        return self._text("error")

    @property
    def waiting_for(self) -> str | None:
        """Why it has not started yet, in a sentence; None when nothing special holds it back."""
        return self._text("waiting_for")

    def explain(self) -> Explanation:
        """Why it is not running yet, with every reason, its place in the queue, and when it may start."""
        return Explanation.from_wire(self._session.get(f"/api/runs/{self.id}/explain", unwrap=True))

    @property
    def exit_code(self) -> int | None:
        """The process's exit status: 0 when completed, None before the end or when there was none."""
        if self.status == "completed":
            return 0
        code = self._answer.get("exit_code")
        return None if code is None else int(code)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended, at most `timeout` seconds (None: for ever); returns whether it has.

        A coordinator that is away is waited for too, but no longer than `AWAY_SECONDS` at a time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        answered = time.monotonic()
        while not self._ended:
            left = WAIT_SECONDS if deadline is None else deadline - time.monotonic()
            try:
                self._ask(max(0.0, min(WAIT_SECONDS, left)))
                answered = time.monotonic()
            except Unreachable:
                if time.monotonic() - answered > AWAY_SECONDS:
                    raise
                time.sleep(max(0.0, min(1.0, left)))
            if left <= 0:
                break
        return self._ended

    def result(self, timeout: float | None = None) -> str:
        """Return the standard output, without its last newline, as soon as the run has completed.

        Raises `RunFailed` when it failed, and `RunTimeout` when it has not ended after `timeout` seconds.
        """
        if not self.wait(timeout):
            raise RunTimeout(self._unfinished(timeout))
        if self._answer["status"] == "failed":
            raise self.failure()
        return str(self._answer.get("result") or "")

    def failure(self) -> RunFailed:
        """Make the error that `result` raises for a run that failed."""
        answer = self._answer
        error = str(answer.get("error") or answer.get("result") or "the coordinator gives no reason")
        return RunFailed(self.id, error, answer.get("exit_code"), str(answer.get("reason") or ""))

    def logs(self) -> str:
        """All that it has written so far, both streams in the order of arrival."""
        return "".join(text for _, text in self.pieces(follow=False))

    def follow(self) -> Iterator[str]:
        """Yield what it writes, piece by piece as it arrives, until it has ended."""
        return (text for _, text in self.pieces(follow=True))

    def pieces(self, *, follow: bool) -> Iterator[tuple[str, str]]:
        """Yield what it wrote as pairs of stream (`stdout` or `stderr`) and text; with `follow` until its end."""
        last, more = -1, True
        while more:
            page = self.log_page(last)
            yield from ((item["stream"], item["text"]) for item in page["items"])
            last = max([last, *(item["id"] for item in page["items"])])
            more = len(page["items"]) == LOG_PAGE
            if follow and not more and not page["finished"]:
                self._ask(1.0)
                more = True

    def log_page(self, after: int = -1, *, tail: int | None = None) -> dict[str, Any]:
        """A page of its log: `items` (`id`, `timestamp`, `stream`, `text`), the first `LOG_PAGE` after the piece with
        this id, and whether it is `finished`; with `tail` the newest so many of these instead.
        """
        words = {"after": after, "limit": LOG_PAGE} if tail is None else {"after": after, "tail": tail}
        page: dict[str, Any] = self._session.get(f"/api/runs/{self.id}/logs", words, unwrap=True)
        return page

    def files(self) -> RunFiles:
        """What it left under `./out/`, by name: a list of `RunFile`, to `read` or `save` one by one, or all at once."""
        answer = self._session.get(f"/api/runs/{self.id}/files", unwrap=True)
        return listed(answer["items"], self.id, self._session)

    def cancel(self) -> bool:
        """Call it off; returns False when it had ended already."""
        try:
            self._session.post(f"/api/runs/{self.id}/abort")
        except Conflict:
            return False
        return True

    def details(self) -> dict[str, Any]:
        """All that is recorded of it: code, attempts, events (its story), usage, the last log pieces."""
        answer: dict[str, Any] = self._session.get(f"/api/runs/{self.id}", unwrap=True)
        return answer

    @property
    def _ended(self) -> bool:
        return self._answer.get("status") in ENDED

    def _ask(self, wait: float) -> Self:
        if not self._ended:
            params = {"wait": round(wait, 3)} if wait else None
            # The answer may take `wait` by design; the session's own patience comes on top.
            patience = wait + self._session.timeout
            self._answer = self._session.get(f"/status/{self.id}", params, timeout=patience)
        return self

    def _text(self, name: str) -> str | None:
        value = self.refresh()._answer.get(name)
        return None if value is None else str(value)

    def _unfinished(self, timeout: float | None) -> str:
        status = self._answer.get("status", "not answered for")
        why = self._answer.get("waiting_for")
        because = f": {why.rstrip('.')}" if why else ""
        return f"run {self.id} is {status} after {timeout:g} s{because}; it goes on"

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self._answer.get('status', 'submitted')}>"

    def _repr_html_(self) -> str:
        try:
            self.refresh()
        except IdlegridError as error:
            return f"<b>Run {self.id}</b>" + preformatted(str(error))
        answer = self._answer
        text = answer.get("error") or answer.get("result") or answer.get("waiting_for") or ""
        return f"<b>Run {self.id}</b>: {answer.get('status')}" + (preformatted(str(text)) if text else "")
