"""Number fields of page 2 that select a position on a map; out-of-range values from the link are clipped."""

import streamlit as st

from cnn_demo.ui.page.link import link_binding


def bounded_number(label: str, low: int, high: int, key: str, middle: int) -> int:
    """Show a number field from `low` to `high` and return its value, `middle` if none is set.

    Args:
        label: Label of the field.
        low: Smallest value.
        high: Largest value; larger values in the session or the link are clipped to it.
        key: Widget key and name in the link.
        middle: Default value.
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
