"""The coordinators' log: filters that stand in the address, a page of lines, one of them in full, and keeping them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid_console.data import logs, system_figures
from idlegrid_console.data.clock import ago
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.system_texts import LOG_LEVEL, SERVICES
from idlegrid_console.texts import _, name
from idlegrid_console.widgets import choice
from idlegrid_console.widgets.filters import Filters
from idlegrid_console.widgets.parts import label_column, time_column
from idlegrid_console.widgets.task_links import RUNS, TASKS

WEBHOOKS = "views/webhooks.py"

SPANS = {"any": None, "hour": 3_600.0, "day": 86_400.0, "week": 7 * 86_400.0}
"""How far back lines may lie, in seconds; the record keeps them for 30 days."""

_SHOWN, _CHOSEN = "shown_logs", "chosen_log"


FILTERS = Filters(
    "system",
    {"level": "all", "service": "all", "search": "", "span": "any", "page": 1, "harvest": "day"},
    {"level": ("all", *LOG_LEVEL), "service": ("all", *SERVICES), "span": SPANS, "harvest": ("day", "week", "month")},
)
"""What the page's address says; `harvest` is the span of the part above."""


def question(now: datetime) -> dict[str, Any]:
    """What `Client.system_logs` is asked for by the filters."""
    level, service, span = (FILTERS.value(parameter) for parameter in ("level", "service", "span"))
    return {
        "page": FILTERS.value("page"),
        "level": None if level == "all" else level,
        "service": None if service == "all" else service,
        "search": FILTERS.value("search").strip(),
        "start_time": logs.since(SPANS[span], now),
    }


def fields() -> None:
    """The filters' fields."""
    with st.container(horizontal=True, vertical_alignment="center"):
        _choice("level", _("Level"), {"all": _("all levels")} | LOG_LEVEL)
        _choice("span", _("Span"), {
            "any": _("any time"), "hour": _("last hour"), "day": _("last day"), "week": _("last week"),
        })  # fmt: skip
        st.selectbox(
            _("Service"), ["all", *SERVICES], index=["all", *SERVICES].index(FILTERS.given("service")),
            key=FILTERS.key("service"), width=150, on_change=_changed,
            format_func=lambda code: _("all services") if code == "all" else code, label_visibility="collapsed",
        )  # fmt: skip
        st.text_input(
            _("Search"), FILTERS.given("search"), key=FILTERS.key("search"), type="search", width=260, max_chars=200,
            on_change=_changed, label_visibility="collapsed", placeholder=_("Search messages and traces"),
        )  # fmt: skip


def _choice(parameter: str, label: str, words: Mapping[str, str]) -> None:
    st.segmented_control(
        label, list(words), default=FILTERS.given(parameter), key=FILTERS.key(parameter), required=True,
        on_change=_changed,
        format_func=lambda code: _(words[code]), label_visibility="collapsed",
    )  # fmt: skip


def _changed() -> None:
    st.session_state[FILTERS.key("page")] = 1
    FILTERS.keep()


def paging(total_pages: int) -> None:
    """The pages, when there are several."""
    if total_pages > 1:
        st.session_state[FILTERS.key("page")] = min(FILTERS.value("page"), total_pages)
        st.pagination(total_pages, key=FILTERS.key("page"), on_change=FILTERS.keep)


def lines(entries: Sequence[logs.Entry]) -> None:
    """A page of lines; the chosen one stands below in full."""
    now = datetime.now(UTC)
    kept()[:] = entries
    choice.mark("logs_table", logs.position(entries, st.session_state.get(_CHOSEN)))
    st.dataframe(
        logs.table(entries, now), hide_index=True, key="logs_table", on_select=_choose, selection_mode="single-row",
        column_config=_columns(), height=min(38 + 35 * len(entries), 560), placeholder="", alt=_("Log lines"),
    )  # fmt: skip
    if (chosen := st.session_state.get(_CHOSEN)) is not None:
        _in_full(chosen, now)
    else:
        st.caption(_("Choose a line by the box at its left to see all that was logged with it."))


def kept() -> list[logs.Entry]:
    """The lines shown last: the same list all along, which what is downloaded is made of when it is asked for."""
    shown: list[logs.Entry] = st.session_state.setdefault(_SHOWN, [])
    return shown


def _choose() -> None:
    st.session_state[_CHOSEN] = choice.marked("logs_table", kept())


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "time": time_column(_("Time"), "D MMM HH:mm:ss", 116),
        "age": column.TextColumn(_("Age"), width=92),
        "level": label_column(_("Level"), LOG_LEVEL, system_figures.LEVEL_COLOURS, width=84),
        "service": column.TextColumn(_("Service"), width=84),
        "message": column.TextColumn(_("Message"), width="large"),
        "trace": column.TextColumn(_("Trace"), width=170),
    }


def _in_full(entry: logs.Entry, now: datetime) -> None:
    with st.container(border=True, gap="small", key="log_line"):
        level = name(one_line(entry.get("level") or ""), LOG_LEVEL)
        st.caption(plain_markdown(f"{ago(entry.get('timestamp'), now, st.context.timezone)}, {level}"))
        st.code(logs.message(entry), language=None, wrap_lines=True)
        st.code(logs.details(entry), language="json", wrap_lines=True)
        _ways(entry)


def _ways(entry: logs.Entry) -> None:
    """To what the line speaks of, and to all other lines of the same request or firing."""
    links = {"run": (RUNS, _("Run {id}")), "task": (TASKS, _("Task {id}")), "webhook": (WEBHOOKS, _("Webhook {id}"))}
    with st.container(horizontal=True):
        if trace := logs.trace(entry):
            st.button(_("All lines of this trace"), icon=":material/timeline:", key="log_trace", on_click=_follow,
                      args=(trace,))  # fmt: skip
        for kind, number in logs.leads(entry):
            page, words = links[kind]
            st.page_link(page, label=words.format(id=number), icon=":material/arrow_forward:",
                         query_params={kind: str(number)})  # fmt: skip


def _follow(trace: str) -> None:
    for parameter, value in {"search": trace, "level": "all", "service": "all", "span": "any"}.items():
        st.session_state[FILTERS.key(parameter)] = value
    _changed()


def downloads() -> None:
    """The lines shown, to be kept as text or as a table. To stand outside what refreshes itself (see `files`)."""
    shown = kept()
    with st.container(horizontal=True):
        st.download_button(
            _("Download as text"), lambda: logs.as_text(list(shown)), "idlegrid-log.txt", "text/plain", key="log_text",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        st.download_button(
            _("Download as CSV"), lambda: logs.as_csv(list(shown)), "idlegrid-log.csv", "text/csv", key="log_csv",
            on_click="ignore", icon=":material/table:",
        )  # fmt: skip
