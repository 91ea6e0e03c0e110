"""Controls of the channel switches, and what they are set to."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnn_demo.models.explanation.channel_ablation import LARGEST_SCALE
from cnn_demo.ui.page.link import sync_query_param
from cnn_demo.ui.widgets.channel_switches.channel_text import ALL, LONGEST, NONE, TOP
from cnn_demo.ui.widgets.choice import choose

RANKINGS = {"estimated": "Estimated", "measured": "Measured"}
TEN = f"{TOP}10"


@dataclass(frozen=True)
class Keys:
    """Keys of the controls on one page, which are their names in the link.

    Attributes:
        prefix: First part of each key, as "off".
    """

    prefix: str

    @property
    def layer(self) -> str:
        """Key of the layer."""
        return f"{self.prefix}_layer"

    @property
    def label(self) -> str:
        """Key of the class."""
        return f"{self.prefix}_class"

    @property
    def scale(self) -> str:
        """Key of the factor."""
        return f"{self.prefix}_scale"

    @property
    def channels(self) -> str:
        """Key of the chosen channels, a text that no widget holds."""
        return f"{self.prefix}_channels"

    @property
    def ranking(self) -> str:
        """Key of the way in which channels are ranked."""
        return f"{self.prefix}_ranking"

    @property
    def defaults(self) -> dict[str, Any]:
        """Default of every control."""
        return {self.layer: None, self.label: None, self.scale: 0.0, self.channels: TEN, self.ranking: "estimated"}


def layer_control(keys: Keys, layers: Sequence[str], first: str, title: Callable[[str], str]) -> str:
    """Let the visitor choose a layer.

    Args:
        keys: Keys of the controls.
        layers: Names of the layers.
        first: The one by default.
        title: Function from a name to a title.
    """
    chosen = st.selectbox(
        "Layer",
        layers,
        index=None,
        placeholder=f"{title(first)}: the last maps",
        format_func=title,
        key=keys.layer,
        bind="query-params",
        on_change=_another_layer,
        args=(keys,),
        help="All layers whose channels can be switched off, in the order of computation.",
    )
    return chosen or first


def scale_control(keys: Keys) -> float:
    """Let the visitor choose the factor of the chosen channels."""
    return st.slider(
        "Multiply the chosen channels by",
        0.0,
        LARGEST_SCALE,
        keys.defaults[keys.scale],
        0.1,
        key=keys.scale,
        format="%.1f",
        bind="query-params",
        help="0 switches them off, 1 changes nothing, 2 doubles them.",
    )


def ranking_control(keys: Keys) -> bool:
    """Let the visitor choose how channels are ranked; return whether by measurement."""
    ranking = choose(
        "Contribution of each channel",
        RANKINGS,
        key=keys.ranking,
        default=keys.defaults[keys.ranking],
        help=(
            "**Estimated**: activation × gradient, at once. **Measured**: each channel is switched off alone, and the "
            "rest of the network runs once for each."
        ),
    )
    return ranking == "measured"


def channels_control(keys: Keys) -> str:
    """Let the visitor choose channels by buttons and as text; return the text."""
    sync_query_param(keys.channels, TEN)
    text = chosen_text(keys)
    with st.container(horizontal=True, gap="xsmall"):
        for label, value in (("Top ten", TEN), ("All", ALL), ("None", NONE)):
            st.button(
                label,
                key=f"{keys.prefix}_{value}",
                on_click=_write,
                args=(keys, value),
                type="primary" if text == value else "secondary",
                help="The ten channels that contribute most to the class." if value == TEN else None,
            )
    # Every text has its own field: the browser reports all fields with each move of a slider, also of an earlier text.
    field = f"{keys.prefix}_text_{zlib.crc32(text.encode())}"
    return st.text_input(
        "Chosen channels",
        text,
        key=field,
        on_change=_take,
        args=(keys, field, text),
        max_chars=LONGEST,
        help="Indices and ranges, such as 3 17 200-203; or all, none, top10.",
    )


def chosen_text(keys: Keys) -> str:
    """Return the chosen channels as text."""
    return (st.session_state.get(keys.channels) or TEN)[:LONGEST]


def _another_layer(keys: Keys) -> None:
    """Indices are those of another layer; the words are valid for any."""
    if chosen_text(keys) not in (ALL, NONE):
        _write(keys, TEN)


def _write(keys: Keys, text: str) -> None:
    st.session_state[keys.channels] = text


def _take(keys: Keys, field: str, unedited: str) -> None:
    if st.session_state[field] != unedited:
        _write(keys, st.session_state[field].strip() or NONE)
