"""The filters of the list of runs: they stand in the address, so that a list can be sent to somebody."""

import streamlit as st

from idlegrid_console.data import run_filters
from idlegrid_console.data.run_filters import Filters
from idlegrid_console.texts import RUN_SORT, RUN_STATUS, SINCE, _, name
from idlegrid_console.widgets import address

PAGE = "runs_page"
"""The key of the pagination."""

_TASK = "runs_of"
_STANDING = "runs"
"""The page's name in the address."""


def take(wanted: Filters) -> None:
    """Have the fields hold these; to be called before they are drawn, when the whole page is."""
    given = st.session_state
    given.runs_status, given.runs_search, given.runs_since = wanted.status, wanted.search, wanted.since
    given.runs_submitter, given.runs_node = wanted.submitter, wanted.node
    given.runs_sort, given.runs_size, given[PAGE], given[_TASK] = wanted.sort, wanted.size, wanted.page, wanted.task_id


def say_again(wanted: Filters, run_id: int | None) -> None:
    """Let the browser's address say what the page was opened with: a link from a page to itself leaves it as it was."""
    run = {} if run_id is None else {"run": str(run_id)}
    address.write(run | run_filters.for_address(wanted))


def chosen() -> Filters:
    """What the fields hold now."""
    given = st.session_state
    return Filters(
        status=given.get("runs_status") or "all",
        search=(given.get("runs_search") or "").strip(),
        submitter=(given.get("runs_submitter") or "").strip(),
        node=(given.get("runs_node") or "").strip(),
        task_id=given.get(_TASK),
        since=given.get("runs_since") or "ever",
        sort=given.get("runs_sort") or "newest",
        size=given.get("runs_size") or run_filters.SIZES[0],
        page=given.get(PAGE) or 1,
    )


def fields() -> None:
    """The fields; what is rarely wanted is folded away."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            _("Status"), ["all", *RUN_STATUS], key="runs_status", required=True, label_visibility="collapsed",
            format_func=lambda code: _("all") if code == "all" else name(code, RUN_STATUS), on_change=_changed,
        )  # fmt: skip
        st.text_input(
            _("Search"), key="runs_search", type="search", width=210, max_chars=run_filters.LONGEST,
            placeholder=_("Task name or run number"), label_visibility="collapsed", on_change=_changed,
        )  # fmt: skip
        st.selectbox(
            _("Made"), list(SINCE), key="runs_since", width=190, label_visibility="collapsed",
            format_func=lambda code: name(code, SINCE), on_change=_changed,
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
    now = chosen()
    take(Filters(sort=now.sort, size=now.size))
    _write()


def _more() -> None:
    label, folded = _("More"), chosen().out_of_sight
    with st.popover(f"{label} ({folded})" if folded else label, icon=":material/tune:", key="runs_more"):
        st.text_input(_("Submitter"), key="runs_submitter", max_chars=run_filters.LONGEST, on_change=_changed)
        st.text_input(
            _("Node"), key="runs_node", max_chars=run_filters.LONGEST, on_change=_changed, placeholder="lab-07-3f2a91c4"
        )
        st.selectbox(
            _("Order"), list(RUN_SORT), key="runs_sort", format_func=lambda code: name(code, RUN_SORT),
            on_change=_changed,
        )  # fmt: skip
        st.selectbox(_("Rows per page"), run_filters.SIZES, key="runs_size", on_change=_changed)


def _changed() -> None:
    st.session_state[PAGE] = 1
    _write()


def _write() -> None:
    """What is chosen into the address, unless the page was left meanwhile."""
    if st.session_state.get("standing") == _STANDING:
        address.write(run_filters.for_address(chosen()))
