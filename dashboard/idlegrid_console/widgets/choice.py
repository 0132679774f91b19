"""A table of which rows are chosen, and stay chosen while rows come and go."""

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def mark(table: str, rows: list[int]) -> None:
    """Put the mark of the table with this key on these rows, before it is drawn.

    Rows move as new ones come: the mark has to follow what it marks, not stay on its line.
    """
    marked = {"rows": rows, "columns": [], "cells": []}
    if st.session_state.get(table, {}).get("selection", {}).get("rows") != rows:
        st.session_state[table] = {"selection": marked}


def marked(table: str, shown: Sequence[T]) -> T | None:
    """Which of those that the table shows, in its order, the visitor has just marked; None for none."""
    rows = st.session_state[table]["selection"]["rows"]
    return shown[rows[0]] if rows and rows[0] < len(shown) else None


def all_marked(table: str, shown: Sequence[T]) -> list[T]:
    """The same of a table in which several rows may be marked."""
    rows = st.session_state[table]["selection"]["rows"]
    return [shown[row] for row in rows if row < len(shown)]
