"""Parts of an activation's weighted sum: contributions and kernels of the input channels."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from cnn_demo.drawing.pictures import below_each_other
from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.models.classification.units import UnitSum
from cnn_demo.results import Activations
from cnn_demo.ui.components.tiles import Tile, tiles
from cnn_demo.ui.network.pictures import enlarged, paint, palette_of, window_and_kernel
from cnn_demo.ui.network.walk import state
from cnn_demo.ui.network.walk.channel import channel_name
from cnn_demo.ui.network.walk.stages import layer_label
from cnn_demo.ui.widgets.number_grid import number_grid, short_number

MOST = 8  # parts shown individually
SIDE = 96  # side of a drawn map in pixels
_CELL = "border:0;padding:1px 8px 1px 0"
_TRACK = "position:relative;height:12px;background:linear-gradient(90deg,transparent 49.7%,rgba(128,128,128,.6) 49.7% "
_TRACK += "50.3%,transparent 50.3%)"
_BAR = "position:absolute;top:0;height:12px;border-radius:2px;{side}:50%;width:{width:.1f}%;background:{colour}"


def plain(value: float) -> str:
    """Write a number with four decimals and a real minus sign."""
    return f"{value + 0.0:.4f}".replace("-", "−")


def show_parts(
    layers: Mapping[str, NetworkLayer], result: Activations, selection: state.Selection, opened: UnitSum
) -> None:
    """Show the parts of the selected activation's sum, grouped as its layer adds them, and the sum."""
    before = [layers[name] for name in opened.source.inputs]
    if opened.source.kind == "pool":
        plane = result.maps[before[0].name][..., selection.channel]
        title = f"The map of {channel_name(opened.layer, selection.channel)}: {plane.size} values"
        labels = list(range(plane.shape[0])), list(range(plane.shape[1]))
        number_grid(plane, title=title, alt=title, labels=labels)
        st.markdown(_total(result, selection, opened))
        _open_button(before[0], selection.channel)
        return
    st.markdown(f"**How this activation is computed.** {_explanation(opened, before)}")
    grid = st.grid(2, min_column_width=280, gap="medium")
    left, right = grid.cell(), grid.cell()
    with left:
        st.html(part_bars(_rows(opened, before)))
        st.markdown(_total(result, selection, opened))
    with right:
        if opened.window is None or opened.kernel is None:
            _ways(result, selection, before)
        elif opened.source.kind == "convolution":
            _kernels(result, opened, opened.window, opened.kernel, before[0])
        else:
            _averages(layers, result, opened, opened.window, opened.kernel, before[0])
    if opened.source.kind == "convolution" and opened.window is not None and opened.kernel is not None:
        _products(opened, opened.window, opened.kernel, before[0])


def _explanation(opened: UnitSum, before: list[NetworkLayer]) -> str:
    count = len(opened.parts)
    if opened.source.kind == "add":
        return "Two values at the same position are added."
    if opened.source.kind == "dense":
        return f"Each of {count} averages is multiplied by this class's weight for it."
    tail = " The strongest come first." if count > 3 else ""
    return f"Each of the {count} channels of “{layer_label(before[0].name)}” has its own kernel.{tail}"


def _total(result: Activations, selection: state.Selection, opened: UnitSum) -> str:
    """Return a text with the sum and the network's own value."""
    operation = {"pool": "Their average", "add": "Sum of both branches"}.get(opened.source.kind, "Sum")
    text = f"**{operation}** = **{plain(opened.total)}**"
    if opened.layer.kind == "activation":
        text += f" → ReLU → **{plain(opened.value)}**"
    value = float(result.maps[selection.layer.name][selection.unit])
    return f"{text}  \nValue computed by the network: **{plain(value)}**"


