"""The filters of the list of runs: they stand in the address, so that a list can be sent to somebody."""

import streamlit as st

from idlegrid_console.data import run_filters
from idlegrid_console.data.run_filters import Filters
from idlegrid_console.texts import RUN_SORT, RUN_STATUS, SINCE, _, name
from idlegrid_console.widgets import address

PAGE = "runs_page"
"""The key of the pagination."""

_TASK = "runs_of"
_GIVEN = "runs_given"
_FIELDS = ("runs_status", "runs_search", "runs_since", "runs_submitter", "runs_node", "runs_sort", "runs_size")
_STANDING = "runs"
"""The page's name in the address."""


def take(wanted: Filters) -> None:
    """Have the fields hold these; to be called before they are drawn, when the whole page is.

    They hold them as their defaults: see `widgets/filters.py`.
    """
    for field in _FIELDS:
        st.session_state.pop(field, None)
    st.session_state[_GIVEN], st.session_state[PAGE], st.session_state[_TASK] = wanted, wanted.page, wanted.task_id


def say_again(wanted: Filters, run_id: int | None) -> None:
    """Let the browser's address say what the page was opened with: a link from a page to itself leaves it as it was."""
    run = {} if run_id is None else {"run": str(run_id)}
    address.write(run | run_filters.for_address(wanted))


def chosen() -> Filters:
    """What the fields hold now."""
    given, now = _given(), st.session_state
    return Filters(
        status=now.get("runs_status", given.status) or "all",
        search=(now.get("runs_search", given.search) or "").strip(),
        submitter=(now.get("runs_submitter", given.submitter) or "").strip(),
        node=(now.get("runs_node", given.node) or "").strip(),
        task_id=now.get(_TASK),
        since=now.get("runs_since", given.since) or "ever",
        sort=now.get("runs_sort", given.sort) or "newest",
        size=now.get("runs_size", given.size) or run_filters.SIZES[0],
        page=now.get(PAGE) or 1,
    )


def _given() -> Filters:
    """What the address said when the whole page was drawn."""
    given: Filters = st.session_state.get(_GIVEN) or Filters()
    return given


def fields() -> None:
    """The fields; what is rarely wanted is folded away."""
    given = _given()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            _("Status"), ["all", *RUN_STATUS], default=given.status, key="runs_status", required=True,
            label_visibility="collapsed",
            format_func=lambda code: _("all") if code == "all" else name(code, RUN_STATUS), on_change=_changed,
        )  # fmt: skip
        st.text_input(
            _("Search"), given.search, key="runs_search", type="search", width=210, max_chars=run_filters.LONGEST,
            placeholder=_("Task name or run number"), label_visibility="collapsed", on_change=_changed,
        )  # fmt: skip
        st.selectbox(
            _("Made"), list(SINCE), list(SINCE).index(given.since), key="runs_since", width=190,
            label_visibility="collapsed", format_func=lambda code: name(code, SINCE), on_change=_changed,
        )  # fmt: skip
        _more()


def turned() -> None:
    """Another page of the list: the address is to say which."""
    _write()


def all_tasks() -> None:
    """The runs of all tasks again."""
    st.session_state[_TASK] = None
    _changed()


def forget_all() -> None:
    """All runs again, in the same order and number."""
    now = st.session_state
    now.runs_status, now.runs_search, now.runs_since, now.runs_submitter, now.runs_node = "all", "", "ever", "", ""
    now[_TASK] = None
    _changed()


def _more() -> None:
    given, label, folded = _given(), _("More"), chosen().out_of_sight
    with st.popover(f"{label} ({folded})" if folded else label, icon=":material/tune:", key="runs_more"):
        st.text_input(
            _("Submitter"), given.submitter, key="runs_submitter", max_chars=run_filters.LONGEST, on_change=_changed
        )
        st.text_input(
            _("Node"), given.node, key="runs_node", max_chars=run_filters.LONGEST, on_change=_changed,
            placeholder="lab-07-3f2a91c4",
        )  # fmt: skip
        st.selectbox(
            _("Order"), list(RUN_SORT), list(RUN_SORT).index(given.sort), key="runs_sort",
            format_func=lambda code: name(code, RUN_SORT), on_change=_changed,
        )  # fmt: skip
        sizes = run_filters.SIZES
        st.selectbox(_("Rows per page"), sizes, sizes.index(given.size), key="runs_size", on_change=_changed)


def _changed() -> None:
    st.session_state[PAGE] = 1
    _write()


def _write() -> None:
    """What is chosen into the address, unless the page was left meanwhile."""
    if st.session_state.get("standing") == _STANDING:
        address.write(run_filters.for_address(chosen()))
