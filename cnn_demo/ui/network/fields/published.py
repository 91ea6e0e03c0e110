"""Receptive fields of five published networks, computed from their layers."""

from typing import Any

import cv2
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.convolution.published_networks import PUBLISHED, PublishedNetwork, stages
from cnn_demo.convolution.receptive_field import MapGeometry
from cnn_demo.images import Photo
from cnn_demo.ui.network.fields import drawings as views
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.widgets.charts import CHART_CONFIG, GREY
from cnn_demo.ui.widgets.choice import choose

_PADDING = 128  # grey level of the border


def published_view(
    photo: Photo, defaults: dict[str, Any], panel: DeltaGenerator, stage: DeltaGenerator, details: DeltaGenerator
) -> None:
    """Show a network's receptive field on the photo, its growth, and a comparison of all five networks."""
    titles = {network.title: network for network in PUBLISHED}
    with panel:
        title = choose("Network", list(titles), key="field_network", default=defaults["field_network"])
    network = titles[title]
    container, chart = stage.columns([2, 3])
    with container:
        _show_position(photo, network)
    with chart:
        _growth(network)
    details.table(comparison())
    details.caption(
        "Computed from each network's layers (TF-Slim's versions), following every branch, in agreement with [Araujo, "
        "Norris & Sim (2019)](https://distill.pub/2019/computing-receptive-fields/). In deeper networks the field is "
        "larger than the whole image, wherever the unit is."
    )


@photo_cache()
def _square(photo: Photo, side: int) -> np.ndarray:
    """Return the central square crop of the photo, the input of these networks."""
    height, width = photo.size
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    crop = np.ascontiguousarray(photo.pixels[top : top + edge, left : left + edge])
    return cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA if edge >= side else cv2.INTER_LINEAR)


def _show_position(photo: Photo, network: PublishedNetwork) -> None:
    name, last = stages(network)[-1]
    side = network.side
    unit = views.opened_unit(last, (side, side))
    pixels, offset = with_padding(_square(photo, side), last, unit)
    (mark,) = views.frames(last, unit, 0)
    mark = type(mark)(mark.row + offset[0], mark.column + offset[1], mark.height, mark.width)
    field = last.fields[0].size
    more = " The grey border is padding." if any(offset) else ""
    views.show_position(
        pixels,
        pixels.shape[:2],
        [mark],
        key="field_published",
        alt=f"The receptive field of {network.title} on {photo.name}",
        caption=(
            f"The input has {side} × {side} pixels; the receptive field of a unit of {name} has {field:,} × "
            f"{field:,}.{more} Click to select another position."
        ),
        offset=offset,
        clickable=(side, side),
        max_height=420,
        step=last.fields[0].jump,
    )


def with_padding(pixels: np.ndarray, last: MapGeometry, unit: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the image with a grey border that covers the unit's field, and the offset of the image in it."""
    amounts = []
    for axis in (0, 1):
        low, high = last.fields[axis].span(unit[axis])
        amounts.append((max(0, -low), max(0, high - pixels.shape[axis] + 1)))
    (top, bottom), (left, right) = amounts
    padded = cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(_PADDING,) * 3)
    return padded, (top, left)


def _growth(chosen: PublishedNetwork) -> None:
    figure = go.Figure()
    for network in PUBLISHED:
        rows = stages(network)
        figure.add_scatter(
            x=list(range(1, len(rows) + 1)),
            y=[geometry.fields[0].size for _, geometry in rows],
            text=[name for name, _ in rows],
            mode="lines+markers",
            name=network.title,
            opacity=1 if network is chosen else 0.35,
            line={"width": 4 if network is chosen else 2},
            hovertemplate=f"{network.title}, %{{text}}: %{{y:,}} px<extra></extra>",
        )
    figure.add_hline(
        chosen.side,
        line={"dash": "dot", "color": GREY},
        annotation_text=f"input: {chosen.side} px",
        annotation_position="top left",
    )
    figure.update_layout(height=340, margin={"l": 0, "r": 0, "t": 4, "b": 0}, legend={"orientation": "h", "y": 1.12})
    figure.update_xaxes(title="stage of the network", rangemode="tozero")
    figure.update_yaxes(title="receptive field (pixels of the input)", rangemode="tozero")
    st.plotly_chart(
        figure,
        key="field_published_growth",
        config=CHART_CONFIG,
        alt="How the receptive fields of five published networks grow from stage to stage.",
    )


@st.cache_data(max_entries=1, show_spinner=False)
def comparison() -> pd.DataFrame:
    """Return the five networks' receptive fields at the last stage, beside their image sizes."""
    rows = {}
    for network in PUBLISHED:
        name, last = stages(network)[-1]
        field = last.fields[0]
        rows[network.title] = (  # the most important columns first: a phone shows only these
            f"{field.size:,} px",
            f"{network.side} px",
            f"{field.size / network.side:.2f} ×",
            f"{last.size[1]} × {last.size[0]}",
            f"{field.jump} px",
            name,
            str(network.year),
        )
    columns = ["Receptive field", "Input", "Field / input", "Map", "Jump", "Layer", "Year"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)