def _rows(opened: UnitSum, before: list[NetworkLayer]) -> list[tuple[str, float]]:
    """Return (label, value) of the strongest parts, of all others together, and of the bias."""
    if opened.source.kind == "add":
        return [(layer_label(layer.name), float(part)) for layer, part in zip(before, opened.parts, strict=True)]
    order = opened.strongest
    rows = [(channel_name(before[0], int(at)).capitalize(), float(opened.parts[at])) for at in order[:MOST]]
    if len(order) > MOST:
        rows.append((f"{len(order) - MOST} others together", float(opened.parts[order[MOST:]].sum())))
    return [*rows, ("Bias", opened.bias)]


def part_bars(rows: list[tuple[str, float]]) -> str:
    """Return an HTML table with a bar for each (label, value): red to the right if positive, else blue to the left."""
    largest = max((abs(value) for _, value in rows), default=0.0) or 1.0
    lines = []
    for label, value in rows:
        side, colour = ("left", "#b2182b") if value > 0 else ("right", "#2166ac")
        bar = _BAR.format(side=side, width=abs(value) / largest * 50, colour=colour)
        sign = "+" if value > 0 else ""
        lines.append(
            f'<tr><td style="{_CELL};white-space:nowrap">{label}</td>'
            f'<td style="{_CELL};width:45%"><div style="{_TRACK}"><div style="{bar}"></div></div></td>'
            f'<td style="{_CELL};text-align:right;font-variant-numeric:tabular-nums">{sign}{plain(value)}</td></tr>'
        )
    style = "width:100%;border-collapse:collapse;font-size:14px"
    return f'<table style="{style}" aria-label="Parts of the sum">{"".join(lines)}</table>'


def _kernels(
    result: Activations, opened: UnitSum, window: np.ndarray, kernel: np.ndarray, before: NetworkLayer
) -> None:
    """Show the strongest input channels, each with the window framed and its kernel beside it."""
    values = result.maps[before.name]
    rows, columns = kernel.shape[:2]
    largest = float(np.abs(kernel).max())
    chosen = [int(at) for at in opened.strongest[:MOST]]
    pictures, items = [], []
    for channel in chosen:
        plane = values[..., channel]
        pictures.append(
            window_and_kernel(
                paint(plane, palette_of(before), float(np.abs(plane).max())),
                paint(kernel[..., channel], "signed", largest),
                (*opened.corner, rows, columns),
                SIDE,
            )
        )
        name = channel_name(before, channel)
        items.append(Tile(channel, f"{name}, and its kernel", f"{name}: {short_number(opened.parts[channel])}"))
    if before.kind == "input":
        _in_colour(window, kernel)
    tiles(
        below_each_other(np.stack(pictures)),
        items,
        pictures[0].shape[:2],
        key="kernels",
        label="Input channels and their kernels",
        chosen=_input_channel(opened),
        on_pick=lambda channel: st.session_state.update({state.INPUT: channel}),
        width=122,
    )
    more = len(opened.parts) - len(chosen)
    st.caption(
        f"Left: the input channel with the window; right: its kernel (full colour ±{short_number(largest)})."
        + (f" {more} more are not shown." if more else "")
        + " Click one to see its products."
    )


def _in_colour(window: np.ndarray, kernel: np.ndarray) -> None:
    """Show window and kernel of the first layer in colour."""
    scale = float(np.abs(kernel).max()) or 1.0
    painted = paint_rgb(window), paint_rgb(kernel / scale)
    tiles(
        below_each_other(np.stack([enlarged(picture, 80, 80) for picture in painted])),
        [
            Tile(0, "The window in colour", "window"),
            Tile(1, "The kernel in colour; grey is zero", "kernel, grey is 0"),
        ],
        (80, 80),
        key="in_colour",
        label="Window and kernel in colour",
        width=96,
    )


def paint_rgb(values: np.ndarray) -> np.ndarray:
    """Turn (H, W, 3) values from −1 to 1 into a colour image, uint8."""
    return np.rint(np.clip(values + 1, 0, 2) * 127.5).astype(np.uint8)


