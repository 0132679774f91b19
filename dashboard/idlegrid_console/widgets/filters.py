"""Filters of a page that stand in its address by their codes: it says the same in any language.

Streamlit's own binding writes the words that are shown, which another visitor's language does not know.
"""

from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st

LONGEST = 200
"""Characters of a value that an address may give."""


class Filters:
    """The filters of the page at `page`, as the parameters of its address with their defaults; of those in `allowed`
    the values that they may have.

    A widget of one has `key(parameter)` as its key, `given(parameter)` as its default and `keep` as its `on_change`.
    Its default, since a value that is set through the session reaches the browser with one drawing alone: a browser
    that is slow to open the page would miss it, and report the widget's own default as the visitor's choice.
    """

    def __init__(self, page: str, defaults: Mapping[str, Any], allowed: Mapping[str, Collection[Any]]) -> None:
        self._page, self._defaults, self._allowed = page, defaults, allowed
        self._place = f"{page}_filters"

    def key(self, parameter: str) -> str:
        """The widget's key: pages have parameters of one name, but no widgets."""
        return f"{self._page}_{parameter}"

    def given(self, parameter: str) -> Any:
        """What the address said when the page was opened, or what was put since."""
        return st.session_state.get(self._place, {}).get(parameter, self._defaults[parameter])

    def value(self, parameter: str) -> Any:
        """What is chosen."""
        if self.key(parameter) in st.session_state:
            return st.session_state[self.key(parameter)] or self._defaults[parameter]
        return self.given(parameter)

    def put(self, parameter: str, value: Any) -> None:
        """Choose this for a parameter that has no widget with its key."""
        st.session_state.setdefault(self._place, {})[parameter] = value

    def restore(self) -> None:
        """Take what the address says, the default where it says nothing or nonsense.

        To be called when the page is opened, before the widgets are drawn: from then on they know better.
        """
        for parameter in self._defaults:
            st.session_state.pop(self.key(parameter), None)
        st.session_state[self._place] = {parameter: self._of_address(parameter) for parameter in self._defaults}

    def keep(self) -> None:
        """Let the address say what is chosen, but for defaults; nothing once the page was left."""
        if st.session_state.get("standing") != self._page:
            return
        for parameter, default in self._defaults.items():
            value = self.value(parameter)
            if value == default:
                st.query_params.pop(parameter, None)
            else:
                st.query_params[parameter] = str(value)

    def _of_address(self, parameter: str) -> Any:
        default = self._defaults[parameter]
        given: Any = st.query_params.get(parameter, str(default))[:LONGEST]
        if isinstance(default, int):
            given = int(given) if given.isascii() and given.isdigit() and len(given) < 9 else default
        return given if given in self._allowed.get(parameter, (given,)) else default
