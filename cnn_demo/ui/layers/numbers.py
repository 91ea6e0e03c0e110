"""Number fields of page 2 that open a place on a map: their range follows the map, and the link may hold anything."""

import streamlit as st

from cnn_demo.ui.page.link import link_binding


def bounded_number(label: str, low: int, high: int, key: str, middle: int) -> int:
    """Show a number field for `low` to `high` and return what it holds, `middle` where nothing was set yet.

    Args:
        label: What the field is called.
        low: Smallest value.
        high: Largest value; what the session or the link holds beyond it becomes it.
        key: Widget key and name in the link.
        middle: What is open where nothing was chosen.
    """
    held = st.session_state.get(key)
    if held is not None and not low <= held <= high:
        st.session_state[key] = min(max(int(held), low), high)
    shown = st.number_input(
        f"{label}, {low} to {high}",
        low,
        high,
        value=None,
        placeholder=str(middle),
        key=key,
        bind=link_binding(key),
        persist_state="session",
    )
    return min(max(middle if shown is None else int(shown), low), high)
