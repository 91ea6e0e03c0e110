"""Controls of page 2's stack of layers; they edit the stack's text, which is its only copy."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from cnn_demo.convolution import ACTIVATIONS
from cnn_demo.convolution.stack import (
    CONV_RANGES,
    LEARNED_SIZE,
    LOCAL_KINDS,
    MAX_LAYERS,
    POOL_RANGES,
    ConvLayer,
    Layer,
    PoolLayer,
)
from cnn_demo.convolution.stack_text import format_stack
from cnn_demo.ui.layers.maps import learned_kernels
from cnn_demo.ui.layers.settings import (
    POOL_TITLES,
    PRESETS,
    SOURCE_TITLES,
    overlap_sentence,
    read_layer,
    read_stack,
    value_of,
    write_stack,
)
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.choice import choose

PADDINGS = {"same": "Same", "valid": "Valid", "pixels": "Explicit"}
LONGEST_TEXT = 400  # characters: six layers take fewer than 200
_SOURCE_HELP = (
    "Hand-made: edges, spots, lines and a blur, applied to the mean of all input maps. Random: He initialization, one "
    "kernel for each input map. Learned: the 5 × 5 kernels of the first layer of the bundled CNN, for the photo only."
)


def stack_buttons(layers: tuple[Layer, ...]) -> None:
    """Show the buttons that add, remove or move a layer."""
    number = read_layer(SESSION, len(layers))
    full = len(layers) >= MAX_LAYERS
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        why = f"A stack has at most {MAX_LAYERS} layers." if full else None
        _button("Add convolution", "add_box", full, _insert, ConvLayer(source="random"), why=why)
        _button("Add pooling", "compress", full, _insert, PoolLayer(), why=why)
        _button("Remove", "delete", len(layers) == 1, _remove)
        _button("Move left", "arrow_back", number <= 1, _move, -1)
        _button("Move right", "arrow_forward", number >= len(layers), _move, 1)


def preset_control() -> None:
    """Show the menu of known stacks, with the name of the present one if it is one of them."""
    present = value_of(SESSION, "stack")
    _held("preset", next((name for name, text in PRESETS.items() if text == present), None))
    st.selectbox(
        "Presets",
        list(PRESETS),
        index=None,
        placeholder="Load a preset",
        key="preset",
        label_visibility="collapsed",
        on_change=_take_preset,
    )


def _button(
    title: str, icon: str, disabled: bool, action: Callable[..., None], *args: Layer | int, why: str | None = None
) -> None:
    st.button(
        title,
        key=f"stack_{title}",
        icon=f":material/{icon}:",
        disabled=disabled,
        on_click=action,
        args=args,
        help=why,
    )


def _current() -> tuple[list[Layer], int]:
    layers, _ = read_stack(SESSION)
    return list(layers), read_layer(SESSION, len(layers))


def _insert(layer: Layer) -> None:
    layers, number = _current()
    layers.insert(number, layer)
    write_stack(SESSION, tuple(layers[:MAX_LAYERS]), number + 1)


def _remove() -> None:
    layers, number = _current()
    if len(layers) > 1:
        del layers[number - 1]
    write_stack(SESSION, tuple(layers), number)


def _move(way: int) -> None:
    layers, number = _current()
    if 1 <= number + way <= len(layers):
        layers.insert(number - 1 + way, layers.pop(number - 1))
        number += way
    write_stack(SESSION, tuple(layers), number)


def _take_preset() -> None:
    preset = st.session_state["preset"]
    if preset in PRESETS:
        st.session_state["stack"] = PRESETS[preset]
        st.session_state["layer"] = 1


def stack_text() -> None:
    """Show the stack as the text that the link holds.

    Every stack has its own field. A browser reports the values of all fields with each move of a slider, also of the
    field of a previous stack, so that a value counts only if the visitor has edited it.
    """
    text = value_of(SESSION, "stack")[:LONGEST_TEXT]
    key = f"stack_text_{zlib.crc32(text.encode())}"
    st.text_input(
        "Stack as text",
        text,
        key=key,
        on_change=_take_text,
        args=(key, text),
        max_chars=LONGEST_TEXT,
        help=(
            "Convolution: c, filters, size, stride, padding, dilation, activation, source. Pooling: p, kind, size, "
            "stride; or p, kind, global. Layers are separated by underscores."
        ),
    )


def _take_text(key: str, unedited: str) -> None:
    if st.session_state[key] != unedited:
        st.session_state["stack"] = st.session_state[key]


def layer_controls(layers: tuple[Layer, ...]) -> None:
    """Show the selected layer and its settings."""
    numbers = list(range(1, MAX_LAYERS + 1))
    _held("layer", read_layer(SESSION, len(layers)))
    choose("Layer", numbers[: len(layers)], key="layer", default=1)
    number = read_layer(SESSION, len(layers))
    layer = layers[number - 1]
    if isinstance(layer, ConvLayer):
        _convolution_controls(layer, number)
    else:
        _pooling_controls(layer, number)


def _convolution_controls(layer: ConvLayer, number: int) -> None:
    learned = layer.source == "learned"
    sources = [
        name for name in SOURCE_TITLES if name != "learned" or learned or (number == 1 and _has_learned_kernels())
    ]
    _choice("Weights", "source", layer.source, sources, SOURCE_TITLES, number, _SOURCE_HELP)
    left, right = st.columns(2)
    with left:
        _slider("Filters", "filters", layer.filters, number)
        _slider("Stride", "stride", layer.stride, number)
    with right:
        _slider("Kernel size", "size", layer.size, number, disabled=learned)
        _slider("Dilation", "dilation", layer.dilation, number)
    named = layer.padding if isinstance(layer.padding, str) else "pixels"
    _choice("Padding", "padding", named, list(PADDINGS), PADDINGS, number)
    if isinstance(layer.padding, int):
        _slider("Padding in pixels", "pad", layer.padding, number)
    _select("Activation", "activation", layer.activation, {key: a.title for key, a in ACTIVATIONS.items()}, number)
    if layer.source == "random":
        key = f"l{number}_seed"
        _held(key, layer.seed)
        low, high = CONV_RANGES["seed"]
        st.number_input("Seed", low, high, key=key, on_change=_take, args=(number,))


def _pooling_controls(layer: PoolLayer, number: int) -> None:
    everywhere = layer.size is None
    kinds = {key: title for key, title in POOL_TITLES.items() if not everywhere or key not in LOCAL_KINDS}
    _select("Pooling", "kind", layer.kind, kinds, number)
    key = f"l{number}_global"
    _held(key, everywhere)
    st.toggle(
        "Global pooling",
        key=key,
        disabled=layer.kind in LOCAL_KINDS,
        on_change=_take,
        args=(number,),
        help="Keeps one value of each map, whatever the size of the photo.",
    )
    if layer.size is None:
        return
    left, right = st.columns(2)
    with left:
        _slider("Window size", "window", layer.size, number)
    with right:
        _slider("Stride", "step", layer.stride, number)
    st.caption(overlap_sentence(layer.size, layer.stride))


def _has_learned_kernels() -> bool:
    return learned_kernels() is not None


def _held(key: str, value: str | int | None) -> None:
    """Set a widget to the value in the stack's text, whatever the source of the text.

    An unchanged value is not written again: the browser would reset a slider that the visitor has moved in the
    meantime.
    """
    if st.session_state.get(key) != value:
        st.session_state[key] = value


_RANGES = CONV_RANGES | {
    "pad": CONV_RANGES["padding"],
    "window": POOL_RANGES["size"],
    "step": POOL_RANGES["stride"],
}


def _slider(label: str, name: str, value: int, number: int, disabled: bool = False) -> None:
    key = f"l{number}_{name}"
    _held(key, value)
    low, high = _RANGES[name]
    st.slider(label, low, high, key=key, disabled=disabled, on_change=_take, args=(number,))


def _choice(
    label: str,
    name: str,
    value: str,
    options: list[str],
    titles: dict[str, str],
    number: int,
    text: str | None = None,
) -> None:
    key = f"l{number}_{name}"
    _held(key, value)
    st.segmented_control(
        label,
        options,
        required=True,
        format_func=titles.__getitem__,
        key=key,
        help=text,
        on_change=_take,
        args=(number,),
        wrap=True,
    )


def _select(label: str, name: str, value: str, titles: dict[str, str], number: int) -> None:
    key = f"l{number}_{name}"
    _held(key, value)
    st.selectbox(label, list(titles), format_func=titles.__getitem__, key=key, on_change=_take, args=(number,))


def _take(number: int) -> None:
    """Write the control values of layer `number` into the stack."""
    layers, _ = _current()
    if number > len(layers):
        return
    layer = layers[number - 1]
    held = _held_convolution(layer, number) if isinstance(layer, ConvLayer) else _held_pooling(layer, number)
    layers[number - 1] = replace(layer, **held)
    # The selected layer stays unchanged: the visitor may have selected another one at the same moment.
    st.session_state["stack"] = format_stack(tuple(layers))


def _value(number: int, name: str, otherwise: Any) -> Any:
    value = st.session_state.get(f"l{number}_{name}")
    return otherwise if value is None else value


def _held_convolution(layer: ConvLayer, number: int) -> dict[str, Any]:
    names = ("filters", "size", "stride", "dilation", "activation", "source", "seed")
    held = {name: _value(number, name, getattr(layer, name)) for name in names}
    padding = _value(number, "padding", layer.padding)
    held["padding"] = _value(number, "pad", 1) if padding == "pixels" else padding
    if held["source"] == "learned":
        held["size"] = LEARNED_SIZE
        if layer.source != "learned":
            held["filters"] = max(layer.filters, 16)  # enough of them to recognize the learned filters
    return held


def _held_pooling(layer: PoolLayer, number: int) -> dict[str, Any]:
    everywhere = _value(number, "global", layer.size is None)
    size = None if everywhere else _value(number, "window", layer.size or 2)
    return {"kind": _value(number, "kind", layer.kind), "size": size, "stride": _value(number, "step", layer.stride)}
