"""Choices that are part of the page's link: one of a few options, as buttons in a row, and an index."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar

import streamlit as st

from cnn_demo.ui.page.link import link_binding

Option = TypeVar("Option")


def choose(
    label: str,
    options: Sequence[Option] | Mapping[Option, str],
    *,
    key: str,
    default: Option,
    help: str | None = None,
    on_change: Callable[[], None] | None = None,
    hide_label: bool = False,
    persist_state: Literal["session"] | None = None,
) -> Option:
    """Let the visitor choose one option, which is part of the page's link.

    Args:
        label: Label of the control.
        options: The options; a mapping has the title of each, which the link then holds.
        key: Widget key, and the name in the link.
        default: Option chosen at first, and if a link leaves the choice empty.
        help: Help text.
        on_change: Callback after a choice.
        hide_label: Show the label to screen readers only.
        persist_state: "session" to keep the choice while the control is not shown.
    """
    chosen = st.segmented_control(
        label,
        list(options),
        default=default,
        required=True,
        format_func=options.__getitem__ if isinstance(options, Mapping) else str,
        key=key,
        bind="query-params",
        help=help,
        on_change=on_change,
        label_visibility="collapsed" if hide_label else "visible",
        wrap=True,
        persist_state=persist_state,
    )
    return default if chosen is None else chosen


def index_field(
    label: str, count: int, *, key: str, placeholder: str, persist_state: Literal["session"] | None = None
) -> int | None:
    """Let the visitor type an index; an empty field stands for the value in the placeholder.

    Args:
        label: Label of the field, to which the range is added.
        count: Number of items. An index beyond them, as one of a larger layer is, becomes the last one.
        key: Widget key, and the name in the link.
        placeholder: Text of the empty field.
        persist_state: "session" to keep the index while the field is not shown.

    Returns:
        The index, from 0 to count - 1, or None if the field is empty.
    """
    index = st.session_state.get(key)
    if index is not None and not 0 <= index < count:
        st.session_state[key] = int(min(max(index, 0), count - 1))
    index = st.number_input(
        f"{label}, 0 to {count - 1}",
        0,
        count - 1,
        value=None,
        placeholder=placeholder,
        key=key,
        bind=link_binding(key),
        persist_state=persist_state,
    )
    return None if index is None else int(index)
