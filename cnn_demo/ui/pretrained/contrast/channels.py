"""Page 4, compare classes: the difference of the logits, taken apart by the features of the last layer."""

from __future__ import annotations

import cv2
import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.drawing.heatmaps import blend, map_colours
from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.contrast import ChannelEvidence, channel_evidence
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.pretrained.contrast.question import Pair
from cnn_demo.ui.widgets.charts import CHART_CONFIG, chart_colours
from cnn_demo.ui.widgets.heatmap_controls import is_small, picture_url
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

COUNT = 10  # channels shown


def show_channels(photo: Photo, model: Classifier, seen: np.ndarray, pair: Pair) -> ChannelEvidence | None:
    """Show the features that contribute most to the difference of both logits, and their maps."""
    st.subheader("Which channels decide", anchor=False)
    found = _evidence(photo, model, pair.indices)
    if found is None:
        st.info("The logits of this network are not a weighted sum of features, so they cannot be taken apart.")
        return None
    order = found.strongest(COUNT)
    order = order[np.argsort(-found.contributions[order], kind="stable")]  # those for A first
    st.markdown(in_words(found, pair, order))
    st.plotly_chart(
        _chart(found, order),
        key="contrast_channels",
        config=CHART_CONFIG,
        alt=f"Contributions of {len(order)} channels to the difference of the logits of {' and '.join(pair.classes)}.",
    )
    if found.maps is not None:
        _maps(photo, seen, found, order, pair)
    return found


@photo_cache(queued=True)
def _evidence(photo: Photo, model: Classifier, indices: tuple[int, int]) -> ChannelEvidence | None:
    return channel_evidence(model, model.prepare(photo.pixels), *indices)


def in_words(found: ChannelEvidence, pair: Pair, order: np.ndarray) -> str:
    """Describe the sum: the shown channels, the others, and the bias."""
    shown = float(found.contributions[order].sum())
    rest = found.difference - shown - found.bias
    others = len(found.features) - len(order)
    return (
        f"The logit of “{pair.classes[0]}” minus that of “{pair.classes[1]}” is **{signed(found.difference)}**. It is "
        "a sum over the features of the last layer: each feature times the difference of its two weights. The "
        f"{len(order)} largest terms add {signed(shown)}, the {others:,} others {signed(rest)}, the bias "
        f"{signed(found.bias)}."
    )


def signed(value: float) -> str:
    """Write a number with its sign and two decimals."""
    return f"{value:+.2f}".replace("-", "−")


def _chart(found: ChannelEvidence, order: np.ndarray) -> go.Figure:
    values = found.contributions[order]
    colours = chart_colours()
    figure = go.Figure(
        go.Bar(
            x=values,
            y=[f"channel {index}" for index in order],
            orientation="h",
            marker={"color": [colours.orange if value > 0 else colours.blue for value in values]},
            text=[signed(float(value)) for value in values],
            textposition="auto",
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    figure.update_layout(height=340, margin={"l": 0, "r": 8, "t": 8, "b": 0}, showlegend=False)
    figure.update_xaxes(title="contribution: right for A, left for B")
    figure.update_yaxes(title="", autorange="reversed")
    return figure


def _maps(photo: Photo, seen: np.ndarray, found: ChannelEvidence, order: np.ndarray, pair: Pair) -> None:
    """Show where each of the channels is active, over the photo."""
    maps = found.maps
    if maps is None:
        return
    is_signed = bool(maps.min() < 0)
    cards = []
    for index in order:
        colours = cv2.resize(map_colours(maps[..., index], is_signed), seen.shape[1::-1])
        value = float(found.contributions[index])
        cards.append(
            Card(
                picture_url(blend(seen, colours, pair.opacity)),
                f"Channel {index} over the input of the network, for {pair.classes[value <= 0]}: {photo.description}",
                f"Channel {index}",
                (f"{signed(value)}, for {'AB'[value <= 0]}",),
            )
        )
    height, width = seen.shape[:2]
    picture_cards(cards, width=100, columns=5, ratio=f"{width} / {height}", pixelated=is_small(seen))
