"""A live part of a page: asks the coordinator, keeps what it showed when there is no answer, and says so."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import streamlit as st

from idlegrid import Client, IdlegridError, NotAllowed, Unreachable
from idlegrid_console.data.clock import on_clock
from idlegrid_console.data.runs import ended
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid, rights
from idlegrid_console.widgets.acts import FORBIDDEN, why_not

T = TypeVar("T")

_KNOWN = "known_answers"


class Live:
    """The body of a fragment, as `with Live("nodes") as live:`. Its first element is the place for bad news.

    An answer is remembered in the session under `place` and the question, the latest only. After a failure the
    remembered one is shown, and the other questions of the same refresh are not sent: they would fail as well,
    each after its own patience. A page with two live parts has one that is `quiet`: it leaves it to the other to
    say that the coordinator is away. What the key lacks a scope for is not shown, and said once. A key that is no good
    any more leads to the sign-in page at once.
    """

    def __init__(self, place: str, *, quiet: bool = False) -> None:
        self._place = place
        self._quiet = quiet
        self._slot = st.container()
        self._error: IdlegridError | None = None
        self._lacking: list[str] = []
        self._oldest: datetime | None = None

    def ask(self, question: Callable[..., T], *, slowly: bool = False, **parameters: Any) -> T | None:
        """`question(client, **parameters)`, now or as last known for these parameters; None when never known.

        `slowly` is for what changes slowly or costs the coordinator much: the answer may be `grid.SLOW_SECONDS` old.
        """
        if self._error is None:
            try:
                answer = grid.shared(question, slowly=slowly, **parameters)
            except NotAllowed as error:
                self._not_allowed(error)
                return None
            except IdlegridError as error:
                self._error = error
            else:
                self._remember(question, parameters, answer)
                return answer
        known: T | None = self._recall(question, parameters)
        return known

    def _not_allowed(self, error: NotAllowed) -> None:
        """A key that lacks a scope may still ask the other questions; one that is no good may not keep the answers."""
        if error.status != FORBIDDEN:
            self._error = error
            forget()
            if rights.lost():
                st.rerun()
        elif (sentence := why_not(error)) not in self._lacking:
            self._lacking.append(sentence)

    def run(self, run_id: int) -> dict[str, Any] | None:
        """A run in full; one that has ended is not asked for again."""
        known: dict[str, Any] | None = self._recall(details, {"run_id": run_id}, aged=False)
        return known if known and ended(known) else self.ask(details, run_id=run_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            for sentence in self._lacking:
                self._slot.warning(plain_markdown(sentence), icon=":material/lock:")
        left_to_others = self._quiet and isinstance(self._error, Unreachable)
        if kind is None and self._error is not None and not left_to_others:
            with self._slot:
                _explain(self._error, self._oldest)

    def _remember(self, question: Callable[..., Any], parameters: dict[str, Any], answer: Any) -> None:
        known = st.session_state.setdefault(_KNOWN, {})
        known[self._place, question.__name__] = (parameters, answer, datetime.now(UTC))

    def _recall(self, question: Callable[..., Any], parameters: dict[str, Any], *, aged: bool = True) -> Any:
        known = st.session_state.get(_KNOWN, {}).get((self._place, question.__name__))
        if known is None or known[0] != parameters:
            return None
        if aged:
            self._oldest = min(self._oldest or known[2], known[2])
        return known[1]


def details(client: Client, run_id: int) -> dict[str, Any]:
    """A run in full."""
    return client.run(run_id).details()


def forget() -> None:
    """Keep nothing of what was shown: it was for another key."""
    st.session_state.pop(_KNOWN, None)


def _explain(error: IdlegridError, oldest: datetime | None) -> None:
    if isinstance(error, Unreachable):
        st.warning(_away(oldest), icon=":material/cloud_off:")
    else:
        st.error(plain_markdown(why_not(error)), icon=":material/error:")


def _away(oldest: datetime | None) -> str:
    url = plain_markdown(grid.address())
    if oldest is None:
        return _(
            "The coordinator at {url} does not answer. Start one with `idlegrid up`, or name yours with "
            "`idlegrid console --server URL`. This page tries again by itself."
        ).format(url=url)
    clock = on_clock(oldest, st.context.timezone).strftime("%H:%M:%S")
    return _(
        "The coordinator at {url} does not answer. Below is what was known at {clock}; this page tries again by itself."
    ).format(url=url, clock=clock)
