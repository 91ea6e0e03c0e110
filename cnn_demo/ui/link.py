"""What a link may set."""

import streamlit as st


def link_binding(key: str) -> str | None:
    """Bind a number to the link, unless the link holds one that is infinite: Streamlit's number field fails on it.

    Args:
        key: The widget's key, which is its name in the link.

    Returns:
        What the widget's `bind` takes.
    """
    try:
        int(float(st.query_params.get(key, 0)))
    except (ValueError, OverflowError):
        return None
    return "query-params"
