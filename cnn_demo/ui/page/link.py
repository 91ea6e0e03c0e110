"""Settings that a link may carry."""

from typing import Any, Literal

import streamlit as st

# For a control that several tabs of a page show: it is in the link and keeps its value in other tabs.
LINKED_AND_PERSISTENT: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}


def link_binding(key: str) -> Literal["query-params"] | None:
    """Bind a number to the link, unless the link holds an infinite one: Streamlit's number field fails on it.

    Args:
        key: The widget's key, which is its name in the link.

    Returns:
        Value of the widget's argument `bind`.
    """
    try:
        int(float(st.query_params.get(key, 0)))
    except (ValueError, OverflowError):
        return None
    return "query-params"


def sync_query_param(key: str, default: str) -> None:
    """Keep a text of the session, which no widget holds, in the link; read it from the link when the session begins.

    Args:
        key: Key in the session state, also its name in the link.
        default: Value if neither has one; links omit it.
    """
    if key not in st.session_state and key in st.query_params:
        st.session_state[key] = st.query_params[key]
    value = st.session_state.get(key, default)
    if value == default:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value