def _input_channel(opened: UnitSum) -> int:
    """Return the input channel whose products are shown: the selected one, or the strongest."""
    picked = st.session_state.get(state.INPUT)
    return int(picked) if picked is not None and 0 <= picked < len(opened.parts) else int(opened.strongest[0])


def _products(opened: UnitSum, window: np.ndarray, kernel: np.ndarray, before: NetworkLayer) -> None:
    """Show window, kernel and products of one input channel as values."""
    channel = _input_channel(opened)
    name = channel_name(before, channel)
    rows, columns = kernel.shape[:2]
    labels = [list(range(at, at + count)) for at, count in zip(opened.corner, (rows, columns), strict=True)]
    pixels = window[..., channel]
    weights = kernel[..., channel]
    grid = st.grid(3, min_column_width=250)
    containers = [grid.cell() for _ in range(3)]
    for container, values, title, marks in (
        (containers[0], pixels, f"Window of {name}", (labels[0], labels[1])),
        (containers[1], weights, "× its kernel", None),
        (containers[2], pixels * weights, f"= products, sum {plain(float(opened.parts[channel]))}", None),
    ):
        with container:
            number_grid(values, title=title, alt=title, labels=marks)
    middle = opened.corner[0] + rows // 2, opened.corner[1] + columns // 2
    _open_button(before, channel, *middle)


def _open_button(layer: NetworkLayer, channel: int, *pixel: int) -> None:
    """Show a button that opens the input channel of a part of the sum."""
    st.button(
        f"Open {channel_name(layer, channel)} of “{layer_label(layer.name)}”",
        icon=":material/arrow_back:",
        type="tertiary",
        key="open_input",
        on_click=state.open_unit,
        args=(layer, channel, *pixel),
    )


def _ways(result: Activations, selection: state.Selection, before: list[NetworkLayer]) -> None:
    """Show the selected channel in both branches that are added; a click opens one."""
    pictures, items = [], []
    for at, layer in enumerate(before):
        plane = result.maps[layer.name][..., selection.channel]
        painted = paint(plane, palette_of(layer), float(np.abs(plane).max()))
        pictures.append(window_and_kernel(painted, None, (selection.row, selection.column, 1, 1), SIDE))
        items.append(Tile(at, f"Open {layer_label(layer.name)}", layer_label(layer.name)))
    tiles(
        below_each_other(np.stack(pictures)),
        items,
        (SIDE, SIDE),
        key="ways",
        label="Both branches",
        on_pick=lambda at: state.open_unit(before[at], selection.channel, selection.row, selection.column),
        width=SIDE + 32,
    )
    st.caption(f"Channel {selection.channel} on both branches. Click one to open it.")


def _averages(
    layers: Mapping[str, NetworkLayer],
    result: Activations,
    opened: UnitSum,
    averages: np.ndarray,
    weights: np.ndarray,
    before: NetworkLayer,
) -> None:
    """Show the maps whose averages contribute most to a class; a click opens one."""
    maps = layers[before.inputs[0]]
    chosen = [int(at) for at in opened.strongest[:MOST]]
    pictures, items = [], []
    for channel in chosen:
        plane = result.maps[maps.name][..., channel]
        pictures.append(enlarged(paint(plane, palette_of(maps), float(np.abs(plane).max())), SIDE, SIDE))
        product = f"{short_number(averages[channel])} × {short_number(weights[channel])}"
        items.append(Tile(channel, f"Channel {channel}: average × weight = {product}", f"{channel}: {product}"))
    tiles(
        below_each_other(np.stack(pictures)),
        items,
        (SIDE, SIDE),
        key="averages",
        label="Maps with the largest contributions",
        on_pick=lambda channel: state.open_unit(maps, channel),
        width=96,
    )
    st.caption(f"Channels of “{layer_label(maps.name)}” with average × weight. Click one to open it.")
