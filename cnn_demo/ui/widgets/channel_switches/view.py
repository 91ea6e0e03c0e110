"""The channel switches: controls, probabilities before and after, the maps, and the ranking of the channels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.channel_ablation import (
    CutNetwork,
    Losses,
    cut_network,
    estimated_losses,
    measured_losses,
    scaled_logits,
)
from cnn_demo.models.explanation.channel_layers import channel_layers
from cnn_demo.models.explanation.feature_maps import convolutional_layers
from cnn_demo.results import percent
from cnn_demo.ui.page.caching import NameFunctions, photo_cache
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.widgets.cached_progress import stoppable
from cnn_demo.ui.widgets.change_bars import change_bars, changed_classes
from cnn_demo.ui.widgets.channel_switches.channel_text import read_channels
from cnn_demo.ui.widgets.channel_switches.grid import points_text, switch_grid
from cnn_demo.ui.widgets.channel_switches.settings import (
    Keys,
    channels_control,
    layer_control,
    ranking_control,
    scale_control,
)
from cnn_demo.ui.widgets.charts import CHART_CONFIG, chart_colours
from cnn_demo.ui.widgets.class_box import class_box

BARS = 20  # channels in the chart
FIRST = 5  # classes listed before all others
_PARTIAL = "channel_losses_so_far"  # in the session: (name of the ranking, its losses so far)


def channel_switches(
    photo: Photo,
    model: Classifier,
    containers: tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator],
    keys: Keys,
    layer_title: Callable[[str], str] = str,
) -> None:
    """Let the visitor switch channels off, and show how the prediction follows.

    Args:
        photo: The visitor's photo.
        model: A classifier.
        containers: Those of `controls_picture_and_details`.
        keys: Keys of the controls on this page.
        layer_title: Function from the name of a layer to its title.
    """
    panel, stage, details = containers
    with panel:
        first = convolutional_layers(model.network)[-1]
        layer = layer_control(keys, channel_layers(model.network), first, layer_title)
    cut = _cut(photo, model, layer)
    before = model.probabilities(cut.logits)
    top = [model.labels[index] for index in np.argsort(-before, kind="stable")[:FIRST]]
    with panel:
        label = class_box("Class", keys.label, model, top, f"{top[0]}: the prediction") or top[0]
        scale = scale_control(keys)
        text = channels_control(keys, (model.spec.key, layer))
        measured = ranking_control(keys)
    index = model.labels.index(label)
    with stage:
        losses = _losses(photo, model, cut, index, measured=measured)
        chosen, problem = read_channels(text, cut.channels, losses.order())
        if problem:
            st.warning(plain(problem), icon=":material/edit:")
        after = _after(photo, model, cut, chosen, scale)
        bars_container, grid_container = st.columns([5, 6], gap="medium")
        with bars_container:
            st.markdown(_in_words(before, after, len(chosen), cut.channels, scale, label, model.labels))
            rows = changed_classes(before, after, first=index)
            caption = "Probabilities before and after the change"
            change_bars([model.labels[row] for row in rows], before[rows], after[rows], caption=caption)
        with grid_container:
            switch_grid(photo, model, cut, losses, chosen, keys)
    with details:
        _ranking(losses, label, keys)


@photo_cache("Computing the layer…", queued=True)
def _cut(photo: Photo, model: Classifier, layer: str) -> CutNetwork:
    return cut_network(model, model.prepare(photo.pixels), layer)


_BY_LAYER: NameFunctions = {CutNetwork: lambda cut: cut.layer}


@photo_cache(names=_BY_LAYER, queued=True)
def _after(photo: Photo, model: Classifier, cut: CutNetwork, chosen: tuple[int, ...], scale: float) -> np.ndarray:
    """Return the probabilities (K,) with the chosen channels multiplied."""
    scales = np.ones((1, cut.channels), np.float32)
    scales[0, list(chosen)] = scale
    return model.probabilities(scaled_logits(model, cut, scales)[0])


@photo_cache("Estimating the contributions…", names=_BY_LAYER, queued=True)
def _estimated(photo: Photo, model: Classifier, cut: CutNetwork, label_index: int) -> Losses:
    return estimated_losses(model, model.prepare(photo.pixels), cut.layer, label_index)


def _losses(photo: Photo, model: Classifier, cut: CutNetwork, label_index: int, *, measured: bool) -> Losses:
    """Return the loss of each channel; those measured so far, if the visitor has stopped the measurement."""
    estimated = _estimated(photo, model, cut, label_index)
    if not measured:
        return estimated
    name = ("channel_losses", photo.key, model.spec.key, cut.layer, label_index)

    def measure(report: Callable[[float], None]) -> Losses:
        last = None
        for last in measured_losses(model, cut, label_index, estimated.order()):
            st.session_state[_PARTIAL] = name, last
            report(last.done / cut.channels)
        if last is None:
            raise ValueError("A layer has at least one channel.")
        return last

    title = f"Switching off {cut.channels:,} channels, one after the other…"
    found = stoppable([photo], name, title, st.empty(), measure)
    if found is not None:
        return found
    kept_name, so_far = st.session_state.get(_PARTIAL, ((), None))
    if kept_name != name or so_far is None:
        return estimated
    st.caption(f"Stopped after {so_far.done:,} of {cut.channels:,} channels, which were the first by the estimate.")
    return so_far


def _in_words(
    before: np.ndarray, after: np.ndarray, chosen: int, count: int, scale: float, label: str, labels: tuple[str, ...]
) -> str:
    """Return the change in one sentence."""
    now, then = labels[int(after.argmax())], labels[int(before.argmax())]
    if not chosen:
        return f"All {count:,} channels are on. The prediction is **{then}**, {percent(float(before.max()))}."
    done = "off" if scale == 0 else f"multiplied by {scale:g}"
    verb = "channel is" if chosen == 1 else "channels are"
    index = labels.index(label)
    outcome = f"The prediction is still **{now}**." if now == then else f"The prediction is now **{now}**."
    return (
        f"**{chosen:,}** of {count:,} {verb} {done}. **{label}** goes from {percent(float(before[index]))} to "
        f"**{percent(float(after[index]))}**. {outcome}"
    )


def _ranking(losses: Losses, label: str, keys: Keys) -> None:
    st.subheader("Which channels the prediction depends on", anchor=False)
    order = losses.order()
    shown = order[:BARS]
    helps = int((losses.points[order] > 0).sum())
    st.markdown(
        f"Without channel {order[0]}, the probability of **{label}** changes by "
        f"{points_text(float(losses.points[order[0]]))} percentage points. Of {losses.done:,} channels, {helps:,} "
        f"support the class; without any one of the {losses.done - helps:,} others, its probability does not fall."
    )
    st.plotly_chart(
        _chart(losses, shown),
        key=f"{keys.prefix}_chart",
        config=CHART_CONFIG,
        alt=f"The {len(shown)} channels that {label} loses most without, in percentage points.",
    )
    st.caption(
        (
            "**Measured**: each channel was multiplied by 0, alone, and the layers after it were computed again."
            if losses.measured
            else "**Estimated** by activation × gradient: the slope of the log-odds, times the activation. It is "
            "one backward pass, and wrong where the network is far from linear. *Measured* runs the network once for "
            "each channel."
        )
        + " Channels overlap: without ten of them, the class loses more or less than the ten losses add up "
        "to. The layers after still add their biases, so with all channels off they predict the same for any photo, "
        "unless a connection leads around this layer."
    )


def _chart(losses: Losses, shown: np.ndarray) -> go.Figure:
    points = -100 * losses.points[shown]
    colours = chart_colours()
    figure = go.Figure(
        go.Bar(
            x=[str(channel) for channel in shown],
            y=points,
            marker={"color": [colours.orange if value < 0 else colours.blue for value in points]},
            hovertemplate="channel %{x}: %{y:.3f} points<extra></extra>",
        )
    )
    figure.update_layout(height=260, margin={"l": 0, "r": 0, "t": 8, "b": 0}, showlegend=False)
    figure.update_xaxes(title="channel that is off", type="category")
    figure.update_yaxes(title="change of the probability", ticksuffix=" pts")
    return figure
