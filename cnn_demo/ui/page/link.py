"""Settings that a link may carry."""

from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.query_params import QueryParams, _coerce_value_for_query_url

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


def went_back_or_forward() -> bool:
    """Whether this run follows the browser's Back or Forward: the link then decides, as for a new session."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def sync_query_param(key: str, default: str, fits: Callable[[str], bool] = lambda _: True) -> None:
    """Keep a text of the session, which no widget holds, in the link; read it from the link when the session begins.

    Args:
        key: Key in the session state, also its name in the link.
        default: Value if neither has one; links omit it.
        fits: Whether a value can be used. One that cannot stays in the session, where the visitor can correct it, but
            leaves the link: a reload would show its error again.
    """
    if went_back_or_forward():
        st.session_state[key] = st.query_params.get(key, default)
    elif key not in st.session_state and key in st.query_params:
        st.session_state[key] = st.query_params[key]
    value = st.session_state.get(key, default)
    write_query_param(key, value if fits(value) else default, default)


def write_query_param(key: str, value: str, default: str) -> None:
    """Write a value into the link, which omits the default."""
    if value == default:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value


def complete_link() -> None:
    """Write the values of bound controls into the link where Streamlit leaves them out, or leaves an old one.

    It leaves out a value that a callback has set before its control was first drawn, as an experiment and *Edit the
    weights* do. If a control moves while the page is about to run again, that run has the control's new value, but the
    link from before. Streamlit has no public function for this; a test opens the link of every experiment.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    state = context.session_state
    with state.query_params() as params:
        drawn = {key: each.widget_id for key, each in params._bindings_by_param.items()}
        for key, widget_id in drawn.items():
            metadata = state._state.get_widget_metadata(widget_id)
            if widget_id not in context.shared.widget_ids_this_run or metadata is None:
                continue
            value = state[key]
            if value == metadata.deserializer(None):
                continue
            if value is None or value == []:
                _correct(params, key, "", "string_value")  # as Streamlit writes a control that was emptied
            else:
                _correct(params, key, metadata.serializer(value), metadata.value_type)


def _correct(params: QueryParams, key: str, value: Any, value_type: str) -> None:
    """Write a value into the link, if the link has another one."""
    before = params.get_all(key)
    params.set_with_no_forward_msg(key, _coerce_value_for_query_url(value, value_type))
    if urlencode({key: params.get_all(key)}, doseq=True) != urlencode({key: before}, doseq=True):
        params._send_query_param_msg()
