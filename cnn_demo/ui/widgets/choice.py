"""A choice between a few options, as buttons in a row."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

Option = TypeVar("Option")


def choose(
    label: str,
    options: Sequence[Option] | Mapping[Option, str],
    *,
    key: str,
    default: Option,
    help: str | None = None,
    on_change: Callable[[], None] | None = None,
    disabled: bool = False,
    hide_label: bool = False,
) -> Option:
    """Let the visitor choose one option, which is part of the page's link.

    Args:
        label: Label of the control.
        options: The options; a mapping has the title of each, which the link then holds.
        key: Widget key, and the name in the link.
        default: Option chosen at first, and if a link leaves the choice empty.
        help: Help text.
        on_change: Callback after a choice.
        disabled: Whether nothing can be chosen.
        hide_label: Show the label to screen readers only.
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
        disabled=disabled,
        label_visibility="collapsed" if hide_label else "visible",
    )
    return default if chosen is None else chosen
