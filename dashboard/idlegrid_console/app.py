"""The console's entry: what every page has, and which pages there are."""

from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from idlegrid_console.reruns import put_requests_right
from idlegrid_console.texts import _, n_, speak_to
from idlegrid_console.widgets import confirm, grid, language, rights, sign_in

HERE = Path(__file__).parent

STYLE = """<style>
[data-stale="true"] {opacity: 1 !important; transition: none !important}
[class*="st-key-submit_"] textarea, [class*="st-key-task_"] textarea, .st-key-trigger textarea
{font-family: monospace; font-size: 13px; line-height: 1.45}
a:focus-visible, button:focus-visible, summary:focus-visible, [tabindex="0"]:focus-visible
{outline: 2px solid var(--st-primary-color, #2a9d6f) !important; outline-offset: 2px}
</style>"""
"""What the theme cannot say: parts do not fade while they wait for their refresh, code looks like code, and whoever
uses the keyboard sees where they are."""


class _View(NamedTuple):
    name: str
    title: str
    icon: str
    scopes: tuple[str, ...]
    """Any of them opens it; `admin` opens all."""


VIEWS = (
    _View("overview", n_("Overview"), ":material/monitoring:", ("read:system",)),
    _View("submit", n_("Submit"), ":material/send:", ("submit",)),
    _View("tasks", n_("Tasks"), ":material/event_repeat:", ("read:tasks",)),
    _View("runs", n_("Runs"), ":material/list_alt:", ("read:runs", "submit")),
    _View("nodes", n_("Nodes"), ":material/dns:", ("read:workers",)),
    _View("queues", n_("Queues"), ":material/low_priority:", ("read:system",)),
    _View("system", n_("System"), ":material/monitor_heart:", ("read:system",)),
    _View("keys", n_("Keys"), ":material/key:", ()),
    _View("webhooks", n_("Webhooks"), ":material/webhook:", ("webhooks",)),
)
"""The pages, in the order of the navigation; the first is what the console's bare address shows."""


def main() -> None:
    """Draw the frame and the page that was opened, or what lets a visitor in."""
    put_requests_right()
    speak_to(language.spoken)
    st.set_page_config(
        page_title="idlegrid", page_icon=str(HERE / "logo.svg"), layout="wide", initial_sidebar_state=224
    )
    st.html(STYLE)
    st.logo(str(HERE / "logo.svg"), size="large")
    rights.learn()
    pages = {_page(view): view for view in VIEWS}
    page = st.navigation(list(pages), position="sidebar" if rights.current().refused is None else "hidden")
    if rights.current().refused is None:
        _sidebar()
        confirm.place()
        _open(page, pages)
    else:
        sign_in.page(rights.current())
        _sidebar()


def _page(view: _View) -> Any:
    """One that the key does not open is not in the navigation; its address still leads to the reason."""
    shown: Any = "visible" if _opens(view) else "hidden"
    path = f"views/{view.name}.py"
    return st.Page(path, title=_(view.title), icon=view.icon, default=view is VIEWS[0], visibility=shown)


def _opens(view: _View) -> bool:
    """While the coordinator has never answered nobody knows: then each page says so."""
    return rights.may(*view.scopes) or not rights.current().known


def _sidebar() -> None:
    with st.sidebar:
        with st.container(gap=None):
            st.caption(_("Coordinator"))
            st.text(grid.address())
        sign_in.account(rights.current())
        language.choice()


def _open(page: Any, pages: dict[Any, _View]) -> None:
    """Whatever the address says is for whoever opens a page; while it stands, what they choose there goes before."""
    st.session_state.just_opened = st.session_state.get("standing") != page.url_path
    st.session_state.standing = page.url_path
    if _opens(pages[page]):
        page.run()
    else:
        _closed(pages[page], [each for each, view in pages.items() if _opens(view)])


def _closed(view: _View, open_pages: list[Any]) -> None:
    """A page that the key does not open; who comes to the bare address is led to the first that it does."""
    if view is VIEWS[0] and open_pages:
        st.switch_page(open_pages[0])
    st.title(_(view.title), anchor=False)
    wanted = " / ".join(view.scopes or (rights.ADMIN,))
    st.warning(_("This page needs the scope {scope}, which your key lacks.").format(scope=f"`{wanted}`"))


main()
