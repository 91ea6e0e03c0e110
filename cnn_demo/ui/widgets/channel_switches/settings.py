"""Controls of the channel switches and their values."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnn_demo.models.explanation.channel_ablation import LARGEST_SCALE
from cnn_demo.ui.page.link import sync_query_param, write_query_param
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.channel_switches.channel_text import ALL, LONGEST, NONE, TOP, fits_any_layer, write_channels
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
    def owner(self) -> str:
        """Key, in the session, of the network and the layer that the chosen channels belong to."""
        return f"{self.prefix}_owner"

    @property
    def note(self) -> str:
        """Key, in the session, of a sentence that is shown once."""
        return f"{self.prefix}_note"

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


def channels_control(keys: Keys, owner: tuple[str, str]) -> str:
    """Let the visitor choose channels by buttons and as text; return the text.

    Args:
        keys: Keys of the controls.
        owner: Key of the network and name of the layer.
    """
    sync_query_param(keys.channels, TEN)
    _leave_others(keys, owner)
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
    written = st.text_input(
        "Chosen channels",
        text,
        key=field,
        on_change=_take,
        args=(keys, field, text),
        max_chars=LONGEST,
        help="Indices and ranges, such as 3 17 200-203; or all, none, top10.",
    )
    if note := SESSION.pop(keys.note, ""):
        st.info(note, icon=":material/info:")
    return written


def chosen_text(keys: Keys) -> str:
    """Return the chosen channels as text."""
    return (st.session_state.get(keys.channels) or TEN)[:LONGEST]


def choose_channels(keys: Keys, channels: Iterable[int]) -> None:
    """Choose channels by their indices; called back by the maps that a visitor clicks."""
    text = write_channels(channels)
    if len(text) <= LONGEST:
        _write(keys, text)
    else:
        SESSION[keys.note] = (
            f"Nothing has changed: the indices would be longer than the {LONGEST} characters of **Chosen channels**. "
            "Ranges such as 0-99 are shorter."
        )


def _leave_others(keys: Keys, owner: tuple[str, str]) -> None:
    """Choose the first ten instead of indices that are those of another network or layer; words are valid for any.

    If the text is another one than before, it was set for this network, as by Back or by a link.
    """
    text = chosen_text(keys)
    before, unchanged = SESSION.get(keys.owner, (owner, text))
    if before != owner and unchanged == text and not fits_any_layer(text):
        text = TEN
        _write(keys, text)
        write_query_param(keys.channels, text, TEN)
        other = "layer" if before[0] == owner[0] else "network"
        SESSION[keys.note] = (
            f"The chosen channels were those of another {other}, so the top ten of this one are chosen now."
        )
    SESSION[keys.owner] = owner, text


def _write(keys: Keys, text: str) -> None:
    st.session_state[keys.channels] = text


def _take(keys: Keys, field: str, unedited: str) -> None:
    if st.session_state[field] != unedited:
        _write(keys, st.session_state[field].strip() or NONE)
